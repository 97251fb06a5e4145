#include "worker/cached.h"

#include "base/fd.h"
#include "base/uri_list.h"
#include "model/identity.h"
#include "stage/get.h"
#include "stage/standing.h"
#include "stage/transfer.h"
#include "worker/promise.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct making {
	struct stage *stage;
	struct identity id;
	struct arena arena;
	struct str *error;
};

static bool is_cancelled(const struct stage *s)
{
	return s->cancelled != NULL && s->cancelled(s->cancel_ctx);
}

static enum stage_result add_listed(struct making *m, enum identity_part part,
                                    const struct stage_entry *e, bool local)
{
	char text[DIGEST_TEXT_SIZE];
	int err = local ? digest_file(e->place, text) : 0;

	if (err != 0) {
		str_addf(m->error, "%s: %s", e->place, strerror(-err));
		return STAGE_IO;
	}
	identity_add(&m->id, part, local ? "file" : "remote");
	identity_add(&m->id, part, e->name);
	identity_add(&m->id, part,
	             local ? text
	                   : arena_printf(&m->arena, "%" PRIu64 " %" PRId64, e->size, e->mtime_ns));
	return STAGE_OK;
}

static enum stage_result add_uri(struct making *m, enum identity_part part, const char *text)
{
	struct stage_listing listing = {0};
	const char *why = NULL;
	enum stage_result r;
	struct uri uri;
	bool local;

	if (!uri_parse(&m->arena, text, &uri, &why)) {
		str_addf(m->error, "%s: %s", text, why);
		return STAGE_BAD_URI;
	}
	local = strcmp(uri.scheme, "file") == 0;
	if (!local) {
		identity_add(&m->id, part, "uri");
		identity_add(&m->id, part, uri.text);
	}
	r = stage_list(m->stage, &uri, STAGE_RECURSIVE, &m->arena, &listing, m->error);
	for (size_t i = 0; r == STAGE_OK && i < listing.n; i++)
		r = is_cancelled(m->stage) ? STAGE_CANCELLED
		                           : add_listed(m, part, &listing.entries[i], local);
	for (size_t i = 0; local && i < uri.nactions; i++) {
		const struct uri_action *a = &uri.actions[i];

		identity_add(&m->id, part, arena_printf(&m->arena, "action %d", (int)a->kind));
		if (a->dir != NULL)
			identity_add(&m->id, part, a->dir);
	}
	return r;
}

static enum stage_result add_uris(struct making *m, enum identity_part part, const char *list)
{
	enum stage_result r = STAGE_OK;
	const char *why = NULL;
	char **uris = NULL;
	size_t n = 0;

	if (list == NULL)
		return STAGE_OK;
	if (!uri_list_split(&m->arena, list, &uris, &n, &why)) {
		str_addf(m->error, "the list of URIs cannot be read: %s", why);
		return STAGE_BAD_URI;
	}
	for (size_t i = 0; i < n && r == STAGE_OK; i++)
		r = add_uri(m, part, uris[i]);
	return r;
}

static void add_text(struct making *m, enum identity_part part, const char *text)
{
	if (text != NULL)
		identity_add(&m->id, part, text);
}

enum stage_result cached_identity(struct stage *s, const struct cached_task *task,
                                  char text[DIGEST_TEXT_SIZE], struct str *parts, struct str *error)
{
	struct making m = {.stage = s, .error = error};
	enum stage_result r;

	arena_init(&m.arena);
	identity_init(&m.id);
	add_text(&m, IDENTITY_COMMAND, task->command);
	add_text(&m, IDENTITY_COMMAND, task->script);
	add_text(&m, IDENTITY_CONTAINER, task->container);
	add_text(&m, IDENTITY_CONTAINER_OPTIONS, task->container_options);
	r = add_uris(&m, IDENTITY_INPUT, task->input);
	if (r == STAGE_OK)
		r = add_uris(&m, IDENTITY_RESOURCE, task->resource);
	if (r == STAGE_OK) {
		identity_finish(&m.id);
		memcpy(text, m.id.text, DIGEST_TEXT_SIZE);
		identity_parts_print(&m.id, parts);
	} else {
		identity_release(&m.id);
	}
	arena_release(&m.arena);
	return r;
}

