#include "stage/transfer.h"

#include "base/fd.h"
#include "stage/fault.h"
#include "stage/get.h"
#include "stage/local.h"
#include "stage/rclone_place.h"
#include "stage/scheme.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
	struct stage *s;
	const struct stage_transfer *t;
	struct arena arena;
	struct str *warnings, *error;
};

/* ---- by rclone ---- */

/* Words of a command, as many as are needed. */
struct words {
	VEC(const char *) list;
};

static void add_patterns(struct words *words, const char *const *patterns, size_t n,
                         struct arena *arena)
{
	for (size_t i = 0; i < n; i++)
		vec_push(&words->list, arena_printf(arena, "--include=%s", patterns[i]));
}

/* The names of the files, one a line, for --files-from-raw. */
static enum stage_result add_names(struct transfer *x, const struct stage_listing *files,
                                   struct str *names)
{
	for (size_t i = 0; i < files->n; i++) {
		if (strchr(files->entries[i].name, '\n') != NULL)
			return fault(x->error, STAGE_BAD_URI, files->entries[i].name,
			             "a name with a line break cannot be handled by rclone");
		str_addf(names, "%s\n", files->entries[i].name);
	}
	return STAGE_OK;
}

/* The same of what the glob finds. */
static enum stage_result names_of(struct transfer *x, struct str *names)
{
	struct stage_listing listing;
	enum stage_result r = stage_list(x->s, x->t->from, 0, &x->arena, &listing, x->error);

	return r == STAGE_OK ? add_names(x, &listing, names) : r;
}

/* That it is there, which rclone does not mind of an object store. */
static enum stage_result look(struct transfer *x)
{
	struct stage_listing listing;

	return stage_list(x->s, x->t->from, STAGE_FOLDERS, &x->arena, &listing, x->error);
}

/* Which files rclone is told by name; else that there is something to copy. */
static enum stage_result select_files(struct transfer *x, struct str *names)
{
	const struct stage_transfer *t = x->t;

	return t->files != NULL ? add_names(x, t->files, names)
	       : t->from->glob  ? names_of(x, names)
	                        : look(x);
}

/* The settings of ftp servers stand in the environment under one name: one of the two sides. */
static const struct rclone_place *which(const struct rclone_place *from,
                                        const struct rclone_place *to)
{
	return to->extra != NULL ? to : from;
}

static enum stage_result by_rclone(struct transfer *x)
{
	const struct stage_transfer *t = x->t;
	struct rclone_place from, to;
	struct words words = {0};
	struct str names = STR_INIT;
	const char *verb = t->mirror                          ? "sync"
	                   : t->from->folder || t->from->glob ? "copy"
	                                                      : "copyto";
	const char *name = "";
	enum stage_result r = select_files(x, &names);

	if (r == STAGE_OK)
		r = rclone_place_find(x->s, t->from, &x->arena, &from, x->error);
	if (r == STAGE_OK)
		r = rclone_place_find(x->s, t->to, &x->arena, &to, x->error);
	if (r == STAGE_OK) {
		if (!t->from->folder && !t->from->glob && t->to->folder)
			name = strrchr(from.path, '/') != NULL ? strrchr(from.path, '/') + 1
			                                       : from.path;
		vec_push(&words.list, verb);
		vec_push(&words.list, "--copy-links");
		add_patterns(&words, t->patterns, t->npatterns, &x->arena);
		if (names.len > 0) {
			vec_push(&words.list, "--files-from-raw=-");
			vec_push(&words.list, "--no-traverse");
		}
		vec_push(&words.list, "--");
		vec_push(&words.list, rclone_place_spec(&from, "", &x->arena));
		vec_push(&words.list, rclone_place_spec(&to, name, &x->arena));
		vec_push(&words.list, NULL);
		r = rclone_place_run(x->s, which(&from, &to), words.list.v,
		                     names.len > 0 ? names.p : NULL, NULL, x->error);
	}
	vec_release(&words.list);
	str_release(&names);
	return r;
}

/* ---- through a directory of ours ---- */

/* The folder of a file's URI, and the file's name in it. */
static enum stage_result parent_of(struct transfer *x, struct uri *folder, const char **name)
{
	const struct uri *to = x->t->to;
	const char *slash = strrchr(to->text, '/'), *why;
	char *text = slash != NULL
	                     ? arena_strndup(&x->arena, to->text, (size_t)(slash - to->text) + 1)
	                     : arena_strdup(&x->arena, "./");

	*name = strrchr(to->place, '/') != NULL ? strrchr(to->place, '/') + 1 : to->place;
	if (!uri_parse(&x->arena, text, folder, &why))
		return fault(x->error, STAGE_BAD_URI, to->text, "%s", why);
	return STAGE_OK;
}

/* The only file that came, under its new name. */
static enum stage_result rename_only(struct transfer *x, const char *dir, const char *name)
{
	struct stage_listing listing;
	const char *why, *path = arena_printf(&x->arena, "%s/%s", dir, name);
	struct uri uri;
	struct str text = STR_INIT;
	enum stage_result r = STAGE_IO;

	uri_add_path(&text, dir);
	str_addc(&text, '/');
	if (uri_parse(&x->arena, text.p, &uri, &why))
		r = stage_list(x->s, &uri, STAGE_RECURSIVE, &x->arena, &listing, x->error);
	str_release(&text);
	if (r != STAGE_OK)
		return r;
	if (listing.n != 1)
		return fault(x->error, STAGE_BAD_URI, x->t->to->text,
		             "is the name of one file, and %zu came: a folder ends in '/'",
		             listing.n);
	if (rename(listing.entries[0].place, path) != 0)
		return fault_own(x->error, errno, path);
	return STAGE_OK;
}

