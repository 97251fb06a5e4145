/*
 * The transport of rclone's remotes (azure://, s3://, whatever is configured), and of what libcurl
 * cannot do for ftp: lists of folders, folders, publishing. rclone compares checksums where
 * both sides have them, goes on where a connection broke and moves several files at once.
 */
#include "base/map.h"
#include "net/url.h"
#include "stage/fault.h"
#include "stage/local.h"
#include "stage/rclone_place.h"
#include "stage/scheme.h"

#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "2006-01-02 15:04:05" */
#define DATE_LENGTH 19
/* Object stores tell when they got an object; when the file was made would be asked one by one. */
#define SERVER_DATES "--use-server-modtime"
/* One file of a listing. */
struct remote_file {
	const char *name; /* of a folder with '/' at its end */
	uint64_t size;
	int64_t mtime_ns;
	const char *digest; /* NULL: has none, or nobody asked */
};

struct remote_files {
	VEC(struct remote_file) list;
	bool marked; /* EMPTY_MARK is among them, which the list leaves out */
};

static bool is_mark(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, EMPTY_MARK) == 0;
}

static bool is_ftp(const struct uri *uri)
{
	return strcmp(uri->scheme, "ftp") == 0;
}

/* The text up to the ';', cut off, *at behind it; NULL where there is none. */
static char *cut_field(char **at)
{
	char *field = *at, *end = strchr(field, ';');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return field;
}

static const char *md5_text(const char *md5, struct arena *arena)
{
	bool is = strlen(md5) == 32 && md5[strspn(md5, "0123456789abcdef")] == '\0';

	return is ? arena_printf(arena, "md5:%s", md5) : NULL;
}

/* "date;size;name", or with a hash before the name, cut in place; false where it is none. */
static bool parse_line(char *line, bool digests, struct arena *arena, struct remote_file *f)
{
	char *date = cut_field(&line), *size = cut_field(&line), *end;
	const char *md5 = digests ? cut_field(&line) : "";
	struct tm tm = {0};
	long long bytes;

	if (date == NULL || size == NULL || md5 == NULL || *line == '\0')
		return false;
	end = strptime(date, "%Y-%m-%d %H:%M:%S", &tm);
	if (end != date + DATE_LENGTH || *end != '\0')
		return false;
	bytes = strtoll(size, &end, 10);
	if (*end != '\0')
		return false;
	f->name = line;
	f->size = bytes > 0 ? (uint64_t)bytes : 0;
	f->mtime_ns = (int64_t)timegm(&tm) * 1000000000;
	f->digest = md5_text(md5, arena);
	return true;
}

static enum stage_result parse_list(const struct rclone_place *r, struct str *text, bool digests,
                                    struct arena *arena, struct remote_files *files,
                                    struct str *error)
{
	char *copy = arena_strndup(arena, text->p, text->len);

	for (char *p = copy, *end; *p != '\0'; p = end + 1) {
		struct remote_file f;

		end = strchrnul(p, '\n');
		if (*end == '\0')
			break; /* cut short */
		*end = '\0';
		if (!parse_line(p, digests, arena, &f))
			return fault(error, STAGE_BAD_URI, r->uri->text,
			             "holds a file whose name cannot be read: '%s'", p);
		if (is_mark(f.name))
			files->marked = true;
		else
			vec_push(&files->list, f);
	}
	return STAGE_OK;
}

/* What is below the folder, `depth` levels deep; 0: however deep. `how` is of stage_list_flag. */
static enum stage_result list_folder(struct stage *s, const struct rclone_place *r, unsigned depth,
                                     unsigned how, struct arena *arena, struct remote_files *files,
                                     struct str *error)
{
	bool digests = (how & STAGE_DIGESTS) != 0;
	const char *words[] = {"lsf",
	                       digests ? "--format=tshp" : "--format=tsp",
	                       "--hash=MD5",
	                       "--separator=;",
	                       "--recursive",
	                       depth > 0 ? arena_printf(arena, "--max-depth=%u", depth)
	                                 : "--max-depth=-1",
	                       (how & STAGE_FOLDERS) != 0 ? "--files-only=false" : "--files-only",
	                       SERVER_DATES,
	                       "--",
	                       rclone_place_spec(r, "", arena),
	                       NULL};
	struct str out = STR_INIT;
	enum stage_result result = rclone_place_run(s, r, words, NULL, &out, error);

