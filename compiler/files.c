/*
 * files("dir/" | "glob", group = folder | prefix): what lies on this machine or another, as
 * a list of files, or as one record per group with the fields `files` and `name`;
 * and the default of struct compile_files, which looks at the file system.
 * No group holds what does not belong together: where two folders, or samples of
 * two folders, would get one name, that is an error.
 */
#include "base/fd.h"
#include "base/network_fs.h"
#include "compiler/lock.h"
#include "compiler/paths.h"
#include "compiler/readname.h"
#include "compiler/network.h"
#include "compiler/sheet.h"
#include "stage/uri.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the file system ---- */

static int disk_read(void *context, const char *path, struct str *out)
{
	(void)context;
	return file_read(path, out);
}

static enum place_kind disk_kind(void *context, const char *path)
{
	struct stat st;

	(void)context;
	if (stat(path, &st) != 0)
		return PLACE_MISSING;
	return S_ISDIR(st.st_mode) ? PLACE_FOLDER : PLACE_FILE;
}

/* What is not there yet is where its directory is. */
static bool disk_network(void *context, const char *path)
{
	struct str at = STR_INIT;
	bool network = false;
	char *slash = NULL;
	int fd;

	(void)context;
	str_adds(&at, path);
	while ((fd = open(at.p, O_PATH | O_CLOEXEC)) < 0 && (slash = strrchr(at.p, '/')) != NULL &&
	       slash != at.p)
		*slash = '\0';
	if (fd >= 0) {
		network = network_fs_of(fd) != NULL;
		close(fd);
	}
	str_release(&at);
	return network;
}

const struct compile_files compile_disk = {.read = disk_read,
                                           .kind = disk_kind,
                                           .list = network_list,
                                           .runs = network_ask_runs,
                                           .fetch = network_fetch,
                                           .network = disk_network};

/* ---- files() ---- */

struct found {
	struct arena *arena;
	VEC(const char *) paths;
};

static void add_found(void *context, const struct compile_found *found)
{
	struct found *f = context;

	vec_push(&f->paths, arena_strdup(f->arena, found->place));
}

/* ---- groups ---- */

/* A group in the making. What is two things must not come under one name. */
struct group {
	const char *name;
	const char *what; /* folder, or folder and library: the same for each of its files */
	size_t first;     /* number of its first file */
	size_t n;
};

struct grouping {
	struct compilation *c;
	struct arena *arena;
	const char **paths; /* absolute */
	size_t n;
	const char *root; /* the folder that is listed, or that of the glob; ends in a slash */
	struct map names; /* -> index of the group */
	struct map files; /* every path */
	VEC(struct group) groups;
};

static const char *below_root(const struct grouping *g, const char *path)
{
	size_t n = strlen(g->root);

	return strncmp(path, g->root, n) == 0 ? path + n : path + (path[0] == '/');
}

/* The folder of a path below the root, without slashes at its ends; "" for the root. */
static const char *folder_below(const struct grouping *g, const char *path)
{
	const char *below = below_root(g, path), *slash = strrchr(below, '/');

	return slash == NULL ? "" : arena_strndup(g->arena, below, (size_t)(slash - below));
}

/* The whole way to the folder, as keys hold no slash; of the root its own name. */
static struct group by_folder(const struct grouping *g, const char *path)
{
	const char *folder = folder_below(g, path);
	char *name;
	size_t n;

	if (folder[0] == '\0') {
		const char *own = path_name(g->root, &n);

		return (struct group){.name = arena_strndup(g->arena, own, n), .what = folder};
	}
	name = arena_strdup(g->arena, folder);
	for (char *p = strchr(name, '/'); p != NULL; p = strchr(p, '/'))
		*p = '_';
	return (struct group){.name = name, .what = folder};
}

/* x_1.fq has a mate x_2.fq and there is no x_3.fq: the digit at `at` counts reads. */
static bool has_mate(const struct grouping *g, const char *path, size_t at)
{
	char *other = arena_strdup(g->arena, path);
	size_t n = strlen(path);

	other[at] = '3';
	if (map_get(&g->files, other, n) != NULL)
		return false;
	other[at] = path[at] == '1' ? '2' : '1';
	return map_get(&g->files, other, n) != NULL;
}

