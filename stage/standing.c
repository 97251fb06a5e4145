#include "stage/standing.h"

#include "model/digest.h"
#include "stage/below.h"
#include "stage/fault.h"

#include <string.h>
#include <sys/stat.h>

static const char *text_of(const json_t *file, const char *name)
{
	return json_string_value(json_object_get(file, name));
}

static json_int_t number_of(const json_t *file, const char *name)
{
	return json_integer_value(json_object_get(file, name));
}

/* A worker said it, and where it leads outside of its folder it is none. */
static bool is_name(const char *name)
{
	return name != NULL && *name != '\0' && *name != '/' && !below_climbs(name);
}

bool standing_file(const char *folder, const json_t *file)
{
	const char *name = text_of(file, "path"), *digest = text_of(file, "digest");
	struct str path = STR_INIT;
	char now[DIGEST_TEXT_SIZE];
	struct stat st;
	bool ok;

	if (!is_name(name))
		return false;
	str_addf(&path, "%s/%s", folder, name);
	ok = stat(path.p, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == number_of(file, "size");
	/* Another date with the same bytes (a copy, a touch) is still the same result. */
	if (ok && (json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec !=
	                  number_of(file, "mtime_ns"))
		ok = digest != NULL && digest_file(path.p, now) == 0 && strcmp(now, digest) == 0;
	str_release(&path);
	return ok;
}

static bool local_stands(const char *folder, const json_t *file, struct arena *arena,
                         struct stage_entry *entry)
{
	if (!standing_file(folder, file))
		return false;
	entry->name = arena_strdup(arena, text_of(file, "path"));
	entry->place = arena_printf(arena, "%s/%s", folder, entry->name);
	entry->size = (uint64_t)number_of(file, "size");
	entry->mtime_ns = number_of(file, "mtime_ns");
	return true;
}

/* Among those that are there now, sorted by name. */
static bool remote_stands(const struct stage_listing *now, const json_t *file,
                          struct stage_entry *entry)
{
	const char *name = text_of(file, "path");
	size_t low = 0, high = now->n;

	while (is_name(name) && low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(now->entries[middle].name, name);

		if (order == 0) {
			*entry = now->entries[middle];
			return (json_int_t)entry->size == number_of(file, "size");
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

enum stage_result standing_outputs(struct stage *s, const char *output, const json_t *files,
                                   struct arena *arena, struct stage_listing *listing,
                                   struct str *error)
{
	size_t n = json_array_size(files), len = strlen(output);
	bool local, ended = len > 0 && output[len - 1] == '/';
	struct stage_listing now = {0};
	enum stage_result r = STAGE_OK;
	const char *why = NULL;
	struct uri uri;

	listing->n = 0;
	listing->entries = arena_array(arena, struct stage_entry, n + 1);
	/* The column names a folder, with or without its slash. */
	if (!uri_parse(arena, ended ? output : arena_printf(arena, "%s/", output), &uri, &why))
		return fault(error, STAGE_BAD_URI, output, "%s", why);
	local = strcmp(uri.scheme, "file") == 0;
	if (!local && n > 0)
		r = stage_list(s, &uri, STAGE_RECURSIVE, arena, &now, error);
	for (size_t i = 0; r == STAGE_OK && i < n; i++) {
		const json_t *file = json_array_get(files, i);
		const char *name = text_of(file, "path");
		struct stage_entry *entry = &listing->entries[i];

		if (stage_stopped(s))
			r = STAGE_CANCELLED;
		else if (local ? local_stands(uri.place, file, arena, entry)
		               : remote_stands(&now, file, entry))
			listing->n++;
		else
			r = fault(error, STAGE_NOT_FOUND, output, "%s is gone or not what it was",
			          name != NULL ? name : "a file without a name");
	}
	return r;
}
