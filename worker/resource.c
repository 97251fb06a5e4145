#include "worker/resource.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/digest.h"
#include "model/json.h"
#include "stage/get.h"
#include "stage/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PART ".part-"
#define GONE ".gone-"
/* The source of one that is there is looked at again after that. */
#define CHECK_NS (10 * INT64_C(1000000000))
/* While another thread fetches, how often to see whether the task was cancelled. */
#define WAIT_MS 100
/* With less left of the disk, what nobody uses is given up before more is fetched: the smaller of
   a part of it and so many bytes. */
#define FREE_PERCENT 5
#define FREE_BYTES ((uint64_t)2 << 30)

struct resource {
	char *name; /* DIGEST-N */
	char *uri, *content;
	char signature[DIGEST_TEXT_SIZE]; /* of the source's listing, "": it cannot be listed */
	bool ready;                       /* else it is being fetched */
	bool stale;                       /* not for further tasks */
	unsigned users;
	int64_t used_us; /* wall clock, which is remembered */
	int64_t checked_ns;
};

struct resources {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *root;
	const struct log *log;
	unsigned last; /* number of a name */
	VEC(struct resource *) list;
};

static void resource_free(struct resource *x)
{
	if (x == NULL)
		return;
	free(x->name);
	free(x->uri);
	free(x->content);
	free(x);
}

static struct resource *resource_new(const struct resources *r, const char *name, const char *uri)
{
	struct resource *x = xcalloc(1, sizeof(*x));
	struct str content = STR_INIT;

	str_addf(&content, "%s/%s/content", r->root, name);
	x->name = xstrdup(name);
	x->uri = xstrdup(uri);
	x->content = str_detach(&content);
	return x;
}

const char *resource_content(const struct resource *resource)
{
	return resource->content;
}

const char *resource_name(const struct resource *resource)
{
	return resource->name;
}

bool resource_is_shared(const char *uri)
{
	struct arena arena;
	struct uri parsed;
	const char *why;
	bool shared;

	arena_init(&arena);
	/* One that cannot be parsed is told of by whoever fetches it. */
	shared = uri_parse(&arena, uri, &parsed, &why) &&
	         (strcmp(parsed.scheme, "file") != 0 || parsed.nactions > 0);
	arena_release(&arena);
	return shared;
}

/* ---- on disk ---- */

static void add_path(struct str *path, const struct resources *r, const char *name,
                     const char *file)
{
	str_reset(path);
	str_addf(path, "%s/%s%s", r->root, name, file);
}

/* One that was complete when an earlier agent ended. */
static void remember(struct resources *r, const char *name)
{
	struct str path = STR_INIT, text = STR_INIT;
	const char *uri, *signature, *dash = strrchr(name, '-');
	struct resource *x;
	struct stat st;
	json_t *info = NULL;

	add_path(&path, r, name, "/info");
	/* What begins with a dot was being made or removed. */
	if (name[0] != '.' && file_read(path.p, &text) == 0 && stat(path.p, &st) == 0)
		info = json_loads(text.p, 0, NULL);
	uri = json_string_value(json_object_get(info, "uri"));
	signature = json_string_value(json_object_get(info, "signature"));
	if (uri != NULL && signature != NULL && strlen(signature) < DIGEST_TEXT_SIZE) {
		unsigned number = dash != NULL ? (unsigned)strtoul(dash + 1, NULL, 10) : 0;

		x = resource_new(r, name, uri);
		memcpy(x->signature, signature, strlen(signature) + 1);
		x->ready = true;
		x->used_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
		r->last = number > r->last ? number : r->last;
		vec_push(&r->list, x);
	} else {
		add_path(&path, r, name, "");
		(void)tree_remove(path.p);
	}
	json_decref(info);
	str_release(&path);
	str_release(&text);
}

int resources_open(struct resources **out, const char *work, const struct log *log)
{
	struct resources *r = xcalloc(1, sizeof(*r));
	struct str root = STR_INIT;
	struct dirent *e;
	int err;
	DIR *d;

	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->log = log;
	str_addf(&root, "%s/resource", work);
	r->root = str_detach(&root);
	err = dir_make(r->root, 0700);
	d = err == 0 ? opendir(r->root) : NULL;
	if (err == 0 && d == NULL)
		err = -errno;
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remember(r, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	*out = r;
	return err;
}

void resources_close(struct resources *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->list.n; i++)
		resource_free(r->list.v[i]);
	vec_release(&r->list);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r->root);
	free(r);
}

