#include "dsl/keywords.h"

#include <stdint.h>
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

#define LONGEST 63

/*
 * Optimal string alignment: insertions, deletions, substitutions and swaps of
 * neighbours. Source: Damerau 1964; the restricted form that edits no part twice.
 */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	uint8_t d[3][LONGEST + 1];

	if (la > LONGEST || lb > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= la; i++) {
		uint8_t *row = d[i % 3], *up = d[(i + 2) % 3], *upup = d[(i + 1) % 3];

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= lb; j++) {
			uint8_t best = (uint8_t)(up[j - 1] + (a[i - 1] != b[j - 1]));

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[la % 3][lb];
}

const char *word_nearest(const char *text, const char *const *candidates, size_t n)
{
	/* A third of the word may be wrong, as in other compilers. */
	size_t allowed = (strlen(text) + 2) / 3, best = allowed + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(text, candidates[i]);

		if (d > 0 && d < best) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

bool word_is_slip(const char *text, const char *word)
{
	return distance(text, word) == 1;
}