	if (result == STAGE_OK)
		result = parse_list(r, &out, digests, arena, files, error);
	str_release(&out);
	return result;
}

/* Those that match the glob. */
static enum stage_result list_matches(struct stage *s, const struct rclone_place *r, unsigned how,
                                      struct arena *arena, struct remote_files *files,
                                      struct str *error)
{
	unsigned depth = 1;
	size_t kept = 0;
	enum stage_result result;

	for (const char *p = r->pattern; *p != '\0'; p++)
		depth += *p == '/';
	result = list_folder(s, r, depth, how & STAGE_DIGESTS, arena, files, error);
	for (size_t i = 0; i < files->list.n; i++) {
		if (fnmatch(r->pattern, files->list.v[i].name, FNM_PATHNAME | FNM_PERIOD) == 0)
			files->list.v[kept++] = files->list.v[i];
	}
	files->list.n = kept;
	if (result == STAGE_OK && kept == 0)
		result = fault(error, STAGE_NOT_FOUND, r->uri->text, "no file matches");
	return result;
}

/* "2006-01-02T15:04:05.999Z", whole seconds, as the lists of folders have them. */
static int64_t read_date(const char *text)
{
	struct tm tm = {0};

	return text != NULL && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL
	               ? (int64_t)timegm(&tm) * 1000000000
	               : INT64_MIN;
}

static enum stage_result parse_stat(const struct rclone_place *r, const struct str *text,
                                    struct arena *arena, struct remote_file *f, struct str *error)
{
	json_t *object = json_loadb(text->p, text->len, 0, NULL);
	const char *md5 =
	        json_string_value(json_object_get(json_object_get(object, "Hashes"), "md5"));
	json_int_t size = json_integer_value(json_object_get(object, "Size"));
	enum stage_result result = STAGE_OK;

	if (object == NULL)
		result = fault(error, STAGE_NETWORK, r->uri->text, "rclone tells nothing of it");
	else if (json_is_true(json_object_get(object, "IsDir")))
		result = fault(error, STAGE_BAD_URI, r->uri->text,
		               "is a folder: the URI of a folder ends in '/'");
	f->size = size > 0 ? (uint64_t)size : 0;
	f->mtime_ns = read_date(json_string_value(json_object_get(object, "ModTime")));
	f->digest = md5 != NULL ? md5_text(md5, arena) : NULL;
	json_decref(object);
	return result;
}

/* One file, whose last component is its name. */
static enum stage_result stat_file(struct stage *s, const struct rclone_place *r, unsigned how,
                                   struct arena *arena, struct remote_file *f, struct str *error)
{
	const char *words[] = {"lsjson",
	                       "--stat",
	                       "--no-mimetype",
	                       SERVER_DATES,
	                       (how & STAGE_DIGESTS) != 0 ? "--hash-type=MD5" : "--hash=false",
	                       "--",
	                       rclone_place_spec(r, "", arena),
	                       NULL};
	const char *slash = strrchr(r->path, '/');
	struct str out = STR_INIT;
	enum stage_result result = rclone_place_run(s, r, words, NULL, &out, error);

	f->name = slash != NULL ? slash + 1 : r->path;
	if (result == STAGE_OK)
		result = parse_stat(r, &out, arena, f, error);
	str_release(&out);
	return result;
}

/* The URI of a file that lies below the folder or glob. */
static const char *place_of(const struct rclone_place *r, const char *name, struct arena *arena)
{
	const char *path = rclone_place_spec(r, name, arena) + strlen(r->base), *uri;
	struct str text = STR_INIT;

	str_adds(&text, r->root);
	if (is_ftp(r->uri)) {
		for (const char *p = path; *p != '\0'; p += strcspn(p, "/")) {
			p += *p == '/';
			str_addc(&text, '/');
			url_escape(&text, p, strcspn(p, "/"));
		}
	} else {
		uri_add_escaped(&text, path);
	}
	uri = arena_strdup(arena, text.p);
	str_release(&text);
	return uri;
}