static struct group by_sample(const struct grouping *g, const char *path)
{
	size_t n;
	const char *name = path_name(path, &n);
	struct readname r = readname_parse(name, n);

	if (r.bare && has_mate(g, path, (size_t)(name - path) + r.mate))
		r.library = r.sample = r.mate - 1;
	return (struct group){
	        .name = arena_strndup(g->arena, name, r.sample),
	        .what = arena_printf(g->arena, "%s/%.*s", folder_below(g, path), (int)r.library,
	                             name),
	};
}

static void same_group(struct grouping *g, const struct group *first, size_t second,
                       enum files_group how, struct span span)
{
	struct diag *d = report(g->c, E0211, span, "two %s have the key `%s`",
	                        how == GROUP_FOLDER ? "folders" : "samples", first->name);

	label(g->c, d, "%s and %s", below_root(g, g->paths[first->first]),
	      below_root(g, g->paths[second]));
	if (how == GROUP_FOLDER)
		help(g->c, d, "list one of them, or rename it");
	else if (strcmp(folder_below(g, g->paths[first->first]),
	                folder_below(g, g->paths[second])) == 0)
		help(g->c, d, "rename the files of one of them");
	else
		help(g->c, d, "list one of their folders, or write `group = folder`");
}

static const struct shape *group_shape(void)
{
	static const char *const names[] = {"name", "files"};
	static const struct shape shape = {names, 2};

	return &shape;
}

static struct value group_record(struct arena *arena, const char *name, const struct value *files,
                                 size_t n)
{
	struct record *r = arena_new(arena, struct record);
	struct value *fields = arena_array(arena, struct value, 2);

	fields[0] = value_string(name);
	fields[1] = value_list(arena, files, n);
	r->total = n + 2;
	r->shape = group_shape();
	r->fields = fields;
	r->key = fields[0];
	return (struct value){.kind = VALUE_RECORD, .record = r};
}

/* Sorts every file into its group; group_of[i] is that of file i. False after an error. */
static bool sort_files(struct grouping *g, enum files_group how, struct span span, size_t *group_of)
{
	bool is_new;

	for (size_t i = 0; i < g->n; i++)
		*map_put(&g->files, g->paths[i], strlen(g->paths[i]), &is_new) = 1;
	for (size_t i = 0; i < g->n; i++) {
		struct group group =
		        how == GROUP_FOLDER ? by_folder(g, g->paths[i]) : by_sample(g, g->paths[i]);
		uint64_t *at = map_put(&g->names, group.name, strlen(group.name), &is_new);

		if (is_new) {
			group.first = i;
			*at = g->groups.n;
			vec_push(&g->groups, group);
		} else if (strcmp(g->groups.v[*at].what, group.what) != 0) {
			same_group(g, &g->groups.v[*at], i, how, span);
			return false;
		}
		group_of[i] = (size_t)*at;
		g->groups.v[*at].n++;
	}
	return true;
}

/* Groups in the order of their first file; files keep their order within. */
static struct value make_groups(struct grouping *g, const struct value *files, enum files_group how,
                                struct span span)
{
	size_t *group_of = arena_array(g->arena, size_t, g->n), *filled;
	struct value **members, *records, v = VALUE_BAD_INIT;

	if (sort_files(g, how, span, group_of)) {
		members = arena_array(g->arena, struct value *, g->groups.n);
		filled = arena_array(g->arena, size_t, g->groups.n);
		records = arena_array(g->arena, struct value, g->groups.n);
		for (size_t i = 0; i < g->groups.n; i++)
			members[i] = arena_array(g->arena, struct value, g->groups.v[i].n);
		for (size_t i = 0; i < g->n; i++)
			members[group_of[i]][filled[group_of[i]]++] = files[i];
		for (size_t i = 0; i < g->groups.n; i++)
			records[i] =
			        group_record(g->arena, g->groups.v[i].name, members[i], filled[i]);
		v = value_list(g->arena, records, g->groups.n);
	}
	map_release(&g->names);
	map_release(&g->files);
	vec_release(&g->groups);
	return v;
}

/*
 * The URI to list: the user's glob characters keep their meaning, the rest is
 * escaped. *root: the folder in which what is found lies, with a slash at its end.
 */
