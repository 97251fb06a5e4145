/*
 * stage_get: a transport fills the list of items (stage/fetch.h), each action
 * replaces some of them by what it makes, and at the end every item is linked,
 * copied or moved to its name. `mv:` makes nothing: it only says below which
 * directory the names are.
 */
#include "stage/get.h"

#include "base/fd.h"
#include "stage/archive.h"
#include "stage/fault.h"
#include "stage/local.h"
#include "stage/place.h"
#include "stage/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fetch_directory(struct fetch *f, enum stage_result *r)
{
	const char *dir;

	*r = STAGE_OK;
	if (f->work.len == 0) {
		str_addf(&f->work, "%s/.stage-XXXXXX", f->dest_dir);
		if (mkdtemp(f->work.p) == NULL) {
			*r = fault_own(f->error, errno, f->dest_dir);
			str_reset(&f->work);
			return NULL;
		}
	}
	dir = arena_printf(&f->arena, "%s/%u", f->work.p, f->ndirs++);
	if (mkdir(dir, 0777) != 0) {
		*r = fault_own(f->error, errno, dir);
		return NULL;
	}
	return dir;
}

/* dir/name, with the directories of the name made. */
static const char *make_place(struct fetch *f, const char *dir, const char *name,
                              enum stage_result *r)
{
	const char *slash = strrchr(name, '/');
	int err = 0;

	if (slash != NULL)
		err = dir_make(arena_printf(&f->arena, "%s/%.*s", dir, (int)(slash - name), name),
		               0777);
	*r = err == 0 ? STAGE_OK : fault_own(f->error, -err, f->uri->text);
	return arena_printf(&f->arena, "%s/%s", dir, name);
}

enum stage_result fetch_add_made(struct fetch *f, struct items *items, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err;

	if (d == NULL)
		return fault_own(f->error, errno, f->uri->text);
	while ((e = next_name(d)) != NULL) {
		struct item item = {.name = arena_strdup(&f->arena, e->d_name), .owned = true};
		struct stat st;

		item.path = arena_printf(&f->arena, "%s/%s", dir, item.name);
		if (lstat(item.path, &st) != 0)
			break;
		item.folder = S_ISDIR(st.st_mode);
		vec_push(&items->list, item);
	}
	err = errno;
	closedir(d);
	return err == 0 ? STAGE_OK : fault_own(f->error, err, f->uri->text);
}

/* Our own archive has served; the user's is not touched. */
static enum stage_result consume(struct fetch *f, const struct item *item)
{
	if (!item->owned || unlink(item->path) == 0)
		return STAGE_OK;
	return fault_own(f->error, errno, f->uri->text);
}

/* In messages a downloaded archive is its URI, a local one its path. */
static const char *subject(const struct fetch *f, const struct item *item)
{
	return item->owned ? f->uri->text : item->path;
}

static enum stage_result unpack_item(struct fetch *f, enum archive_kind kind,
                                     const struct item *item, struct items *made)
{
	enum stage_result r;
	const char *root = fetch_directory(f, &r), *place;

	/* Beside the archive's place; a directory per archive shows whose names clash. */
	if (r == STAGE_OK)
		place = make_place(f, root, item->name, &r);
	if (r == STAGE_OK)
		r = stage_unpack(
		        f->s, kind, item->path, subject(f, item),
		        arena_strndup(&f->arena, place, (size_t)(strrchr(place, '/') - place)),
		        f->error);
	if (r == STAGE_OK)
		r = consume(f, item);
	return r == STAGE_OK ? fetch_add_made(f, made, root) : r;
}

static enum stage_result unpack(struct fetch *f, enum archive_kind kind)
{
	struct items made = {0};
	enum stage_result r = STAGE_OK;
	size_t archives = 0;

	for (size_t i = 0; i < f->items.list.n && r == STAGE_OK; i++) {
		const struct item *item = &f->items.list.v[i];

		if (item->folder) {
			vec_push(&made.list, *item);
			continue;
		}
		archives++;
		r = unpack_item(f, kind, item, &made);
	}
	vec_release(&f->items.list);
	f->items = made;
	if (r == STAGE_OK && archives == 0)
		r = fault(f->error, STAGE_BAD_ARCHIVE, f->uri->text, "there is nothing to unpack");
	return r;
}

/* The name without ".gz", NULL where it has none. */
static const char *gunzipped(struct fetch *f, const char *name)
{
	size_t n = strlen(name);
	const char *last = strrchr(name, '/');

	last = last != NULL ? last + 1 : name;
	if (strlen(last) > 3 && strcmp(name + n - 3, ".gz") == 0)
		return arena_strndup(&f->arena, name, n - 3);
	if (strlen(last) > 4 && strcmp(name + n - 4, ".tgz") == 0)
		return arena_printf(&f->arena, "%.*s.tar", (int)(n - 4), name);
	return NULL;
}

/* Every .gz file in a tree of ours, in its place. Links are left alone. */
static enum stage_result gunzip_tree(struct fetch *f, const char *dir, size_t *count)
{
	struct items items = {0};
	enum stage_result r = fetch_add_made(f, &items, dir);

	for (size_t i = 0; i < items.list.n && r == STAGE_OK; i++) {
		const struct item *item = &items.list.v[i];
		const char *plain = gunzipped(f, item->path);
		struct stat st;

		if (item->folder) {
			r = gunzip_tree(f, item->path, count);
		} else if (plain != NULL && lstat(item->path, &st) == 0 && S_ISREG(st.st_mode)) {
			r = stage_gunzip(f->s, item->path, f->uri->text, plain, f->error);
			if (r == STAGE_OK)
				r = consume(f, item);
			(*count)++;
		}
	}
	vec_release(&items.list);
	return r;
}