static void add_entry(const struct rclone_place *r, struct arena *arena,
                      const struct remote_file *f, struct entries *entries)
{
	struct stage_entry entry = {
	        .name = f->name,
	        .place = r->uri->folder || r->uri->glob ? place_of(r, f->name, arena)
	                                                : place_of(r, "", arena),
	        .size = f->size,
	        .mtime_ns = f->mtime_ns,
	        .digest = f->digest,
	};

	vec_push(&entries->list, entry);
}

/* Whether a digest is made by reading the file, as of a folder of this machine or by ssh. */
static enum stage_result reads_for_digests(struct stage *s, const struct rclone_place *r,
                                           bool *reads, struct str *error)
{
	const char *words[] = {"backend", "features", "--", r->base, NULL};
	struct str out = STR_INIT;
	enum stage_result result = rclone_place_run(s, r, words, NULL, &out, error);
	json_t *root = json_loadb(out.p, out.len, 0, NULL);
	json_t *slow = json_object_get(json_object_get(root, "Features"), "SlowHash");

	/* What a version of rclone does not tell is taken for slow. */
	*reads = !json_is_false(slow);
	json_decref(root);
	str_release(&out);
	return result;
}

/* Digests that are kept are asked for as others are, or not at all. */
static enum stage_result settle_digests(struct stage *s, const struct rclone_place *r,
                                        unsigned *how, struct str *error)
{
	enum stage_result result = STAGE_OK;
	bool reads = true;

	if ((*how & STAGE_KEPT_DIGESTS) != 0)
		result = reads_for_digests(s, r, &reads, error);
	if (!reads)
		*how |= STAGE_DIGESTS;
	return result;
}

enum stage_result cloud_list(struct stage *s, const struct uri *uri, unsigned how,
                             struct arena *arena, struct entries *entries, struct str *error)
{
	struct remote_files files = {0};
	struct remote_file file;
	enum stage_result result;
	struct rclone_place r;

	if (is_ftp(uri) && !uri->folder && !uri->glob)
		return remote_list(s, uri, how, arena, entries, error);
	result = rclone_place_find(s, uri, arena, &r, error);
	if (result == STAGE_OK)
		result = settle_digests(s, &r, &how, error);
	if (result != STAGE_OK)
		return result;
	if (uri->folder) {
		result = list_folder(s, &r, (how & STAGE_RECURSIVE) != 0 ? 0 : 1, how, arena,
		                     &files, error);
		/* Object stores have no empty folders, nor do they miss one. */
		if (result == STAGE_OK && files.list.n == 0 && !files.marked && !is_ftp(uri))
			result = fault(error, STAGE_NOT_FOUND, uri->text, "there is no file in it");
	} else if (uri->glob) {
		result = list_matches(s, &r, how, arena, &files, error);
	} else {
		result = stat_file(s, &r, how, arena, &file, error);
		if (result == STAGE_OK)
			vec_push(&files.list, file);
	}
	for (size_t i = 0; result == STAGE_OK && i < files.list.n; i++)
		add_entry(&r, arena, &files.list.v[i], entries);
	vec_release(&files.list);
	return result;
}

static enum stage_result get_file(struct fetch *f, const struct rclone_place *r, const char *dir)
{
	struct item item = {.owned = true};
	const char *words[] = {"copyto", "--", rclone_place_spec(r, "", &f->arena), NULL, NULL};
	struct remote_file file;
	enum stage_result result = stat_file(f->s, r, 0, &f->arena, &file, f->error);

