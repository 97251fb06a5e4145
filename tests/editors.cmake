# The generated editor files say what the table of words says.
add_test(NAME editors_vim COMMAND sh -c
	"$<TARGET_FILE:editors_vim> | diff - ${CMAKE_SOURCE_DIR}/editors/vim/syntax/scitq.vim")
