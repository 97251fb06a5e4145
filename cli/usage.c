#include "cli/usage.h"

#include "model/json.h"

#include <string.h>

struct reading {
	const struct stage_listing *listing;
	size_t next;
	struct arena *arena;
};

static json_t *begin_folder(const char *name)
{
	json_t *folder = json_array(), *head = json_object();

	json_object_set_new(head, "name", json_text(name));
	json_array_append_new(folder, head);
	return folder;
}

static void add_file(json_t *folder, const struct stage_entry *e, const char *name)
{
	json_t *file = json_object();

	json_object_set_new(file, "name", json_text(name));
	/* Nothing is known of blocks: the size stands for both. */
	json_object_set_new(file, "asize", json_integer((json_int_t)e->size));
	json_object_set_new(file, "dsize", json_integer((json_int_t)e->size));
	json_array_append_new(folder, file);
}

/* All that lies below the first `depth` bytes of the next name; names are sorted, so it is
 * together. */
static void add_below(struct reading *r, json_t *folder, size_t depth)
{
	const struct stage_entry *entries = r->listing->entries;
	const char *prefix = entries[r->next].name;

	while (r->next < r->listing->n && strncmp(entries[r->next].name, prefix, depth) == 0) {
		const char *name = entries[r->next].name + depth, *slash = strchr(name, '/');

		if (slash != NULL) {
			size_t n = (size_t)(slash - name);
			json_t *below = begin_folder(arena_strndup(r->arena, name, n));

			json_array_append_new(folder, below);
			add_below(r, below, depth + n + 1);
		} else {
			add_file(folder, &entries[r->next++], name);
		}
	}
}

json_t *usage_export(const struct stage_listing *listing, const char *root, int64_t date_s,
                     struct arena *arena)
{
	struct reading r = {.listing = listing, .arena = arena};
	json_t *top = begin_folder(root);
	json_t *head = json_pack("{s:s, s:s, s:I}", "progname", "scitq", "progver", SCITQ_VERSION,
	                         "timestamp", (json_int_t)date_s);

	if (listing->n > 0)
		add_below(&r, top, 0);
	return json_pack("[i, i, o, o]", 1, 1, head, top);
}
