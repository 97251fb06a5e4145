#include "compiler/program.h"

#include <assert.h>
#include <string.h>

const char *symbol_kind_text(enum symbol_kind kind)
{
	static const char *const texts[] = {
	        [SYMBOL_PARAM] = "param",        [SYMBOL_LET] = "let",
	        [SYMBOL_LOOP] = "loop variable", [SYMBOL_ELEMENT] = "loop variable",
	        [SYMBOL_STEP] = "step",          [SYMBOL_RECRUITER] = "recruiter",
	        [SYMBOL_MODULE] = "module",      [SYMBOL_TEMPLATE] = "step with parameters",
	        [SYMBOL_ARGUMENT] = "parameter",
	};

	return texts[kind];
}

bool symbol_is_value(const struct symbol *sym)
{
	switch (sym->kind) {
	case SYMBOL_PARAM:
	case SYMBOL_LET:
	case SYMBOL_LOOP:
	case SYMBOL_ELEMENT:
	case SYMBOL_ARGUMENT:
		return true;
	case SYMBOL_STEP:
	case SYMBOL_RECRUITER:
	case SYMBOL_MODULE:
	case SYMBOL_TEMPLATE:
		break;
	}
	return false;
}

static const char *const key_texts[SETTING_KEY_COUNT] = {
#define SETTING_TEXT(name) #name,
        SETTING_KEYS(SETTING_TEXT)
#undef SETTING_TEXT
};

int setting_key_find(const char *name)
{
	for (int i = 0; i < SETTING_KEY_COUNT; i++) {
		if (strcmp(key_texts[i], name) == 0)
			return i;
	}
	return -1;
}

const char *setting_key_text(enum setting_key key)
{
	return key_texts[key];
}

struct level *level_at(struct level *l, unsigned depth)
{
	assert(l->depth >= depth);
	while (l->depth > depth)
		l = l->outer;
	return l;
}

bool level_inside(const struct level *l, const struct level *outer)
{
	while (l != NULL && l->depth > outer->depth)
		l = l->outer;
	return l == outer;
}
