#include "dsl/keywords.h"

#include "base/nearest.h"

#include <string.h>

const struct word words[] = {
#define KEYWORD(token, text, kind, form, help) {text, WORD_##kind, form, help},
#define WORD(text, kind, form, help) {text, WORD_##kind, form, help},
#include "dsl/keywords.def"
};
const size_t nwords = sizeof(words) / sizeof(words[0]);

const struct attr attrs[] = {
#define ATTR(key, homes, type, values, initial, lowers, help)                                      \
	{key, homes, ATTR_##type, values, initial, lowers, help},
#include "dsl/keywords.def"
};
const size_t nattrs = sizeof(attrs) / sizeof(attrs[0]);

const struct word *word_find(const char *text, enum word_kind kind)
{
	for (size_t i = 0; i < nwords; i++) {
		if (words[i].kind == kind && strcmp(words[i].text, text) == 0)
			return &words[i];
	}
	return NULL;
}

bool word_is_reserved(const char *text)
{
	return word_find(text, WORD_RESERVED) != NULL;
}

const struct attr *attr_find(const char *key, enum attr_home home)
{
	for (size_t i = 0; i < nattrs; i++) {
		if ((attrs[i].homes & home) && strcmp(attrs[i].key, key) == 0)
			return &attrs[i];
	}
	return NULL;
}

const char *attr_type_text(enum attr_type type)
{
	switch (type) {
	case ATTR_STRING:
		return "string";
	case ATTR_STRINGS:
		return "string or list of strings";
	case ATTR_INT:
		return "int";
	case ATTR_NUMBER:
		return "number";
	case ATTR_SIZE:
		return "size";
	case ATTR_DURATION:
		return "duration";
	case ATTR_BOOL:
		return "bool";
	case ATTR_PERCENT:
		return "percentage or int";
	case ATTR_WORD:
		return "word";
	case ATTR_WORDS:
		return "list of names";
	case ATTR_DATA:
		return "data";
	case ATTR_STEPS:
		return "step or list of steps";
	case ATTR_RECRUITERS:
		return "list of recruiters";
	case ATTR_RETRY:
		return "int or list of settings";
	case ATTR_RECORD:
		return "block of name = value";
	case ATTR_NAMES:
		return "block of names";
	case ATTR_CONSTRAINTS:
		return "string or block of conditions";
	}
	return "value";
}

static const char *const openers[] = {"step",    "workflow", "recruiter", "param", "let",
                                      "foreach", "import",   "assert",    "scitq"};

const char *word_meant(const char *word)
{
	static const struct {
		const char *word, *ours;
	} habits[] = {
	        {"for", "foreach"},  {"each", "foreach"},  {"process", "step"},
	        {"rule", "step"},    {"task", "step"},     {"job", "step"},
	        {"def", "let"},      {"var", "let"},       {"const", "let"},
	        {"set", "let"},      {"params", "param"},  {"include", "import"},
	        {"use", "import"},   {"from", "import"},   {"pipeline", "workflow"},
	        {"elif", "else if"}, {"elsif", "else if"}, {"elseif", "else if"},
	        {"when", "if"},      {"unless", "if not"}, {"require", "assert"},
	};

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
		if (strcmp(habits[i].word, word) == 0)
			return habits[i].ours;
	}
	return word_nearest(word, openers, sizeof(openers) / sizeof(openers[0]));
}
