/*
 * Prints editors/emacs/scitq-words.el from the one table of words and settings. A
 * test compares it with the file in the tree; the target editor_files renews that.
 */
#include "editors/words.h"

#include <stdio.h>

static void print_constant(const char *name, enum word_kind kind)
{
	printf("(defconst scitq-words-%s\n  '(\"", name);
	print_words(kind, "\" \"");
	puts("\"))\n");
}

int main(void)
{
	puts(";;; scitq-words.el --- the words of scitq  -*- lexical-binding: t; -*-\n"
	     ";; Generated from dsl/keywords.def by editors/emacs_words.c.\n"
	     ";;; Code:\n");
	print_constant("reserved", WORD_RESERVED);
	print_constant("contextual", WORD_CONTEXTUAL);
	print_constant("types", WORD_TYPE);
	print_constant("sources", WORD_SOURCE);
	print_constant("functions", WORD_FUNCTION);
	print_constant("actions", WORD_ACTION);
	fputs("(defconst scitq-words-settings\n  '(\"", stdout);
	print_settings("\" \"");
	puts("\"))\n\n"
	     "(provide 'scitq-words)\n"
	     ";;; scitq-words.el ends here");
	return 0;
}
