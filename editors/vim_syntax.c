/*
 * Prints editors/vim/syntax/scitq.vim from the one table of words and settings. A
 * test compares it with the file in the tree; `editors_vim > FILE` renews that.
 */
#include "dsl/keywords.h"

#include <stdio.h>
#include <string.h>

static void print_words(const char *group, enum word_kind kind)
{
	printf("syn keyword %s", group);
	for (size_t i = 0; i < nwords; i++) {
		if (words[i].kind == kind)
			printf(" %s", words[i].text);
	}
	putchar('\n');
}

/* Settings are such only before = or {: elsewhere the same word is a name. */
static void print_settings(void)
{
	fputs("syn match scitqSetting +\\<\\%(", stdout);
	for (size_t i = 0, n = 0; i < nattrs; i++) {
		size_t k = 0;

		/* A key that several blocks share has a row for each. */
		while (strcmp(attrs[k].key, attrs[i].key) != 0)
			k++;
		if (k == i && !(attrs[i].homes & ATTR_FLAVOR))
			printf("%s%s", n++ ? "\\|" : "", attrs[i].key);
	}
	puts("\\)\\ze\\s*[={]+");
}

int main(void)
{
	puts("\" Vim syntax file of scitq workflows. Generated from dsl/keywords.def by "
	     "editors/vim_syntax.c.\n"
	     "if exists('b:current_syntax')\n"
	     "  finish\n"
	     "endif\n"
	     "syn include @scitqShell syntax/sh.vim\n"
	     "unlet! b:current_syntax\n"
	     "syn iskeyword @,48-57,_\n");
	print_words("scitqReserved", WORD_RESERVED);
	print_words("scitqKeyword", WORD_CONTEXTUAL);
	print_words("scitqType", WORD_TYPE);
	print_words("scitqFunction", WORD_SOURCE);
	print_words("scitqFunction", WORD_FUNCTION);
	print_words("scitqAction", WORD_ACTION);
	print_settings();
	puts("syn match scitqNumber +\\<\\d[0-9.]*\\%([a-zA-Z]\\w*\\|%\\)\\?+\n"
	     "syn match scitqComment +#.*$+ contains=scitqTodo\n"
	     "syn keyword scitqTodo TODO FIXME contained\n"
	     "syn match scitqValue +\\$\\h\\w*\\|\\${[^}]*}+ contained\n"
	     "syn region scitqString start=+\"+ skip=+\\\\.+ end=+\"+ oneline contains=scitqValue\n"
	     "\n"
	     "\" The text of `run`: the rest of the line, or the lines indented deeper than it.\n"
	     "syn region scitqRunLine matchgroup=scitqKeyword "
	     "start=+^\\s*\\%(on\\s\\+\\w\\+\\s\\+\\)\\?run\\>[^|]*|\\ze\\s*\\S+ "
	     "end=+$+ "
	     "oneline keepend contains=@scitqShell\n"
	     "syn region scitqRunText matchgroup=scitqKeyword "
	     "start=+^\\z(\\s*\\)\\%(on\\s\\+\\w\\+\\s\\+\\)\\?run\\>[^|]*|\\s*\\%(#.*\\)\\?$+ "
	     "end=+^\\%(\\z1\\s\\+\\S\\|\\s*$\\)\\@!+me=s-1 keepend contains=@scitqShell\n"
	     "\n"
	     "hi def link scitqReserved Statement\n"
	     "hi def link scitqKeyword Keyword\n"
	     "hi def link scitqType Type\n"
	     "hi def link scitqFunction Function\n"
	     "hi def link scitqAction Function\n"
	     "hi def link scitqSetting Identifier\n"
	     "hi def link scitqNumber Number\n"
	     "hi def link scitqComment Comment\n"
	     "hi def link scitqTodo Todo\n"
	     "hi def link scitqString String\n"
	     "hi def link scitqValue Special\n"
	     "let b:current_syntax = 'scitq'");
	return 0;
}
