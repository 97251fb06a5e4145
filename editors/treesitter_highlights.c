/*
 * Prints editors/tree-sitter/queries/highlights.scm from the one table of words. A test
 * compares it with the file in the tree; the target editor_files renews that.
 */
#include "editors/words.h"

#include <stdio.h>

/* Anonymous nodes of the grammar. */
static void print_keywords(enum word_kind kind, const char *capture)
{
	printf("[\n  \"");
	print_words(kind, "\"\n  \"");
	printf("\"\n] @%s\n\n", capture);
}

/* Names in `place` that are among the words. */
static void print_names(enum word_kind kind, const char *place, const char *capture)
{
	printf("((%s (identifier) @%s)\n  (#any-of? @%s \"", place, capture, capture);
	print_words(kind, "\" \"");
	puts("\"))\n");
}

int main(void)
{
	puts("; Generated from dsl/keywords.def by editors/treesitter_highlights.c.\n"
	     "; No node is captured twice: programs differ in which pattern counts then.\n\n"
	     "(member name: (identifier) @property)\n"
	     "(named_argument name: (identifier) @variable.parameter)\n"
	     "(parameters (identifier) @variable.parameter)\n"
	     "(setting name: (identifier) @property)\n"
	     "(setting_block name: (identifier) @property)\n"
	     "(condition name: (identifier) @property)\n"
	     "(field name: (identifier) @property)\n"
	     "(step name: (identifier) @function)\n"
	     "(step_use name: (identifier) @function)\n"
	     "(reference module: (identifier) @namespace)\n"
	     "(reference step: (identifier) @function)\n"
	     "(import name: (identifier) @namespace)\n"
	     "(type word: (identifier) @constant)\n"
	     "(hook outcome: (identifier) @constant)\n");
	print_names(WORD_TYPE, "type name:", "type.builtin");
	print_names(WORD_SOURCE, "call name:", "function.builtin");
	print_names(WORD_FUNCTION, "call name:", "function.builtin");
	print_names(WORD_ACTION, "pipe action:", "function.builtin");
	print_keywords(WORD_RESERVED, "keyword");
	print_keywords(WORD_CONTEXTUAL, "keyword");
	puts("(number) @number\n"
	     "(string) @string\n"
	     "(regex) @string.special\n"
	     "(escape) @string.escape\n"
	     "(string_name) @variable\n"
	     "(interpolation) @embedded\n"
	     "(interpolation\n  \"${\" @punctuation.special\n  \"}\" @punctuation.special)\n"
	     "(interpreter) @function.macro\n"
	     "(comment) @comment\n\n"
	     "[\n  \"=\"\n  \"==\"\n  \"!=\"\n  \"<\"\n  \"<=\"\n  \">\"\n  \">=\"\n  \"+\"\n  "
	     "\"-\"\n"
	     "  \"*\"\n  \"/\"\n  \"%\"\n  \"..\"\n  \"|>\"\n  \"|\"\n  \"?\"\n] @operator\n\n"
	     "[\n  \",\"\n  \".\"\n  \":\"\n] @punctuation.delimiter\n\n"
	     "[\n  \"(\"\n  \")\"\n  \"[\"\n  \"]\"\n  \"{\"\n] @punctuation.bracket\n"
	     "(block \"}\" @punctuation.bracket)\n"
	     "(record \"}\" @punctuation.bracket)\n"
	     "(type \"}\" @punctuation.bracket)");
	return 0;
}
