#include "worker/staging.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/digest.h"
#include "model/json.h"
#include "stage/get.h"
#include "stage/list.h"
#include "stage/parallel.h"
#include "stage/put.h"
#include "worker/consumed.h"
#include "worker/container.h"
#include "worker/execution.h"
#include "worker/promise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Progress is told that often. */
#define TELL_NS INT64_C(1000000000)

static char *copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

static bool is_cancelled(const struct staging *s)
{
	return atomic_load(&s->job.cancelled);
}

/* One URI into a directory; what tasks share by links to where it is kept. */
static enum stage_result bring_one(struct staging *s, struct stage *stage, const char *uri,
                                   const char *dest, bool shared, enum stage_mode mode)
{
	struct str folder = STR_INIT;
	struct resource *resource;
	enum stage_result result;

	if (is_cancelled(s))
		return STAGE_CANCELLED;
	if (!shared || !resource_is_shared(uri))
		return stage_get_text(stage, uri, dest, mode, &s->error);
	resource = resources_take(s->resources, stage, uri, &result, &s->error);
	if (resource == NULL)
		return result;
	vec_push(&s->taken, resource);
	uri_add_path(&folder, resource_content(resource));
	str_addc(&folder, '/');
	result = stage_get_text(stage, folder.p, dest, mode, &s->error);
	str_release(&folder);
	return result;
}

/* Those that come from elsewhere, several at once. */
static void bring_remotes(struct staging *s, struct stage *stage, char *const *uris, size_t n,
                          const char *dest, enum stage_mode mode, bool *done)
{
	s->result = stage_get_remotes(stage, uris, n, dest, mode, done, &s->error);
	while (s->result == STAGE_NO_SPACE && resources_evict(s->resources)) {
		str_reset(&s->error);
		s->result = stage_get_remotes(stage, uris, n, dest, mode, done, &s->error);
	}
}

/* Bring every URI of a list into DIRECTORY/name. */
static void bring(struct staging *s, struct stage *stage, const char *list, const char *name,
                  enum stage_mode mode)
{
	bool shared = strcmp(name, "resource") == 0;
	struct str dest = STR_INIT;
	const char *why = NULL;
	struct arena arena;
	char **uris;
	bool *done;
	size_t n;

	if (list == NULL || s->result != STAGE_OK)
		return;
	arena_init(&arena);
	str_addf(&dest, "%s/%s", s->directory, name);
	if (!uri_list_split(&arena, list, &uris, &n, &why)) {
		s->result = STAGE_BAD_URI;
		str_addf(&s->error, "the list of URIs cannot be read: %s", why);
		n = 0;
	}
	done = arena_array(&arena, bool, n + 1);
	if (!shared && s->result == STAGE_OK)
		bring_remotes(s, stage, uris, n, dest.p, mode, done);
	for (size_t i = 0; i < n && s->result == STAGE_OK; i++) {
		if (done[i])
			continue;
		s->result = bring_one(s, stage, uris[i], dest.p, shared, mode);
		/* Where the disk is full, once more for each resource that can be given up. */
		while (s->result == STAGE_NO_SPACE && resources_evict(s->resources)) {
			str_reset(&s->error);
			s->result = bring_one(s, stage, uris[i], dest.p, shared, mode);
		}
	}
	str_release(&dest);
	arena_release(&arena);
}

/* What lies below a folder URI, as the protocol has it. */
static json_t *describe(const struct stage_listing *listing)
{
	json_t *outputs = json_array();

	for (size_t i = 0; i < listing->n; i++) {
		const struct stage_entry *file = &listing->entries[i];
		json_t *entry = json_object();

		json_object_set_new_nocheck(entry, "path", json_text(file->name));
		json_object_set_new_nocheck(entry, "size", json_integer((json_int_t)file->size));
		if (file->mtime_ns != INT64_MIN)
			json_object_set_new_nocheck(entry, "mtime_ns",
			                            json_integer(file->mtime_ns));
		json_array_append_new(outputs, entry);
	}
	return outputs;
}

