# The generated editor files say what the table of words says.
add_test(NAME editors_vim COMMAND sh -c
	"$<TARGET_FILE:editors_vim> | diff - ${CMAKE_SOURCE_DIR}/editors/vim/syntax/scitq.vim")
scitq_script_test(lsp tests/e2e/lsp)
set_tests_properties(lsp PROPERTIES TIMEOUT 120)
