/*
 * Prints editors/nano/scitq.nanorc from the one table of words and settings. A test
 * compares it with the file in the tree; the target editor_files renews that. Of nano's rules the
 * later ones paint over the earlier; they know one line, so the text of `run` is not shell here.
 */
#include "editors/words.h"

#include <stdio.h>

static void print_rule(const char *color, enum word_kind kind)
{
	printf("color %s \"\\<(", color);
	print_words(kind, "|");
	puts(")\\>\"");
}

int main(void)
{
	puts("# nano's highlighting of scitq workflows. Generated from dsl/keywords.def by "
	     "editors/nano_syntax.c.\n"
	     "syntax scitq \"\\.scitq$\"\n"
	     "comment \"#\"");
	puts("color magenta \"\\<[0-9][0-9.]*([A-Za-z]+|%)?\\>\"");
	print_rule("yellow", WORD_RESERVED);
	print_rule("yellow", WORD_CONTEXTUAL);
	print_rule("green", WORD_TYPE);
	print_rule("blue", WORD_SOURCE);
	print_rule("blue", WORD_FUNCTION);
	print_rule("blue", WORD_ACTION);
	fputs("color cyan \"\\<(", stdout);
	print_settings("|");
	puts(")\\>[[:space:]]*[={]\"");
	puts("color brightgreen \"\"([^\"\\]|\\\\.)*\"\"\n"
	     "color brightred \"\\$([A-Za-z_][A-Za-z0-9_]*|\\{[^}]*\\})\"\n"
	     "color brightblack \"(^|[[:space:]])#.*$\"");
	return 0;
}