static bool list_folder(struct staging *s, struct stage *stage, const char *text,
                        struct arena *arena, struct stage_listing *listing)
{
	const char *why = NULL;
	struct uri uri;

	if (!uri_parse(arena, text, &uri, &why)) {
		s->result = STAGE_BAD_URI;
		str_addf(&s->error, "%s: %s", text, why);
		return false;
	}
	s->result = stage_list(stage, &uri, STAGE_RECURSIVE, arena, listing, &s->error);
	return s->result == STAGE_OK;
}

static void list(struct staging *s, struct stage *stage)
{
	struct stage_listing listing = {0};
	struct str path = STR_INIT, left_out = STR_INIT;
	struct arena arena;

	arena_init(&arena);
	str_addf(&path, "%s/output", s->directory);
	/* What is left out is told of when the rest is published. */
	s->result = stage_put_list(stage, path.p, &arena, &listing, &left_out, &s->error);
	if (s->result == STAGE_OK)
		s->outputs = describe(&listing);
	if (s->result == STAGE_OK && s->yields != NULL &&
	    !promise_kept(s->yields, &listing, &s->broken))
		goto out; /* nothing of it is published */
	for (size_t i = 0; s->result == STAGE_OK && i < listing.n; i++) {
		char digest[DIGEST_TEXT_SIZE];

		if (is_cancelled(s))
			s->result = STAGE_CANCELLED;
		/* A file that cannot be read is told of when it is published. */
		else if (listing.entries[i].size <= STAGING_DIGEST_MAX &&
		         digest_file(listing.entries[i].place, digest) == 0)
			json_object_set_new_nocheck(json_array_get(s->outputs, i), "digest",
			                            json_string(digest));
	}
out:
	arena_release(&arena);
	str_release(&path);
	str_release(&left_out);
}

/* The digests of the listing before, put to what was published. */
static void merge(struct staging *s, const struct stage_listing *listing)
{
	json_t *published = describe(listing), *kept = json_array();
	json_t *before = json_object(), *entry;
	size_t i;

	json_array_foreach(s->outputs, i, entry)
	{
		json_object_set_nocheck(before, json_string_value(json_object_get(entry, "path")),
		                        entry);
	}
	json_array_foreach(published, i, entry)
	{
		const char *path = json_string_value(json_object_get(entry, "path"));
		json_t *known = json_object_get(before, path);
		json_t *digest = json_object_get(known, "digest");

		/* The folder may hold files of other tasks. */
		if (known == NULL && s->resumed)
			continue;
		if (digest != NULL)
			json_object_set_nocheck(entry, "digest", digest);
		json_array_append(kept, entry);
	}
	json_decref(before);
	json_decref(published);
	json_decref(s->outputs);
	s->outputs = kept;
}

static void publish(struct staging *s, struct stage *stage)
{
	struct stage_listing listing = {0};
	struct str path = STR_INIT, dest = STR_INIT;
	const char *why = NULL;
	struct arena arena;
	struct uri uri;

	arena_init(&arena);
	str_addf(&path, "%s/output", s->directory);
	/* The column names a folder, with or without its slash. */
	str_adds(&dest, s->output);
	if (dest.len > 0 && dest.p[dest.len - 1] != '/')
		str_addc(&dest, '/');
	if (!uri_parse(&arena, dest.p, &uri, &why)) {
		s->result = STAGE_BAD_URI;
		str_addf(&s->error, "%s: %s", dest.p, why);
	} else {
		s->result =
		        stage_put(stage, path.p, &uri, &arena, &listing, &s->warnings, &s->error);
	}
	if (s->result == STAGE_OK && s->resumed)
		list_folder(s, stage, dest.p, &arena, &listing);
	if (s->result == STAGE_OK)
		merge(s, &listing);
	arena_release(&arena);
	str_release(&path);
	str_release(&dest);
}

