/*
 * files("dir/" | "glob", group = folder | prefix): what lies on this machine, as
 * a list of files, or as one record per group with the fields `files` and `name`;
 * and the default of struct compile_files, which looks at the file system.
 */
#include "base/fd.h"
#include "compiler/paths.h"
#include "compiler/sheet.h"
#include "stage/list.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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

static int list_error(enum stage_result result)
{
	switch (result) {
	case STAGE_OK:
		return 0;
	case STAGE_NOT_FOUND:
		return -ENOENT;
	case STAGE_DENIED:
		return -EACCES;
	case STAGE_BAD_URI:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int disk_list(void *context, const char *text,
                     void (*found)(void *found_context, const char *path), void *found_context)
{
	struct arena arena;
	struct stage stage;
	struct stage_listing listing = {0};
	struct str error = STR_INIT;
	struct uri uri;
	const char *why;
	enum stage_result result = STAGE_BAD_URI;

	(void)context;
	arena_init(&arena);
	stage_init(&stage);
	if (uri_parse(&arena, text, &uri, &why))
		result = stage_list(&stage, &uri, true, &arena, &listing, &error);
	for (size_t i = 0; result == STAGE_OK && i < listing.n; i++)
		found(found_context, listing.entries[i].place);
	stage_release(&stage);
	str_release(&error);
	arena_release(&arena);
	return list_error(result);
}

const struct compile_files compile_disk = {disk_read, disk_kind, disk_list, NULL};

/* ---- files() ---- */

struct found {
	struct arena *arena;
	VEC(const char *) paths;
};

static void add_found(void *context, const char *path)
{
	struct found *f = context;

	vec_push(&f->paths, arena_strdup(f->arena, path));
}

/* What a file's group is called. The prefix of S01_R1.fastq.gz is S01. */
static const char *group_name(const char *path, enum files_group group, struct arena *arena)
{
	const char *name;
	size_t n;

	if (group == GROUP_FOLDER) {
		name = path_name(path_directory(arena, path), &n);
	} else {
		size_t cut;

		name = path_name(path, &n);
		cut = strcspn(name, "_.");
		/* A leading sign is no end of a prefix. */
		if (cut > 0 && cut < n)
			n = cut;
	}
	return arena_strndup(arena, name, n);
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

struct groups {
	struct map index;
	VEC(const char *) names;
	VEC(size_t) counts;
};

/* Groups in the order of their first file; files keep their order within. */
static struct value make_groups(const struct value *files, size_t n, enum files_group group,
                                struct arena *arena)
{
	struct groups g = {0};
	size_t *group_of = arena_array(arena, size_t, n);
	struct value **members, *records, v;

	for (size_t i = 0; i < n; i++) {
		const char *name = group_name(files[i].text, group, arena);
		bool is_new;
		uint64_t *at = map_put(&g.index, name, strlen(name), &is_new);

		if (is_new) {
			*at = g.names.n;
			vec_push(&g.names, name);
			vec_push(&g.counts, 0);
		}
		group_of[i] = (size_t)*at;
		g.counts.v[*at]++;
	}
	members = arena_array(arena, struct value *, g.names.n);
	for (size_t i = 0; i < g.names.n; i++) {
		members[i] = arena_array(arena, struct value, g.counts.v[i]);
		g.counts.v[i] = 0;
	}
	for (size_t i = 0; i < n; i++)
		members[group_of[i]][g.counts.v[group_of[i]]++] = files[i];
	records = arena_array(arena, struct value, g.names.n);
	for (size_t i = 0; i < g.names.n; i++)
		records[i] = group_record(arena, g.names.v[i], members[i], g.counts.v[i]);
	v = value_list(arena, records, g.names.n);
	map_release(&g.index);
	vec_release(&g.names);
	vec_release(&g.counts);
	return v;
}

/* The URI to list: the user's glob characters keep their meaning, the rest is escaped. */
static const char *list_uri(struct compilation *c, const struct value *path, struct arena *arena)
{
	const char *full = value_path(c, path, arena);
	bool folder = c->files.kind(c->files.context, full) == PLACE_FOLDER;
	struct str s = STR_INIT;
	const char *uri;

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

struct value source_files(struct compilation *c, struct value path, enum files_group group,
                          struct span span, struct arena *arena)
{
	struct found f = {.arena = arena};
	struct value *files, v;
	struct diag *d;
	int r;

	if (value_is_uri(path.text)) {
		d = report(c, E0325, span, "`%s` is not on this machine", path.text);
		label(c, d, "only local files can be listed here");
		help(c, d, "list the names in a sheet and read it with `table`");
		return VALUE_BAD_INIT;
	}
	r = c->files.list(c->files.context, list_uri(c, &path, arena), add_found, &f);
	if (r < 0 || f.paths.n == 0) {
		d = report(c, E0316, span, "`%s` names no file", path.text);
		label(c, d, "looked for %s%s%s", value_path(c, &path, arena),
		      r < 0 && r != -ENOENT ? ": " : "", r < 0 && r != -ENOENT ? strerror(-r) : "");
		vec_release(&f.paths);
		return VALUE_BAD_INIT;
	}
	files = arena_array(arena, struct value, f.paths.n);
	for (size_t i = 0; i < f.paths.n; i++)
		files[i] = found_file(c, f.paths.v[i], path.base);
	v = group == GROUP_NONE ? value_list(arena, files, f.paths.n)
	                        : make_groups(files, f.paths.n, group, arena);
	vec_release(&f.paths);
	return v;
}
