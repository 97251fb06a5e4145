#include "base/nearest.h"

#include <stdint.h>
#include <string.h>

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