static void note_link(void *ctx, const char *path)
{
	struct staging *s = ctx;

	lent_add(&s->lent, path);
}

static void bring_all(struct staging *s, struct stage *stage, enum stage_mode mode)
{
	uint64_t before = stage->bytes;

	/* An engine mounts what a container is lent. */
	stage->linked = s->image == NULL ? note_link : NULL;
	stage->linked_ctx = s;
	bring(s, stage, s->input, "input", mode);
	bring(s, stage, s->resource, "resource", mode);
	stage->linked = NULL;
	if (mode == STAGE_COPY && stage->bytes - before > STAGING_COPIES_TOLD)
		str_addf(&s->warnings, "%.1f GB were copied for it: inputs cannot be lent to it",
		         (double)(stage->bytes - before) / 1e9);
}

/* Lead the links of the inputs through mounts: 0 or -errno. */
static int mount_links(struct staging *s)
{
	static const char *const parts[] = {"input", "resource"};
	int err = 0;

	for (int i = 0; i < 2 && err == 0; i++) {
		struct str path = STR_INIT;

		str_addf(&path, "%s/%s", s->directory, parts[i]);
		err = mounts_take(&s->mounts, path.p);
		str_release(&path);
	}
	return err;
}

/* What was brought, out again. */
static int empty(struct staging *s)
{
	static const char *const parts[] = {"input", "resource"};
	int err = 0;

	mounts_release(&s->mounts);
	for (int i = 0; i < 2 && err == 0; i++) {
		struct str path = STR_INIT;

		str_addf(&path, "%s/%s", s->directory, parts[i]);
		err = tree_remove(path.p);
		if (err == 0 && mkdir(path.p, 0700) != 0)
			err = -errno;
		str_release(&path);
	}
	return err;
}

/* More directories than can be mounted: then the files themselves. */
static void contain(struct staging *s, struct stage *stage)
{
	int err = mount_links(s);

	if (err == -E2BIG) {
		err = empty(s);
		if (err == 0)
			bring_all(s, stage, STAGE_COPY);
	}
	if (err != 0) {
		s->result = STAGE_IO;
		str_addf(&s->error, "%s: %s", s->directory, strerror(-err));
	}
}

static void told(void *ctx, const char *line)
{
	struct staging *s = ctx;
	int64_t now = clock_monotonic_ns();

	if (s->told_ns != 0 && now - s->told_ns < TELL_NS)
		return;
	s->told_ns = now;
	job_tell(&s->job, line);
}

static void add_bytes(struct str *text, uint64_t n)
{
	str_addf(text, n < 1000000000 ? "%.1f MB" : "%.2f GB",
	         (double)n / (n < 1000000000 ? 1e6 : 1e9));
}

static void fetched(void *ctx, uint64_t done, uint64_t total)
{
	struct str line = STR_INIT;

	str_adds(&line, "fetching: ");
	add_bytes(&line, done);
	if (total > 0) {
		str_adds(&line, " of ");
		add_bytes(&line, total);
	}
	told(ctx, line.p);
	str_release(&line);
}

static void stage_in(struct staging *s, struct stage *stage)
{
	stage->progress = fetched;
	stage->progress_ctx = s;
	if (s->image != NULL)
		s->result = container_pull(stage, s->engine, s->image, told, s, &s->error);
	s->pulled = s->result == STAGE_OK;
	bring_all(s, stage, s->copies ? STAGE_COPY : STAGE_LINK);
	if (s->image != NULL && s->result == STAGE_OK)
		contain(s, stage);
	stage->progress = NULL;
}

static void take(struct staging *s, struct stage *stage)
{
	struct str output = STR_INIT;

	str_addf(&output, "%s/output", s->directory);
	s->result = cached_take(stage, s->found, s->output, s->yields, output.p, &s->in_place,
	                        &s->error);
	str_release(&output);
}