/* Out of the list and of its name, under the lock; NULL where it was never on disk. */
static char *take_out(struct resources *r, struct resource *x)
{
	struct str from = STR_INIT, to = STR_INIT;
	char *gone = NULL;

	for (size_t i = 0; i < r->list.n; i++) {
		if (r->list.v[i] == x)
			r->list.v[i] = r->list.v[--r->list.n];
	}
	add_path(&from, r, x->name, "");
	str_addf(&to, "%s/" GONE "%s", r->root, x->name);
	if (x->ready && rename(from.p, to.p) == 0)
		gone = str_detach(&to);
	resource_free(x);
	str_release(&from);
	str_release(&to);
	return gone;
}

/* ---- fetching ---- */

/* What tells one state of the source from another; "" where it cannot be listed. */
static void read_signature(struct stage *stage, const char *uri, char signature[DIGEST_TEXT_SIZE])
{
	struct stage_listing listing = {0};
	struct str error = STR_INIT, line = STR_INIT;
	struct digest *d = digest_new();
	struct arena arena;
	struct uri parsed;
	const char *why;
	bool ok;

	arena_init(&arena);
	ok = uri_parse(&arena, uri, &parsed, &why) &&
	     stage_list(stage, &parsed, STAGE_RECURSIVE, &arena, &listing, &error) == STAGE_OK;
	for (size_t i = 0; ok && i < listing.n; i++) {
		const struct stage_entry *e = &listing.entries[i];

		str_reset(&line);
		str_addf(&line, "%s %" PRIu64 " %" PRId64 "\n", e->name, e->size, e->mtime_ns);
		digest_add(d, line.p, line.len);
	}
	digest_finish(d, signature);
	if (!ok)
		signature[0] = '\0';
	arena_release(&arena);
	str_release(&error);
	str_release(&line);
}

static bool disk_is_short(const struct resources *r)
{
	struct statvfs fs;
	uint64_t left, wanted;

	if (statvfs(r->root, &fs) != 0)
		return false;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	wanted = (uint64_t)fs.f_blocks * fs.f_frsize / 100 * FREE_PERCENT;
	return left < wanted && left < FREE_BYTES;
}

static enum stage_result write_info(const struct resources *r, const char *part,
                                    const struct resource *x, struct str *error)
{
	json_t *info = json_pack("{s:o, s:s}", "uri", json_text(x->uri), "signature", x->signature);
	struct str path = STR_INIT, text = STR_INIT;
	int err;

	json_print(info, &text);
	str_addf(&path, "%s/info", part);
	err = file_replace(path.p, text.p, text.len, 0600);
	add_path(&path, r, x->name, "");
	if (err == 0 && rename(part, path.p) != 0)
		err = -errno;
	if (err != 0)
		str_addf(error, "%s: %s", path.p, strerror(-err));
	json_decref(info);
	str_release(&path);
	str_release(&text);
	return err == 0 ? STAGE_OK : err == -ENOSPC ? STAGE_NO_SPACE : STAGE_IO;
}

/* Without the lock. */
static enum stage_result fetch(struct resources *r, struct stage *stage, struct resource *x,
                               struct str *error)
{
	struct str part = STR_INIT, content = STR_INIT;
	enum stage_result result;

	/* Before the bytes: what changes meanwhile is seen the next time. */
	read_signature(stage, x->uri, x->signature);
	str_addf(&part, "%s/" PART "%s", r->root, x->name);
	str_addf(&content, "%s/content", part.p);
	while (disk_is_short(r) && resources_evict(r))
		;
	do {
		str_reset(error);
		(void)tree_remove(part.p);
		result = stage_get_text(stage, x->uri, content.p, STAGE_COPY, error);
		if (result == STAGE_OK)
			result = write_info(r, part.p, x, error);
	} while (result == STAGE_NO_SPACE && resources_evict(r));
	if (result != STAGE_OK)
		(void)tree_remove(part.p);
	str_release(&part);
	str_release(&content);
	return result;
}

static struct resource *find(const struct resources *r, const char *uri)
{
	for (size_t i = 0; i < r->list.n; i++) {
		if (!r->list.v[i]->stale && strcmp(r->list.v[i]->uri, uri) == 0)
			return r->list.v[i];
	}
	return NULL;
}

/* Another thread fetches it: wait a little. False where the task was cancelled. */
static bool wait_a_little(struct resources *r, struct stage *stage)
{
	struct timespec until;

	if (stage->cancelled != NULL && stage->cancelled(stage->cancel_ctx))
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
	return true;
}