/* The same folder, with or without its slash. */
static bool same_folder(const char *a, const char *b)
{
	size_t n = strlen(a), k = strlen(b);

	n -= n > 0 && a[n - 1] == '/';
	k -= k > 0 && b[k - 1] == '/';
	return n == k && memcmp(a, b, n) == 0;
}

/* One file, to where it lay below its folder. */
static enum stage_result bring(struct stage *s, const struct stage_entry *e, bool local,
                               const char *directory, struct str *error)
{
	const char *slash = strrchr(e->name, '/');
	struct str dest = STR_INIT, uri = STR_INIT;
	enum stage_result r;

	str_addf(&dest, "%s/", directory);
	if (slash != NULL)
		str_add(&dest, e->name, (size_t)(slash - e->name));
	if (local)
		uri_add_path(&uri, e->place);
	else
		str_adds(&uri, e->place);
	r = stage_get_text(s, uri.p, dest.p, STAGE_COPY, error);
	str_release(&dest);
	str_release(&uri);
	return r;
}

/* The scheme of a folder's URI, and that URI. NULL where it is none. */
static const char *folder_of(const char *text, struct arena *arena, struct uri *uri)
{
	size_t n = strlen(text);
	const char *why;

	if (n == 0 || text[n - 1] != '/')
		text = arena_printf(arena, "%s/", text);
	return uri_parse(arena, text, uri, &why) ? uri->scheme : NULL;
}

/* Whether rclone moves files from one to the other, without this machine in between where it can.
 */
static bool is_direct(const char *from, const char *to)
{
	return from != NULL && to != NULL && strcmp(from, "file") != 0 && strcmp(to, "file") != 0 &&
	       (strcmp(from, "ftp") != 0 || strcmp(to, "ftp") != 0);
}

/* From one storage to the other; false where it is to be done another way. */
static bool transfer(struct stage *s, const char *from, const char *output,
                     const struct stage_listing *listing, struct arena *arena, enum stage_result *r,
                     struct str *error)
{
	struct str warnings = STR_INIT;
	struct uri source, target;
	struct stage_transfer t = {.from = &source, .to = &target, .files = listing};

	if (listing->n == 0 ||
	    !is_direct(folder_of(from, arena, &source), folder_of(output, arena, &target)))
		return false;
	*r = stage_transfer(s, &t, &warnings, error);
	str_release(&warnings); /* of archives */
	return true;
}

static int make_empty(const char *directory)
{
	int err = tree_remove(directory);

	return err != 0 ? err : mkdir(directory, 0700) != 0 ? -errno : 0;
}

/* Nothing was written, and the folder is published all the same. */
static bool leaves_folder(const char *yields, const struct stage_listing *listing)
{
	return listing->n == 0 && promise_of_whole(yields);
}

enum stage_result cached_take(struct stage *s, const json_t *found, const char *output,
                              const char *yields, const char *directory, bool *in_place,
                              struct str *error)
{
	const char *from = json_string_value(json_object_get(found, "output"));
	json_t *files = json_object_get(found, "outputs");
	struct stage_listing listing;
	enum stage_result r;
	struct arena arena;
	bool local;

	*in_place = true;
	if (output == NULL)
		return STAGE_OK;
	if (from == NULL) {
		str_adds(error, "it published nothing");
		return STAGE_NOT_FOUND;
	}
	arena_init(&arena);
	r = standing_outputs(s, from, files, &arena, &listing, error);
	if (r == STAGE_OK && yields != NULL && !promise_kept(yields, &listing, error))
		r = STAGE_NOT_FOUND;
	if (r == STAGE_OK && !same_folder(from, output) &&
	    (leaves_folder(yields, &listing) ||
	     !transfer(s, from, output, &listing, &arena, &r, error))) {
		*in_place = false;
		local = listing.n > 0 && listing.entries[0].place[0] == '/';
		for (size_t i = 0; r == STAGE_OK && i < listing.n; i++)
			r = bring(s, &listing.entries[i], local, directory, error);
		if (r != STAGE_OK && make_empty(directory) != 0)
			str_addf(error, "; %s cannot be emptied", directory);
	}
	arena_release(&arena);
	return r;
}