static void run(struct job *job, struct stage *stage)
{
	struct staging *s = (struct staging *)job;

	switch (s->kind) {
	case STAGING_IDENTIFY:
		s->result = cached_identity(stage, &s->task, s->identity, &s->identity_parts,
		                            &s->error);
		break;
	case STAGING_TAKE:
		take(s, stage);
		break;
	case STAGING_REMOVE:
		s->result = consumed_remove(stage, s->found, &s->deleted, &s->error);
		break;
	case STAGING_IN:
		stage_in(s, stage);
		break;
	case STAGING_LIST:
		list(s, stage);
		break;
	case STAGING_OUT:
		publish(s, stage);
		break;
	}
}

struct staging *staging_new(enum staging_kind kind, struct execution *e,
                            void (*done)(struct job *job, void *ctx))
{
	struct staging *s = xcalloc(1, sizeof(*s));

	s->job.run = run;
	s->job.done = done;
	atomic_init(&s->job.cancelled, false);
	s->kind = kind;
	s->execution = e;
	s->directory = xstrdup(e->place->path);
	s->input = copy(e->input);
	s->resource = copy(e->resource);
	s->output = copy(e->output);
	s->yields = copy(e->yields);
	if (kind == STAGING_OUT)
		s->outputs = json_deep_copy(e->outcome.outputs);
	str_init(&s->error);
	str_init(&s->warnings);
	str_init(&s->broken);
	str_init(&s->identity_parts);
	lent_init(&s->lent);
	return s;
}

struct staging *staging_in_new(struct execution *e, struct resources *resources,
                               enum shield_kind shield, const char *engine,
                               void (*done)(struct job *job, void *ctx))
{
	struct staging *s = staging_new(STAGING_IN, e, done);

	s->resources = resources;
	s->copies = e->container == NULL && shield == SHIELD_NONE;
	if (e->container != NULL) {
		s->engine = xstrdup(engine);
		s->image = xstrdup(e->container);
	}
	return s;
}

void staging_in_give(struct staging *s, struct execution *e)
{
	e->mounts = s->mounts;
	s->mounts = (struct mounts){0};
	e->lent = s->lent;
	lent_init(&s->lent);
}

void staging_free(struct staging *s)
{
	free(s->job.told);
	free(s->engine);
	free(s->image);
	mounts_release(&s->mounts);
	free(s->directory);
	free(s->input);
	free(s->resource);
	free(s->output);
	free(s->yields);
	json_decref(s->outputs);
	json_decref(s->found);
	str_release(&s->identity_parts);
	str_release(&s->error);
	str_release(&s->warnings);
	str_release(&s->broken);
	lent_release(&s->lent);
	vec_release(&s->taken);
	free(s);
}

static void run_removal(struct job *job, struct stage *stage)
{
	struct removal *r = (struct removal *)job;

	(void)stage;
	r->err = 0;
	if (r->container != NULL) {
		const char *name = r->container;

		r->err = container_remove(r->engine, &name, 1);
	}
	if (r->err == 0)
		r->err = tree_remove(r->path);
	if ((r->err == -EACCES || r->err == -EPERM) && r->engine != NULL)
		r->err = container_remove_tree(r->engine, r->path);
}

struct removal *removal_new(const char *path, void (*done)(struct job *job, void *ctx))
{
	struct removal *r = xcalloc(1, sizeof(*r));

	r->job.run = run_removal;
	r->job.done = done;
	atomic_init(&r->job.cancelled, false);
	r->path = xstrdup(path);
	return r;
}

void removal_free(struct removal *r)
{
	free(r->path);
	free(r->engine);
	free(r->container);
	free(r);
}

void staging_drop(struct job *job)
{
	if (job->run == run_removal)
		removal_free((struct removal *)job);
	else
		staging_free((struct staging *)job);
}
