/*
 * Prints editors/kate/scitq.xml from the one table of words and settings. A test
 * compares it with the file in the tree; the target editor_files renews that.
 */
#include "editors/words.h"

#include <stdio.h>

static void print_list(const char *name, enum word_kind kind)
{
	printf("    <list name=\"%s\">\n      <item>", name);
	print_words(kind, "</item>\n      <item>");
	puts("</item>\n    </list>");
}

/* Reserved words of POSIX's shell and of bash. */
static void print_shell(void)
{
	static const char *const reserved[] = {"if",   "then",  "else",  "elif",    "fi",
	                                       "for",  "while", "until", "do",      "done",
	                                       "case", "esac",  "in",    "function"};

	puts("    <list name=\"shell\">");
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		printf("      <item>%s</item>\n", reserved[i]);
	puts("    </list>");
}

int main(void)
{
	puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	     "<!DOCTYPE language>\n"
	     "<!-- Generated from dsl/keywords.def by editors/kate_syntax.c. -->\n"
	     "<language name=\"scitq\" section=\"Scientific\" extensions=\"*.scitq\" version=\"1\" "
	     "kateversion=\"5.62\">\n"
	     "  <highlighting>");
	print_list("reserved", WORD_RESERVED);
	print_list("contextual", WORD_CONTEXTUAL);
	print_list("types", WORD_TYPE);
	print_list("sources", WORD_SOURCE);
	print_list("functions", WORD_FUNCTION);
	print_list("actions", WORD_ACTION);
	print_shell();
	puts("    <contexts>\n"
	     "      <context name=\"Normal\" attribute=\"Normal\" lineEndContext=\"#stay\">\n"
	     "        <!-- The text of run: what is left of the line, or the lines indented "
	     "deeper, "
	     "by its white space. -->\n"
	     "        <RegExpr attribute=\"Keyword\" context=\"Text\" "
	     "String=\"^(\\s*)(?:on\\s+\\w+\\s+)?run\\b[^|]*\\|\\s*(?:#.*)?$\"/>\n"
	     "        <RegExpr attribute=\"Keyword\" context=\"Line\" "
	     "String=\"^\\s*(?:on\\s+\\w+\\s+)?run\\b[^|]*\\|(?!&gt;)\"/>\n"
	     "        <DetectChar attribute=\"Comment\" context=\"Comment\" char=\"#\"/>\n"
	     "        <DetectChar attribute=\"String\" context=\"String\" char=\"&quot;\"/>");
	fputs("        <RegExpr attribute=\"Setting\" context=\"#stay\" String=\"\\b(?:", stdout);
	print_settings("|");
	puts(")\\b(?=\\s*[={])\"/>\n"
	     "        <keyword attribute=\"Reserved\" context=\"#stay\" String=\"reserved\"/>\n"
	     "        <keyword attribute=\"Keyword\" context=\"#stay\" String=\"contextual\"/>\n"
	     "        <keyword attribute=\"Type\" context=\"#stay\" String=\"types\"/>\n"
	     "        <keyword attribute=\"Function\" context=\"#stay\" String=\"sources\"/>\n"
	     "        <keyword attribute=\"Function\" context=\"#stay\" String=\"functions\"/>\n"
	     "        <keyword attribute=\"Function\" context=\"#stay\" String=\"actions\"/>\n"
	     "        <RegExpr attribute=\"Number\" context=\"#stay\" "
	     "String=\"\\b\\d[0-9.]*(?:[A-Za-z]\\w*|%)?\"/>\n"
	     "      </context>\n"
	     "      <context name=\"Comment\" attribute=\"Comment\" lineEndContext=\"#pop\"/>\n"
	     "      <context name=\"String\" attribute=\"String\" lineEndContext=\"#pop\">\n"
	     "        <RegExpr attribute=\"Escape\" context=\"#stay\" String=\"\\\\.\"/>\n"
	     "        <RegExpr attribute=\"Value\" context=\"#stay\" "
	     "String=\"\\$\\w+|\\$\\{[^}]*\\}\"/>\n"
	     "        <DetectChar attribute=\"String\" context=\"#pop\" char=\"&quot;\"/>\n"
	     "      </context>\n"
	     "      <context name=\"Line\" attribute=\"Normal\" lineEndContext=\"#pop\">\n"
	     "        <IncludeRules context=\"Shell\"/>\n"
	     "      </context>\n"
	     "      <context name=\"Text\" attribute=\"Normal\" lineEndContext=\"#stay\" "
	     "dynamic=\"true\">\n"
	     "        <RegExpr attribute=\"Normal\" context=\"#pop\" lookAhead=\"true\" "
	     "column=\"0\" dynamic=\"true\" String=\"^(?!%1\\s+\\S|\\s*$).\"/>\n"
	     "        <IncludeRules context=\"Shell\"/>\n"
	     "      </context>\n"
	     "      <!-- Kate's own shell does not let itself be left where the text ends. -->\n"
	     "      <context name=\"Shell\" attribute=\"Normal\" lineEndContext=\"#stay\">\n"
	     "        <RegExpr attribute=\"String\" context=\"#stay\" String=\"'[^']*'\"/>\n"
	     "        <DetectChar attribute=\"String\" context=\"String\" char=\"&quot;\"/>\n"
	     "        <RegExpr attribute=\"Value\" context=\"#stay\" "
	     "String=\"\\$\\w+|\\$\\{[^}]*\\}|\\$[#@*?!$-]\"/>\n"
	     "        <RegExpr attribute=\"Comment\" context=\"#stay\" "
	     "String=\"(?:^|(?&lt;=\\s))#.*$\"/>\n"
	     "        <keyword attribute=\"Reserved\" context=\"#stay\" String=\"shell\"/>\n"
	     "      </context>\n"
	     "    </contexts>\n"
	     "    <itemDatas>\n"
	     "      <itemData name=\"Normal\" defStyleNum=\"dsNormal\"/>\n"
	     "      <itemData name=\"Reserved\" defStyleNum=\"dsControlFlow\"/>\n"
	     "      <itemData name=\"Keyword\" defStyleNum=\"dsKeyword\"/>\n"
	     "      <itemData name=\"Type\" defStyleNum=\"dsBuiltIn\"/>\n"
	     "      <itemData name=\"Function\" defStyleNum=\"dsFunction\"/>\n"
	     "      <itemData name=\"Setting\" defStyleNum=\"dsAttribute\"/>\n"
	     "      <itemData name=\"Number\" defStyleNum=\"dsDecVal\"/>\n"
	     "      <itemData name=\"Comment\" defStyleNum=\"dsComment\"/>\n"
	     "      <itemData name=\"String\" defStyleNum=\"dsString\"/>\n"
	     "      <itemData name=\"Escape\" defStyleNum=\"dsSpecialChar\"/>\n"
	     "      <itemData name=\"Value\" defStyleNum=\"dsVariable\"/>\n"
	     "    </itemDatas>\n"
	     "  </highlighting>\n"
	     "  <general>\n"
	     "    <comments>\n"
	     "      <comment name=\"singleLine\" start=\"#\"/>\n"
	     "    </comments>\n"
	     "    <keywords casesensitive=\"1\"/>\n"
	     "  </general>\n"
	     "</language>");
	return 0;
}