static enum stage_result gunzip_item(struct fetch *f, struct item *item, size_t *count)
{
	const char *name = gunzipped(f, item->name), *root, *path = NULL;
	enum stage_result r;

	if (item->folder)
		return item->owned ? gunzip_tree(f, item->path, count) : STAGE_OK;
	if (name == NULL)
		return STAGE_OK;
	(*count)++;
	root = fetch_directory(f, &r);
	if (r == STAGE_OK)
		path = make_place(f, root, name, &r);
	if (r == STAGE_OK)
		r = stage_gunzip(f->s, item->path, subject(f, item), path, f->error);
	if (r == STAGE_OK)
		r = consume(f, item);
	if (r == STAGE_OK)
		*item = (struct item){.name = name, .path = path, .owned = true};
	return r;
}

static enum stage_result gunzip(struct fetch *f)
{
	enum stage_result r = STAGE_OK;
	size_t count = 0;

	for (size_t i = 0; i < f->items.list.n && r == STAGE_OK; i++)
		r = gunzip_item(f, &f->items.list.v[i], &count);
	if (r == STAGE_OK && count == 0)
		r = fault(f->error, STAGE_BAD_ARCHIVE, f->uri->text,
		          "there is no file that ends in .gz");
	return r;
}

/* Apply the actions; *prefix is where `mv:` said that everything goes, "" for nowhere else. */
static enum stage_result act(struct fetch *f, const char **prefix)
{
	enum stage_result r = STAGE_OK;

	*prefix = "";
	for (size_t i = 0; i < f->uri->nactions && r == STAGE_OK; i++) {
		const struct uri_action *a = &f->uri->actions[i];

		switch (a->kind) {
		case URI_UNTAR:
			r = unpack(f, ARCHIVE_TAR);
			break;
		case URI_UNZIP:
			r = unpack(f, ARCHIVE_ZIP);
			break;
		case URI_GUNZIP:
			r = gunzip(f);
			break;
		case URI_MV:
			*prefix = arena_printf(&f->arena, "%s/", a->dir);
			break;
		}
	}
	return r;
}

static enum stage_result place_item(struct place *p, int root, const char *prefix,
                                    const struct item *item)
{
	const char *name = arena_printf(p->arena, "%s%s", prefix, item->name), *last;
	int at;
	enum stage_result r = place_parent(p, root, name, &at, &last);

	if (r != STAGE_OK)
		return r;
	r = item->owned ? place_move(p, at, last, item->path)
	                : place_source(p, at, last, item->path);
	close(at);
	return r;
}

static enum stage_result place_items(struct fetch *f, enum stage_mode mode, const char *prefix)
{
	struct place p = {.s = f->s,
	                  .mode = mode,
	                  .subject = f->uri->text,
	                  .arena = &f->arena,
	                  .error = f->error};
	enum stage_result r = STAGE_OK;
	int root = open(f->dest_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return fault_own(f->error, errno, f->dest_dir);
	if (fstat(root, &p.root) != 0)
		r = fault_own(f->error, errno, f->dest_dir);
	/* Every item that fails is told, unless the reason is no item's. */
	for (size_t i = 0; i < f->items.list.n && r != STAGE_CANCELLED && r != STAGE_NO_SPACE; i++)
		fault_keep(&r, place_item(&p, root, prefix, &f->items.list.v[i]));
	close(root);
	return r;
}

enum stage_result stage_get(struct stage *s, const struct uri *uri, const char *dest_dir,
                            enum stage_mode mode, struct str *error)
{
	struct fetch f = {
	        .s = s, .uri = uri, .dest_dir = dest_dir, .work = STR_INIT, .error = error};
	enum stage_result r;
	const struct scheme *scheme = scheme_find(uri, error, &r);
	const char *prefix;
	int err;

	if (scheme == NULL)
		return r;
	if (stage_stopped(s))
		return STAGE_CANCELLED;
	err = dir_make(dest_dir, 0777);
	if (err != 0)
		return fault_own(error, -err, dest_dir);
	arena_init(&f.arena);
	r = scheme->get(&f);
	if (r == STAGE_OK)
		r = act(&f, &prefix);
	if (r == STAGE_OK) {
		if (s->placing != NULL)
			pthread_mutex_lock(s->placing);
		r = place_items(&f, mode, prefix);
		if (s->placing != NULL)
			pthread_mutex_unlock(s->placing);
	}
	if (f.work.len > 0) {
		err = tree_remove(f.work.p);
		if (err != 0)
			fault_keep(&r, fault_own(error, -err, f.work.p));
	}
	vec_release(&f.items.list);
	str_release(&f.work);
	arena_release(&f.arena);
	return r;
}

enum stage_result stage_get_text(struct stage *s, const char *uri, const char *dest_dir,
                                 enum stage_mode mode, struct str *error)
{
	struct arena arena;
	enum stage_result r;
	struct uri parsed;
	const char *why;

	arena_init(&arena);
	if (uri_parse(&arena, uri, &parsed, &why))
		r = stage_get(s, &parsed, dest_dir, mode, error);
	else
		r = fault(error, STAGE_BAD_URI, uri, "%s", why);
	arena_release(&arena);
	return r;
}