static const char *list_uri(struct compilation *c, const struct value *path, struct arena *arena,
                            const char **root)
{
	const char *full = value_path(c, path, arena);
	bool folder = c->files.kind(c->files.context, full) == PLACE_FOLDER;
	struct str s = STR_INIT;
	const char *uri;

	*root = full;
	if (!folder) {
		size_t n = strcspn(full, "*?[");

		while (n > 0 && full[n - 1] != '/')
			n--;
		*root = arena_strndup(arena, full, n);
	} else if (full[strlen(full) - 1] != '/') {
		*root = arena_printf(arena, "%s/", full);
	}
	if (folder) {
		uri_add_path(&s, full);
		if (s.p[s.len - 1] != '/')
			str_addc(&s, '/');
	} else {
		str_addf(&s, "file://%s", full);
	}
	uri = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return uri;
}

/* Below the directory that the user's path started from the name goes on from there. */
static struct value found_file(struct compilation *c, const char *path, uint16_t base)
{
	const char *dir = c->bases.v[base];
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) == 0 && path[n] == '/')
		return value_text(VALUE_FILE, path + n + 1, strlen(path + n + 1), base);
	return value_text(VALUE_FILE, path, strlen(path), base);
}

/* For the lock file: which files there are; their bytes are inputs of tasks. */
static void note_listing(struct compilation *c, const char *where, const char *const *paths,
                         size_t n, struct span span)
{
	struct str names = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&names, "%s\n", lock_path(c, paths[i]));
	lock_note_text(c, LOCK_SOURCES,
	               arena_printf(&c->arena, "files(%s)", lock_path(c, where)), names.p,
	               names.len, span);
	str_release(&names);
}

static struct value grouped(struct grouping *g, const struct value *files, enum files_group group,
                            struct span span)
{
	return group == GROUP_NONE ? value_list(g->arena, files, g->n)
	                           : make_groups(g, files, group, span);
}

/* What another machine has: URIs, grouped as their paths below the folder say. */
static struct value remote_files(struct compilation *c, const struct value *path,
                                 enum files_group group, struct span span, struct arena *arena)
{
	const struct network_listing *found = network_find(c, path->text, span);
	struct grouping g = {.c = c, .arena = arena};
	struct value *files;

	if (found == NULL)
		return VALUE_BAD_INIT;
	g.root = found->root;
	g.n = found->n;
	g.paths = arena_array(arena, const char *, found->n);
	files = arena_array(arena, struct value, found->n);
	for (size_t i = 0; i < found->n; i++) {
		const char *place = found->files[i].place;

		g.paths[i] = arena_printf(arena, "%s%s", found->root, found->files[i].name);
		files[i] = value_text(VALUE_URI, place, strlen(place), path->base);
	}
	note_listing(c, path->text, g.paths, g.n, span);
	return grouped(&g, files, group, span);
}

struct value source_files(struct compilation *c, struct value path, enum files_group group,
                          struct span span, struct arena *arena)
{
	struct found f = {.arena = arena};
	struct grouping g = {.c = c, .arena = arena};
	struct str why = STR_INIT;
	struct value *files, v;
	struct diag *d;
	int r;

	if (value_is_uri(path.text))
		return remote_files(c, &path, group, span, arena);
	r = c->files.list(c->files.context, list_uri(c, &path, arena, &g.root), add_found, &f,
	                  &why);
	str_release(&why);
	if (r < 0 || f.paths.n == 0) {
		d = report(c, E0316, span, "`%s` names no file", path.text);
		label(c, d, "looked for %s%s%s", value_path(c, &path, arena),
		      r < 0 && r != -ENOENT ? ": " : "", r < 0 && r != -ENOENT ? strerror(-r) : "");
		vec_release(&f.paths);
		return VALUE_BAD_INIT;
	}
	note_listing(c, value_path(c, &path, &c->arena), f.paths.v, f.paths.n, span);
	files = arena_array(arena, struct value, f.paths.n);
	for (size_t i = 0; i < f.paths.n; i++)
		files[i] = found_file(c, f.paths.v[i], path.base);
	g.paths = f.paths.v;
	g.n = f.paths.n;
	v = grouped(&g, files, group, span);
	vec_release(&f.paths);
	return v;
}