	if (result != STAGE_OK)
		return result;
	item.name = file.name;
	item.path = words[3] = arena_printf(&f->arena, "%s/%s", dir, file.name);
	result = rclone_place_run(f->s, r, words, NULL, NULL, f->error);
	if (result != STAGE_OK)
		return result;
	if (access(item.path, F_OK) != 0)
		return fault(f->error, STAGE_NOT_FOUND, f->uri->text, "no such file");
	f->s->files++;
	f->s->bytes += file.size;
	vec_push(&f->items.list, item);
	return STAGE_OK;
}

/* The names, one a line, for --files-from-raw. */
static enum stage_result get_matches(struct fetch *f, const struct rclone_place *r, const char *dir)
{
	const char *words[] = {"copy",
	                       "--files-from-raw=-",
	                       "--no-traverse",
	                       "--",
	                       rclone_place_spec(r, "", &f->arena),
	                       dir,
	                       NULL};
	struct remote_files files = {0};
	struct str names = STR_INIT;
	enum stage_result result = list_matches(f->s, r, 0, &f->arena, &files, f->error);

	for (size_t i = 0; i < files.list.n; i++)
		str_addf(&names, "%s\n", files.list.v[i].name);
	if (result == STAGE_OK)
		result = rclone_place_run(f->s, r, words, names.p, NULL, f->error);
	for (size_t i = 0; result == STAGE_OK && i < files.list.n; i++) {
		struct item item = {.name = files.list.v[i].name, .owned = true};

		item.path = arena_printf(&f->arena, "%s/%s", dir, item.name);
		if (access(item.path, F_OK) != 0)
			result = fault(f->error, STAGE_NETWORK, f->uri->text, "%s did not arrive",
			               item.name);
		f->s->files++;
		f->s->bytes += files.list.v[i].size;
		vec_push(&f->items.list, item);
	}
	vec_release(&files.list);
	str_release(&names);
	return result;
}

static enum stage_result get_folder(struct fetch *f, const struct rclone_place *r, const char *dir)
{
	const char *words[] = {"copy", "--", rclone_place_spec(r, "", &f->arena), dir, NULL};
	const char *mark = arena_printf(&f->arena, "%s/" EMPTY_MARK, dir);
	enum stage_result result = rclone_place_run(f->s, r, words, NULL, NULL, f->error);
	bool marked = result == STAGE_OK && unlink(mark) == 0;

	if (result == STAGE_OK)
		result = fetch_add_made(f, &f->items, dir);
	if (result == STAGE_OK && f->items.list.n == 0 && !marked && !is_ftp(f->uri))
		result = fault(f->error, STAGE_NOT_FOUND, f->uri->text, "there is no file in it");
	f->s->files += f->items.list.n;
	return result;
}

enum stage_result cloud_get(struct fetch *f)
{
	enum stage_result result;
	struct rclone_place r;
	const char *dir;

	if (is_ftp(f->uri) && !f->uri->folder && !f->uri->glob)
		return remote_get(f);
	result = rclone_place_find(f->s, f->uri, &f->arena, &r, f->error);
	if (result != STAGE_OK)
		return result;
	dir = fetch_directory(f, &result);
	if (dir == NULL)
		return result;
	return f->uri->folder ? get_folder(f, &r, dir)
	       : f->uri->glob ? get_matches(f, &r, dir)
	                      : get_file(f, &r, dir);
}

/* Whether the entry is a file under its own name, and no link to one. */
static bool is_itself(const struct stage_entry *e)
{
	size_t place = strlen(e->place), name = strlen(e->name);

	return place > name && e->place[place - name - 1] == '/' &&
	       strcmp(e->place + place - name, e->name) == 0;
}

/* Links one by one, from where they lead. */
static enum stage_result put_links(struct stage *s, const struct rclone_place *r,
                                   const struct stage_listing *source, struct arena *arena,
                                   struct str *error)
{
	enum stage_result result = STAGE_OK;

	for (size_t i = 0; i < source->n && result == STAGE_OK; i++) {
		const struct stage_entry *e = &source->entries[i];
		const char *words[] = {"copyto", "--", e->place,
		                       rclone_place_spec(r, e->name, arena), NULL};

		if (!is_itself(e))
			result = rclone_place_run(s, r, words, NULL, NULL, error);
	}
	return result;
}

