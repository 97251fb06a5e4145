/*
 * Prints editors/vim/syntax/scitq.vim from the one table of words and settings. A
 * test compares it with the file in the tree; the target editor_files renews that.
 */
#include "editors/words.h"

#include <stdio.h>

static void print_group(const char *group, enum word_kind kind)
{
	printf("syn keyword %s ", group);
	print_words(kind, " ");
	putchar('\n');
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
	print_group("scitqReserved", WORD_RESERVED);
	print_group("scitqKeyword", WORD_CONTEXTUAL);
	print_group("scitqType", WORD_TYPE);
	print_group("scitqFunction", WORD_SOURCE);
	print_group("scitqFunction", WORD_FUNCTION);
	print_group("scitqAction", WORD_ACTION);
	/* Settings are such only before = or {: elsewhere the same word is a name. */
	fputs("syn match scitqSetting +\\<\\%(", stdout);
	print_settings("\\|");
	puts("\\)\\ze\\s*[={]+");
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
