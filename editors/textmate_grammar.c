/*
 * Prints editors/vscode/syntaxes/scitq.tmLanguage.json from the one table of words and
 * settings. A test compares it with the file in the tree; the target editor_files renews that.
 */
#include "editors/words.h"

#include <stdio.h>

static void print_rule(const char *scope, enum word_kind kind, const char *behind)
{
	printf("    { \"name\": \"%s.scitq\", \"match\": \"\\\\b(?:", scope);
	print_words(kind, "|");
	printf(")\\\\b%s\" },\n", behind);
}

int main(void)
{
	puts("{\n"
	     "  \"comment\": \"Generated from dsl/keywords.def by editors/textmate_grammar.c.\",\n"
	     "  \"name\": \"scitq\",\n"
	     "  \"scopeName\": \"source.scitq\",\n"
	     "  \"fileTypes\": [\"scitq\"],\n"
	     "  \"patterns\": [\n"
	     "    { \"include\": \"#run-text\" },\n"
	     "    { \"include\": \"#run-line\" },\n"
	     "    { \"name\": \"comment.line.number-sign.scitq\", \"match\": \"#.*$\" },\n"
	     "    { \"include\": \"#string\" },\n"
	     "    { \"name\": \"string.regexp.scitq\", \"match\": "
	     "\"(?<=matches)\\\\s*/(?:[^/\\\\\\\\]|\\\\\\\\.)*/\" },\n"
	     "    { \"name\": \"constant.numeric.scitq\", \"match\": "
	     "\"\\\\b[0-9]+(?:\\\\.[0-9]+)?(?:[A-Za-z][A-Za-z0-9.]*|%)?\" },");
	fputs("    { \"name\": \"variable.other.property.scitq\", \"match\": \"\\\\b(?:", stdout);
	print_settings("|");
	puts(")\\\\b(?=\\\\s*[={])\" },");
	print_rule("support.function", WORD_SOURCE, "(?=\\\\s*\\\\()");
	print_rule("support.function", WORD_FUNCTION, "(?=\\\\s*\\\\()");
	fputs("    { \"name\": \"support.function.action.scitq\", \"match\": "
	      "\"(?<=\\\\|>)\\\\s*(?:",
	      stdout);
	print_words(WORD_ACTION, "|");
	puts(")\\\\b\" },");
	print_rule("keyword.control", WORD_RESERVED, "");
	print_rule("keyword.declaration", WORD_CONTEXTUAL, "");
	print_rule("support.type", WORD_TYPE, "");
	puts("    { \"name\": \"keyword.operator.scitq\", \"match\": "
	     "\"\\\\|>|\\\\.\\\\.|[=!<>]=|[-+*/%<>=]\" "
	     "}\n"
	     "  ],\n"
	     "  \"repository\": {\n"
	     "    \"run-text\": {\n"
	     "      \"comment\": \"The text of run: the lines below that are indented deeper.\",\n"
	     "      \"begin\": "
	     "\"^(\\\\s*)((?:on\\\\s+\\\\w+\\\\s+)?run)\\\\b([^|#]*)(\\\\|)\\\\s*(#.*)?$\",\n"
	     "      \"beginCaptures\": {\n"
	     "        \"2\": { \"name\": \"keyword.declaration.scitq\" },\n"
	     "        \"3\": { \"name\": \"support.function.interpreter.scitq\" },\n"
	     "        \"4\": { \"name\": \"keyword.operator.scitq\" },\n"
	     "        \"5\": { \"name\": \"comment.line.number-sign.scitq\" }\n"
	     "      },\n"
	     "      \"while\": \"^(?:\\\\1\\\\s+(?=\\\\S)|\\\\s*$)\",\n"
	     "      \"contentName\": \"meta.embedded.block.shell.scitq\",\n"
	     "      \"patterns\": [{ \"include\": \"source.shell\" }]\n"
	     "    },\n"
	     "    \"run-line\": {\n"
	     "      \"comment\": \"run | command: the rest of the line.\",\n"
	     "      \"begin\": "
	     "\"^\\\\s*((?:on\\\\s+\\\\w+\\\\s+)?run)\\\\b([^|#]*)(\\\\|)(?!>)\",\n"
	     "      \"beginCaptures\": {\n"
	     "        \"1\": { \"name\": \"keyword.declaration.scitq\" },\n"
	     "        \"2\": { \"name\": \"support.function.interpreter.scitq\" },\n"
	     "        \"3\": { \"name\": \"keyword.operator.scitq\" }\n"
	     "      },\n"
	     "      \"end\": \"$\",\n"
	     "      \"contentName\": \"meta.embedded.line.shell.scitq\",\n"
	     "      \"patterns\": [{ \"include\": \"source.shell\" }]\n"
	     "    },\n"
	     "    \"string\": {\n"
	     "      \"name\": \"string.quoted.double.scitq\",\n"
	     "      \"begin\": \"\\\"\",\n"
	     "      \"end\": \"\\\"|$\",\n"
	     "      \"patterns\": [\n"
	     "        { \"name\": \"constant.character.escape.scitq\", \"match\": \"\\\\\\\\.\" "
	     "},\n"
	     "        { \"name\": \"variable.other.scitq\", \"match\": "
	     "\"\\\\$[A-Za-z_]\\\\w*|\\\\$\\\\{[^}]*\\\\}\" }\n"
	     "      ]\n"
	     "    }\n"
	     "  }\n"
	     "}");
	return 0;
}
