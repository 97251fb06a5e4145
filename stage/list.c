#include "stage/list.h"

#include "stage/fault.h"
#include "stage/scheme.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct stage_entry *)a)->name, ((const struct stage_entry *)b)->name);
}

void entries_finish(struct entries *entries, struct arena *arena, struct stage_listing *listing)
{
	size_t n = entries->list.n;

	listing->n = n;
	listing->entries = arena_array(arena, struct stage_entry, n + 1);
	if (n > 0) {
		memcpy(listing->entries, entries->list.v, n * sizeof(*listing->entries));
		qsort(listing->entries, n, sizeof(*listing->entries), by_name);
	}
	vec_release(&entries->list);
}

enum stage_result stage_list(struct stage *s, const struct uri *uri, unsigned how,
                             struct arena *arena, struct stage_listing *listing, struct str *error)
{
	struct entries entries = {0};
	enum stage_result r;
	const struct scheme *scheme = scheme_find(uri, error, &r);
	struct stage own;

	stage_init(&own);
	if (scheme != NULL)
		r = scheme->list(s != NULL ? s : &own, uri, how, arena, &entries, error);
	stage_release(&own);
	if (r != STAGE_OK)
		entries.list.n = 0;
	entries_finish(&entries, arena, listing);
	return r;
}