static enum stage_result put_files(struct stage *s, const struct rclone_place *r,
                                   const char *source_dir, const struct stage_listing *source,
                                   struct arena *arena, struct str *error)
{
	const char *words[] = {"copy", "--files-from-raw=-", "--no-traverse",
	                       "--",   source_dir,           rclone_place_spec(r, "", arena),
	                       NULL};
	struct str names = STR_INIT;
	enum stage_result result = STAGE_OK;

	for (size_t i = 0; i < source->n && result == STAGE_OK; i++) {
		const char *name = source->entries[i].name;

		if (strchr(name, '\n') != NULL)
			result = fault(error, STAGE_BAD_URI, name,
			               "a name with a line break cannot be published by rclone");
		else if (is_itself(&source->entries[i]))
			str_addf(&names, "%s\n", name);
	}
	if (result == STAGE_OK && names.len > 0)
		result = rclone_place_run(s, r, words, names.p, NULL, error);
	str_release(&names);
	return result;
}

/* What the other side has of it now: all of it, or it is not published. */
static enum stage_result check_put(struct stage *s, const struct rclone_place *r,
                                   const struct stage_listing *source, struct arena *arena,
                                   struct entries *entries, struct str *error)
{
	struct remote_files files = {0};
	enum stage_result result = list_folder(s, r, 0, 0, arena, &files, error);
	struct map numbers = MAP_INIT;

	for (size_t i = 0; i < files.list.n; i++) {
		const char *name = files.list.v[i].name;
		bool is_new;

		*map_put(&numbers, name, strlen(name), &is_new) = i;
	}
	for (size_t i = 0; result == STAGE_OK && i < source->n; i++) {
		const char *name = source->entries[i].name;
		const uint64_t *number = map_get(&numbers, name, strlen(name));
		const struct remote_file *f = number != NULL ? &files.list.v[*number] : NULL;

		if (f == NULL || f->size != source->entries[i].size) {
			result = fault(error, STAGE_NETWORK, r->uri->text, "%s %s", name,
			               f == NULL ? "did not arrive" : "arrived with another size");
			break;
		}
		add_entry(r, arena, f, entries);
		s->files++;
		s->bytes += f->size;
	}
	map_release(&numbers);
	vec_release(&files.list);
	return result;
}

/* The folder, with nothing in it. What was to be published is, so that a failure is a warning. */
static void put_folder(struct stage *s, const struct rclone_place *r, struct arena *arena,
                       struct str *warnings)
{
	/* ftp servers have folders, and may not show what begins with a dot. */
	const char *words[] = {is_ftp(r->uri) ? "mkdir" : "rcat", "--",
	                       rclone_place_spec(r, is_ftp(r->uri) ? "" : EMPTY_MARK, arena), NULL};
	struct str error = STR_INIT;

	if (rclone_place_run(s, r, words, "", NULL, &error) != STAGE_OK)
		fault(warnings, STAGE_OK, r->uri->text,
		      "nothing was written, and the empty folder cannot be made: %.*s",
		      (int)strcspn(error.p, "\n"), error.p);
	str_release(&error);
}

enum stage_result cloud_put(struct stage *s, const char *source_dir, const struct uri *dest,
                            struct arena *arena, struct entries *entries, struct str *warnings,
                            struct str *error)
{
	struct stage_listing source = {0};
	enum stage_result result;
	struct rclone_place r;

	result = rclone_place_find(s, dest, arena, &r, error);
	if (result == STAGE_OK)
		result = stage_put_list(s, source_dir, arena, &source, warnings, error);
	if (result == STAGE_OK)
		result = put_files(s, &r, source_dir, &source, arena, error);
	if (result == STAGE_OK)
		result = put_links(s, &r, &source, arena, error);
	if (result == STAGE_OK && source.n > 0)
		result = check_put(s, &r, &source, arena, entries, error);
	else if (result == STAGE_OK)
		put_folder(s, &r, arena, warnings);
	return result;
}
