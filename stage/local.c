/*
 * The transport of this machine's own files. Globs are walked here and not by
 * glob(3), which cannot tell a directory that may not be read from one without a
 * match.
 */
#include "stage/local.h"

#include "base/alloc.h"
#include "model/digest.h"
#include "stage/fault.h"
#include "stage/scheme.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct dirent *next_name(DIR *d)
{
	struct dirent *e;

	do {
		errno = 0;
		e = readdir(d);
	} while (e != NULL && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0));
	return e;
}

const char *local_absolute(struct arena *arena, const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return arena_strdup(arena, path);
	return arena_printf(arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

static const char *join(struct arena *arena, const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return arena_printf(arena, "%s%s%s", dir, n == 0 || dir[n - 1] == '/' ? "" : "/", name);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool is_part(const char *name)
{
	return strncmp(name, PART_PREFIX, strlen(PART_PREFIX)) == 0;
}

struct walk {
	struct stage *s;
	struct arena *arena;
	struct local_files *files;
	int refused; /* errno of a directory that could not be read */
};

/* The component of the pattern that begins at p, without what hides special characters. */
static const char *plain_component(struct arena *arena, const char *p, size_t n)
{
	char *out = arena_alloc(arena, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\' && i + 1 < n)
			i++;
		out[len++] = p[i];
	}
	out[len] = '\0';
	return out;
}

static bool component_has_glob(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\\')
			i++;
		else if (strchr("*?[", p[i]) != NULL)
			return true;
	}
	return false;
}

static enum stage_result walk_pattern(struct walk *w, const char *dir, const char *name,
                                      const char *pattern);

/* `path` matched so far; go on with the rest of the pattern. */
static enum stage_result matched(struct walk *w, const char *path, const char *name,
                                 const char *rest)
{
	struct local_file file = {.name = name, .path = path};

	if (*rest != '\0')
		return walk_pattern(w, path, name, rest);
	if (stat(path, &file.st) != 0) {
		/* A dangling link is no match, nor is what vanished meanwhile. */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			w->refused = errno;
		return STAGE_OK;
	}
	if (S_ISREG(file.st.st_mode)) {
		file.path = local_absolute(w->arena, path);
		vec_push(&w->files->list, file);
	}
	return STAGE_OK;
}

static enum stage_result match_directory(struct walk *w, const char *dir, const char *name,
                                         const char *pattern, const char *rest)
{
	DIR *d = opendir(*dir != '\0' ? dir : ".");
	enum stage_result r = STAGE_OK;
	struct dirent *e;

	if (d == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			w->refused = errno;
		return STAGE_OK;
	}
	while (r == STAGE_OK && (e = next_name(d)) != NULL) {
		if (stage_stopped(w->s))
			r = STAGE_CANCELLED;
		else if (fnmatch(pattern, e->d_name, FNM_PERIOD) == 0 && !is_part(e->d_name))
			r = matched(w, join(w->arena, dir, e->d_name),
			            join(w->arena, name, e->d_name), rest);
	}
	if (r == STAGE_OK && errno != 0)
		w->refused = errno;
	closedir(d);
	return r;
}

/* Match the first component of the pattern in `dir`; names begin with the first glob. */
static enum stage_result walk_pattern(struct walk *w, const char *dir, const char *name,
                                      const char *pattern)
{
	size_t n;
	const char *rest, *component;

	while (*pattern == '/') {
		if (*dir == '\0')
			dir = "/";
		pattern++;
	}
	n = strcspn(pattern, "/");
	rest = pattern + n;
	if (component_has_glob(pattern, n))
		return match_directory(w, dir, name, arena_strndup(w->arena, pattern, n), rest);
	component = plain_component(w->arena, pattern, n);
	return matched(w, join(w->arena, dir, component),
	               *name != '\0' ? join(w->arena, name, component) : "", rest);
}

static enum stage_result match_glob(struct stage *s, const struct uri *uri, struct arena *arena,
                                    struct local_files *files, struct str *error)
{
	struct walk w = {s, arena, files, 0};
	enum stage_result r = walk_pattern(&w, "", "", uri->place);

	if (r != STAGE_OK)
		return r;
	if (w.refused != 0)
		return fault_user(error, w.refused, uri->text);
	if (files->list.n == 0)
		return fault(error, STAGE_NOT_FOUND, uri->text, "no file matches");
	return STAGE_OK;
}

enum stage_result local_match(struct stage *s, const struct uri *uri, struct arena *arena,
                              struct local_files *files, struct str *error)
{
	struct local_file file;

	if (uri->glob)
		return match_glob(s, uri, arena, files, error);
	if (stat(uri->place, &file.st) != 0)
		return fault_user(error, errno, uri->text);
	if (S_ISDIR(file.st.st_mode))
		return fault(error, STAGE_BAD_URI, uri->text,
		             "is a folder: the URI of a folder ends in '/'");
	if (!S_ISREG(file.st.st_mode))
		return fault(error, STAGE_BAD_URI, uri->text, "is not a regular file");
	file.path = local_absolute(arena, uri->place);
	file.name = last_component(file.path);
	vec_push(&files->list, file);
	return STAGE_OK;
}

/* Every entry of the folder becomes an item; what it holds below is looked at later. */
static enum stage_result get_folder(struct fetch *f)
{
	const char *dir = local_absolute(&f->arena, f->uri->place);
	enum stage_result r = STAGE_OK;
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		return fault_user(f->error, errno, f->uri->text);
	while ((e = next_name(d)) != NULL) {
		struct item item = {.name = arena_strdup(&f->arena, e->d_name)};
		struct stat st;

		if (is_part(e->d_name))
			continue;
		item.path = join(&f->arena, dir, e->d_name);
		if (stat(item.path, &st) != 0) {
			fault_keep(&r, fault_user(f->error, errno, item.path));
			continue;
		}
		item.folder = S_ISDIR(st.st_mode);
		if (item.folder || S_ISREG(st.st_mode))
			vec_push(&f->items.list, item);
	}
	if (errno != 0)
		fault_keep(&r, fault_user(f->error, errno, f->uri->text));
	closedir(d);
	return r;
}

enum stage_result local_get(struct fetch *f)
{
	struct local_files files = {0};
	enum stage_result r;

	if (f->uri->folder)
		return get_folder(f);
	r = local_match(f->s, f->uri, &f->arena, &files, f->error);
	for (size_t i = 0; r == STAGE_OK && i < files.list.n; i++) {
		struct item item = {.name = files.list.v[i].name, .path = files.list.v[i].path};

		vec_push(&f->items.list, item);
	}
	vec_release(&files.list);
	return r;
}

/* The directories from the folder down to the one being listed. */
struct lineage {
	const struct lineage *parent;
	dev_t dev;
	ino_t ino;
};

struct listing_walk {
	struct stage *s;
	unsigned how;
	struct arena *arena;
	struct entries *entries;
	struct str *error;
};

/* The MD5 of the file where it is asked for. */
static enum stage_result tell_digest(const struct listing_walk *w, struct stage_entry *entry)
{
	char md5[DIGEST_MD5_SIZE];
	int err;

	if ((w->how & STAGE_DIGESTS) == 0)
		return STAGE_OK;
	err = digest_md5_file(entry->place, md5);
	if (err != 0)
		return fault_user(w->error, -err, entry->place);
	entry->digest = arena_printf(w->arena, "md5:%s", md5);
	return STAGE_OK;
}

static enum stage_result add_entry(const struct listing_walk *w, const char *name, const char *path,
                                   const struct stat *st)
{
	bool folder = S_ISDIR(st->st_mode);
	struct stage_entry entry = {
	        .name = folder ? join(w->arena, name, "") : name,
	        .place = folder ? join(w->arena, path, "") : path,
	        .size = folder ? 0 : (uint64_t)st->st_size,
	        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	};
	enum stage_result r = folder ? STAGE_OK : tell_digest(w, &entry);

	if (r == STAGE_OK)
		vec_push(&w->entries->list, entry);
	return r;
}

static enum stage_result list_directory(const struct listing_walk *w, const char *dir,
                                        const char *name, const struct lineage *parent)
{
	struct lineage self = {.parent = parent};
	enum stage_result r = STAGE_OK;
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	if (d == NULL || fstat(dirfd(d), &st) != 0) {
		r = fault_user(w->error, errno, dir);
		if (d != NULL)
			closedir(d);
		return r;
	}
	self.dev = st.st_dev;
	self.ino = st.st_ino;
	for (const struct lineage *up = parent; up != NULL; up = up->parent) {
		if (up->dev == self.dev && up->ino == self.ino) {
			closedir(d);
			return STAGE_OK;
		}
	}
	while (r == STAGE_OK && (e = next_name(d)) != NULL) {
		const char *path = join(w->arena, dir, e->d_name);
		const char *below = *name != '\0' ? join(w->arena, name, e->d_name)
		                                  : arena_strdup(w->arena, e->d_name);

		if (stage_stopped(w->s))
			r = STAGE_CANCELLED;
		else if (is_part(e->d_name) || stat(path, &st) != 0)
			continue; /* in the making, dangling or just gone */
		else if (S_ISREG(st.st_mode) ||
		         (S_ISDIR(st.st_mode) && (w->how & STAGE_FOLDERS) != 0))
			r = add_entry(w, below, path, &st);
		if (r == STAGE_OK && S_ISDIR(st.st_mode) && (w->how & STAGE_RECURSIVE) != 0)
			r = list_directory(w, path, below, &self);
	}
	if (r == STAGE_OK && errno != 0)
		r = fault_user(w->error, errno, dir);
	closedir(d);
	return r;
}

enum stage_result local_list(struct stage *s, const struct uri *uri, unsigned how,
                             struct arena *arena, struct entries *entries, struct str *error)
{
	struct listing_walk w = {s, how, arena, entries, error};
	struct local_files files = {0};
	enum stage_result r;

	if (uri->folder)
		return list_directory(&w, local_absolute(arena, uri->place), "", NULL);
	r = local_match(s, uri, arena, &files, error);
	for (size_t i = 0; r == STAGE_OK && i < files.list.n; i++)
		r = add_entry(&w, files.list.v[i].name, files.list.v[i].path, &files.list.v[i].st);
	vec_release(&files.list);
	return r;
}