/* On the file system where it will be, if that is ours. */
static const char *work_directory(struct transfer *x, const struct uri *folder,
                                  enum stage_result *r)
{
	bool here = strcmp(folder->scheme, "file") == 0;
	const char *place = here ? folder->place : temporary_place();
	char *dir = arena_printf(&x->arena, "%s/" PART_PREFIX "XXXXXX", place);
	int err = here ? dir_make(place, 0777) : 0;

	*r = STAGE_OK;
	if (err == 0 && mkdtemp(dir) == NULL)
		err = -errno;
	if (err != 0)
		*r = fault_publish(x->error, -err, place);
	return dir;
}

static enum stage_result through_here(struct transfer *x)
{
	const struct stage_transfer *t = x->t;
	struct uri folder = *t->to;
	const char *name = NULL, *dir;
	struct stage_listing listing;
	enum stage_result r = STAGE_OK;
	int err;

	if (!t->to->folder)
		r = parent_of(x, &folder, &name);
	if (r != STAGE_OK)
		return r;
	dir = work_directory(x, &folder, &r);
	if (r != STAGE_OK)
		return r;
	r = stage_get(x->s, t->from, dir, STAGE_COPY, x->error);
	if (r == STAGE_OK && name != NULL)
		r = rename_only(x, dir, name);
	if (r == STAGE_OK)
		r = stage_put(x->s, dir, &folder, &x->arena, &listing, x->warnings, x->error);
	err = tree_remove(dir);
	if (err != 0)
		fault_keep(&r, fault_own(x->error, -err, dir));
	return r;
}

static bool is_file(const struct uri *uri)
{
	return strcmp(uri->scheme, "file") == 0;
}

static bool is_ftp(const struct uri *uri)
{
	return strcmp(uri->scheme, "ftp") == 0;
}

enum stage_result stage_transfer(struct stage *s, const struct stage_transfer *t,
                                 struct str *warnings, struct str *error)
{
	struct transfer x = {.s = s, .t = t, .warnings = warnings, .error = error};
	bool selects = t->mirror || t->npatterns > 0 || t->files != NULL, direct;
	const struct scheme *from, *to;
	enum stage_result r;

	from = scheme_find(t->from, error, &r);
	to = from != NULL ? scheme_find(t->to, error, &r) : NULL;
	if (to == NULL)
		return r;
	if (to->put == NULL)
		return fault(error, STAGE_DENIED, t->to->text, "%s is not writable", t->to->scheme);
	if (t->to->nactions > 0 || t->to->glob)
		return fault(error, STAGE_BAD_URI, t->to->text,
		             "a destination has no actions and no glob");
	direct = from->rclone && t->from->nactions == 0 && !(is_ftp(t->from) && is_ftp(t->to)) &&
	         (selects || !(is_file(t->from) && is_file(t->to)));
	if (selects && (!direct || !t->from->folder))
		return fault(error, STAGE_BAD_URI, t->from->text,
		             "of this no files can be selected: a folder is wanted");
	if (!t->to->folder && (t->from->folder || t->from->glob))
		return fault(error, STAGE_BAD_URI, t->to->text,
		             "is no folder: the URI of a folder ends in '/'");
	arena_init(&x.arena);
	r = direct ? by_rclone(&x) : through_here(&x);
	arena_release(&x.arena);
	return r;
}

/* ---- deleting ---- */

enum stage_result cloud_remove(struct stage *s, const struct uri *uri, const char *const *patterns,
                               size_t n, struct arena *arena, struct str *error)
{
	struct stage_transfer t = {.from = uri};
	struct transfer x = {.s = s, .t = &t, .error = error};
	struct rclone_place place;
	struct words words = {0};
	struct str names = STR_INIT;
	enum stage_result r;

	arena_init(&x.arena);
	r = uri->glob ? names_of(&x, &names) : look(&x);
	if (r == STAGE_OK)
		r = rclone_place_find(s, uri, arena, &place, error);
	if (r == STAGE_OK) {
		/* A bucket is emptied and stays. */
		bool whole = uri->folder && n == 0 && strchr(place.path, '/') != NULL;

		vec_push(&words.list, whole                      ? "purge"
		                      : uri->folder || uri->glob ? "delete"
		                                                 : "deletefile");
		add_patterns(&words, patterns, n, arena);
		if (uri->glob)
			vec_push(&words.list, "--files-from-raw=-");
		vec_push(&words.list, "--");
		vec_push(&words.list, rclone_place_spec(&place, "", arena));
		vec_push(&words.list, NULL);
		r = rclone_place_run(s, &place, words.list.v, uri->glob ? names.p : NULL, NULL,
		                     error);
	}
	vec_release(&words.list);
	str_release(&names);
	arena_release(&x.arena);
	return r;
}

enum stage_result stage_remove(struct stage *s, const struct uri *uri, const char *const *patterns,
                               size_t n, struct str *error)
{
	enum stage_result r;
	const struct scheme *scheme = scheme_find(uri, error, &r);
	struct arena arena;

	if (scheme == NULL)
		return r;
	if (scheme->remove == NULL)
		return fault(error, STAGE_DENIED, uri->text, "nothing can be deleted by %s",
		             uri->scheme);
	if (uri->nactions > 0 || (n > 0 && !uri->folder))
		return fault(error, STAGE_BAD_URI, uri->text, "%s",
		             n > 0 ? "patterns are for folders" : "has actions");
	arena_init(&arena);
	r = scheme->remove(s, uri, patterns, n, &arena, error);
	arena_release(&arena);
	return r;
}