static void note_use(struct resources *r, struct resource *x)
{
	struct str path = STR_INIT;

	x->used_us = clock_date_us();
	add_path(&path, r, x->name, "/info");
	/* Its date is when it was used last; one that is not kept is used all the same. */
	(void)utimensat(AT_FDCWD, path.p, NULL, 0);
	str_release(&path);
}

/* The resource is new: fetch it. Called and returns with the lock held. */
static struct resource *begin(struct resources *r, struct stage *stage, const char *uri,
                              enum stage_result *result, struct str *error)
{
	char digest[DIGEST_TEXT_SIZE], name[DIGEST_TEXT_SIZE + 16];
	struct resource *x;

	digest_bytes(uri, strlen(uri), digest);
	snprintf(name, sizeof(name), "%s-%u", digest, ++r->last);
	x = resource_new(r, name, uri);
	x->users = 1;
	vec_push(&r->list, x);
	pthread_mutex_unlock(&r->lock);
	*result = fetch(r, stage, x, error);
	pthread_mutex_lock(&r->lock);
	pthread_cond_broadcast(&r->changed);
	if (*result != STAGE_OK) {
		free(take_out(r, x));
		return NULL;
	}
	x->ready = true;
	x->checked_ns = clock_monotonic_ns();
	return x;
}

/* Whether the source is as it was. With the lock, which is given up meanwhile. */
static bool is_current(struct resources *r, struct stage *stage, struct resource *x)
{
	char now[DIGEST_TEXT_SIZE];

	if (clock_monotonic_ns() - x->checked_ns < CHECK_NS && x->checked_ns != 0)
		return true;
	x->checked_ns = clock_monotonic_ns();
	pthread_mutex_unlock(&r->lock);
	read_signature(stage, x->uri, now);
	pthread_mutex_lock(&r->lock);
	/* What cannot be asked for now is used as it is. */
	return now[0] == '\0' || strcmp(now, x->signature) == 0;
}

struct resource *resources_take(struct resources *r, struct stage *stage, const char *uri,
                                enum stage_result *result, struct str *error)
{
	struct resource *x = NULL;
	char *gone = NULL;

	*result = STAGE_OK;
	pthread_mutex_lock(&r->lock);
	while (x == NULL && *result == STAGE_OK) {
		x = find(r, uri);
		if (x == NULL) {
			x = begin(r, stage, uri, result, error);
		} else if (!x->ready) {
			x = NULL;
			if (!wait_a_little(r, stage))
				*result = STAGE_CANCELLED;
		} else {
			x->users++;
			if (!is_current(r, stage, x)) {
				log_info(r->log, "the source of %s has changed", uri);
				x->stale = true;
				if (--x->users == 0)
					gone = take_out(r, x);
				x = NULL;
			}
		}
	}
	if (x != NULL)
		note_use(r, x);
	pthread_mutex_unlock(&r->lock);
	if (gone != NULL)
		(void)tree_remove(gone);
	free(gone);
	return x;
}

struct resource *resources_adopt(struct resources *r, const char *name)
{
	struct resource *x = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->list.n && x == NULL; i++) {
		if (strcmp(r->list.v[i]->name, name) == 0)
			x = r->list.v[i];
	}
	if (x != NULL)
		x->users++;
	pthread_mutex_unlock(&r->lock);
	return x;
}

static void drop(struct resources *r, struct resource *x, struct paths *gone)
{
	char *path = take_out(r, x);

	if (path != NULL)
		vec_push(gone, path);
}

void resources_release(struct resources *r, struct resource *resource, struct paths *gone)
{
	pthread_mutex_lock(&r->lock);
	if (--resource->users == 0 && resource->stale)
		drop(r, resource, gone);
	pthread_mutex_unlock(&r->lock);
}

void resources_forget(struct resources *r, struct paths *gone)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = r->list.n; i-- > 0;) {
		struct resource *x = r->list.v[i];

		x->stale = true;
		if (x->users == 0)
			drop(r, x, gone);
	}
	pthread_mutex_unlock(&r->lock);
}

bool resources_evict(struct resources *r)
{
	struct resource *oldest = NULL;
	char *gone = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->list.n; i++) {
		struct resource *x = r->list.v[i];

		if (x->users == 0 && x->ready && (oldest == NULL || x->used_us < oldest->used_us))
			oldest = x;
	}
	if (oldest != NULL) {
		log_info(r->log, "the disk is full: %s is given up", oldest->uri);
		gone = take_out(r, oldest);
	}
	pthread_mutex_unlock(&r->lock);
	if (gone != NULL)
		(void)tree_remove(gone);
	free(gone);
	return oldest != NULL;
}
