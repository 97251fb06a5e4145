#include "worker/promise.h"

#include "base/arena.h"
#include "stage/yield.h"

#include <jansson.h>
#include <string.h>

/* What is there instead is told by so many names. */
#define NAMES_TOLD 5

static bool wrote(const struct stage_listing *listing, const char *pattern)
{
	struct yield yield;
	struct arena arena;
	bool found = false;

	arena_init(&arena);
	yield_parse(&arena, pattern, &yield);
	for (size_t i = 0; !found && i < listing->n; i++)
		found = yield_matches(&yield, listing->entries[i].name);
	arena_release(&arena);
	return found;
}

static const char *member(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text != NULL ? text : "";
}

static void tell_broken(const json_t *entry, struct str *why)
{
	const char *pattern = member(entry, "pattern"), *source = member(entry, "source");
	size_t n = strlen(pattern);

	if (why->len > 0)
		str_addc(why, '\n');
	str_addf(why, "yields %s = \"%s\"", member(entry, "name"), pattern);
	if (*source != '\0')
		str_addf(why, " (%s)", source);
	str_adds(why, ": the command ended well and wrote no such ");
	str_adds(why, n > 0 && pattern[n - 1] == '/' ? "folder" : "file");
}

static void tell_listing(const struct stage_listing *listing, struct str *why)
{
	if (listing->n == 0)
		str_adds(why, "; $OUTPUT is empty");
	for (size_t i = 0; i < listing->n && i < NAMES_TOLD; i++)
		str_addf(why, "%s %s", i == 0 ? "; $OUTPUT has" : ",", listing->entries[i].name);
	if (listing->n > NAMES_TOLD)
		str_addf(why, " and %zu more", listing->n - NAMES_TOLD);
}

bool promise_kept(const char *yields, const struct stage_listing *listing, struct str *why)
{
	json_t *list = json_loads(yields, 0, NULL), *entry;
	bool kept = true;
	size_t i;

	if (!json_is_array(list)) {
		str_adds(why, "the column yields holds no JSON array");
		json_decref(list);
		return false;
	}
	json_array_foreach(list, i, entry)
	{
		const char *pattern = member(entry, "pattern");

		if (strcmp(pattern, YIELD_WHOLE) == 0 || wrote(listing, pattern))
			continue;
		tell_broken(entry, why);
		kept = false;
	}
	if (!kept)
		tell_listing(listing, why);
	json_decref(list);
	return kept;
}

bool promise_of_whole(const char *yields)
{
	json_t *list = yields != NULL ? json_loads(yields, 0, NULL) : NULL, *entry;
	bool whole = false;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		whole |= strcmp(member(entry, "pattern"), YIELD_WHOLE) == 0;
	}
	json_decref(list);
	return whole;
}
