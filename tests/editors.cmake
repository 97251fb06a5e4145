# The generated editor files say what the table of words says.
add_test(NAME editors_vim COMMAND sh -c
	"$<TARGET_FILE:editors_vim> | diff - ${CMAKE_SOURCE_DIR}/editors/vim/syntax/scitq.vim")
add_test(NAME editors_textmate_drift COMMAND sh -c
	"$<TARGET_FILE:editors_textmate> | diff - ${CMAKE_SOURCE_DIR}/editors/vscode/syntaxes/scitq.tmLanguage.json")
scitq_script_test(editors_textmate tests/editors/textmate)
set_tests_properties(editors_textmate PROPERTIES TIMEOUT 240)
scitq_script_test(lsp tests/e2e/lsp)
set_tests_properties(lsp PROPERTIES TIMEOUT 120)
