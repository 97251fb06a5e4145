#include "compiler/network.h"

#include "base/fd.h"
#include "compiler/lock.h"
#include "stage/get.h"
#include "stage/list.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Somebody waits for the compiler; a worker is more patient. */
#define ATTEMPTS 2
/* An archive thinks for long about a large study. */
#define ARCHIVE_SECONDS 300

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
	case STAGE_NETWORK:
		return -EHOSTUNREACH;
	default:
		return -EIO;
	}
}

/* The digest, else size and date; NULL where not even a date is told. */
static const char *version_of(const struct stage_entry *e, struct arena *arena)
{
	if (e->digest != NULL || e->mtime_ns == INT64_MIN)
		return e->digest;
	return arena_printf(arena, "size:%" PRIu64 " date:%" PRId64, e->size, e->mtime_ns);
}

int network_list(void *context, const char *text, compile_found_fn *found, void *found_context,
                 struct str *why)
{
	struct arena arena;
	struct stage stage;
	struct stage_listing listing = {0};
	struct uri uri;
	const char *bad;
	enum stage_result result = STAGE_BAD_URI;
	bool remote = false;

	(void)context;
	arena_init(&arena);
	stage_init(&stage);
	stage.attempts = ATTEMPTS;
	if (uri_parse(&arena, text, &uri, &bad)) {
		remote = strcmp(uri.scheme, "file") != 0;
		result = stage_list(&stage, &uri,
		                    STAGE_RECURSIVE | (remote ? STAGE_KEPT_DIGESTS : 0), &arena,
		                    &listing, why);
	} else {
		str_addf(why, "%s: %s\n", text, bad);
	}
	for (size_t i = 0; result == STAGE_OK && i < listing.n; i++) {
		const struct stage_entry *e = &listing.entries[i];

		found(found_context,
		      &(struct compile_found){e->place, e->name,
		                              remote ? version_of(e, &arena) : NULL});
	}
	stage_release(&stage);
	arena_release(&arena);
	return list_error(result);
}

int network_ask_runs(void *context, enum seq_archive archive, const char *accession,
                     struct arena *arena, struct seq_runs *runs, struct str *why)
{
	enum stage_result result;
	struct stage stage;

	(void)context;
	stage_init(&stage);
	stage.attempts = ATTEMPTS;
	stage.stall_seconds = ARCHIVE_SECONDS;
	result = seq_find(&stage, archive, accession, arena, runs, why);
	stage_release(&stage);
	return list_error(result);
}

/* A file being fetched; one that is too large is given up on the way. */
struct fetching {
	bool large;
};

static void note_size(void *context, uint64_t done, uint64_t total)
{
	struct fetching *f = context;

	f->large = f->large || done > COMPILE_FETCH_MOST || total > COMPILE_FETCH_MOST;
}

static bool is_large(void *context)
{
	return ((const struct fetching *)context)->large;
}

/* The one file of the directory. 0 or -errno. */
static int read_only_file(const char *dir, const char *uri, struct str *out, struct str *why)
{
	struct str path = STR_INIT;
	struct dirent *e;
	DIR *d = opendir(dir);
	unsigned files = 0;
	int err = d == NULL ? -errno : 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		str_reset(&path);
		str_addf(&path, "%s/%s", dir, e->d_name);
		files++;
	}
	if (d != NULL)
		closedir(d);
	if (err == 0 && files != 1) {
		str_addf(why, "%s: names no single file\n", uri);
		err = -EINVAL;
	} else if (err == 0) {
		err = file_read(path.p, out);
	}
	if (err == -EISDIR)
		str_addf(why, "%s: is a folder\n", uri);
	str_release(&path);
	return err;
}

int network_fetch(void *context, const char *uri, struct str *out, struct str *why)
{
	struct fetching fetching = {false};
	struct str dir = STR_INIT;
	enum stage_result result;
	struct stage stage;
	int err = 0, removed;

	(void)context;
	str_addf(&dir, "%s/scitq-sheet-XXXXXX", temporary_place());
	if (mkdtemp(dir.p) == NULL) {
		err = -errno;
		str_addf(why, "%s: %s\n", dir.p, strerror(-err));
		str_release(&dir);
		return err;
	}
	stage_init(&stage);
	stage.attempts = ATTEMPTS;
	stage.progress = note_size;
	stage.progress_ctx = &fetching;
	stage.cancelled = is_large;
	stage.cancel_ctx = &fetching;
	result = stage_get_text(&stage, uri, dir.p, STAGE_COPY, why);
	stage_release(&stage);
	err = list_error(result);
	if (err == 0)
		err = read_only_file(dir.p, uri, out, why);
	if (fetching.large || (err == 0 && out->len > COMPILE_FETCH_MOST)) {
		str_reset(why);
		str_addf(why, "%s: more than %u MiB, which is too much for a sheet\n", uri,
		         COMPILE_FETCH_MOST >> 20);
		err = -EFBIG;
	}
	removed = tree_remove(dir.p);
	if (removed != 0 && err == 0) {
		str_addf(why, "%s: %s\n", dir.p, strerror(-removed));
		err = removed;
	}
	str_release(&dir);
	return err;
}

/* ---- questions and answers ---- */

struct collection {
	struct arena *arena;
	VEC(struct compile_found) files;
};

static const char *copy(struct arena *arena, const char *text)
{
	return text != NULL ? arena_strdup(arena, text) : NULL;
}

static void collect(void *context, const struct compile_found *f)
{
	struct collection *all = context;

	vec_push(&all->files,
	         ((struct compile_found){copy(all->arena, f->place), copy(all->arena, f->name),
	                                 copy(all->arena, f->version)}));
}

/* "name: what is wrong" without the name, which the message has. */
static const char *reason(const struct str *why, const char *uri, struct arena *arena)
{
	size_t n = strlen(uri);
	const char *text = why->p;

	if (strncmp(text, uri, n) == 0 && strncmp(text + n, ": ", 2) == 0)
		text += n + 2;
	return arena_strndup(arena, text, strcspn(text, "\n"));
}

static void not_listed(struct compilation *c, const char *uri, int err, const struct str *why,
                       struct span span)
{
	bool nothing = err == -ENOENT || err == 0;
	const char *text = reason(why, uri, &c->arena);
	struct diag *d;

	if (nothing)
		d = report(c, E0316, span, "`%s` names no file", uri);
	else
		d = report(c, E0325, span, "`%s` cannot be listed", uri);
	label(c, d, "%s", *text != '\0' ? text : strerror(err != 0 ? -err : ENOENT));
	if (err == -EINVAL)
		help(c, d,
		     "schemes are http, https, ftp and the names of rclone's remotes; a folder "
		     "ends in `/`, and http has none");
	else if (err == -EACCES)
		help(c, d, "look at the settings of this storage in rclone's configuration");
	else if (err == -EHOSTUNREACH)
		help(c, d,
		     "try again when the other side answers; `scitq fetch list` asks the same");
}

/* The folder, or that in which the glob or file lies. */
static const char *root_of(struct arena *arena, const char *uri)
{
	const char *rest = strstr(uri, "://") + 3;
	size_t n = strcspn(rest, "*?[");

	while (n > 0 && rest[n - 1] != '/')
		n--;
	return arena_strndup(arena, uri, (size_t)(rest - uri) + n);
}

static const struct network_listing *ask(struct compilation *c, const char *uri, struct span span)
{
	struct collection all = {.arena = &c->arena};
	struct network_listing *listing = NULL;
	struct str why = STR_INIT;
	int err = c->files.list(c->files.context, uri, collect, &all, &why);

	if (err < 0 || all.files.n == 0) {
		not_listed(c, uri, err, &why, span);
	} else {
		struct compile_found *files =
		        arena_array(&c->arena, struct compile_found, all.files.n);

		memcpy(files, all.files.v, all.files.n * sizeof(*files));
		listing = arena_new(&c->arena, struct network_listing);
		*listing = (struct network_listing){files, all.files.n, root_of(&c->arena, uri)};
	}
	vec_release(&all.files);
	str_release(&why);
	return listing;
}

void network_remember(struct compilation *c, const char *uri, const char *version)
{
	if (version != NULL)
		*map_put(&c->versions, uri, strlen(uri), NULL) = (uint64_t)(uintptr_t)version;
}

/* True with the answer, which may be NULL: it is known, or nobody is asked. */
static bool answered(struct compilation *c, const char *question, const void **answer)
{
	const uint64_t *known = map_get(&c->answers, question, strlen(question));

	*answer = known != NULL ? (const void *)(uintptr_t)*known : NULL;
	if (known == NULL && c->options.offline)
		c->unasked = true;
	return known != NULL || c->options.offline;
}

/* A failure, NULL, too: it was reported. */
static void keep_answer(struct compilation *c, const char *question, const void *answer)
{
	question = arena_strdup(&c->arena, question);
	*map_put(&c->answers, question, strlen(question), NULL) = (uint64_t)(uintptr_t)answer;
}

/* For the lock file, with what is told of the reads: an archive keeps them. */
static void note_runs(struct compilation *c, const char *key, const struct seq_runs *runs,
                      struct span span)
{
	struct str text = STR_INIT;

	for (size_t i = 0; i < runs->list.n; i++) {
		const struct seq_run *run = &runs->list.v[i];

		str_addf(&text, "%s %s %s\n", run->text[SEQ_run], run->text[SEQ_sample],
		         run->version != NULL ? run->version : "");
	}
	lock_note_text(c, LOCK_SOURCES, key, text.p, text.len, span);
	str_release(&text);
}

const struct network_listing *network_find(struct compilation *c, const char *uri, struct span span)
{
	const struct network_listing *listing;
	const void *answer;

	if (answered(c, uri, &answer))
		return answer;
	listing = ask(c, uri, span);
	keep_answer(c, uri, listing);
	for (size_t i = 0; listing != NULL && i < listing->n; i++)
		network_remember(c, listing->files[i].place, listing->files[i].version);
	return listing;
}

static const struct seq_runs *ask_runs(struct compilation *c, enum seq_archive archive,
                                       const char *accession, struct span span)
{
	struct seq_runs found = {0}, *runs = NULL;
	struct str why = STR_INIT;
	struct diag *d;
	int err = c->files.runs(c->files.context, archive, accession, &c->arena, &found, &why);

	if (err < 0) {
		d = err == -ENOENT || err == -EINVAL
		            ? report(c, E0316, span, "there are no runs of `%s`", accession)
		            : report(c, E0325, span, "the runs of `%s` cannot be listed",
		                     accession);
		label(c, d, "%s", reason(&why, accession, &c->arena));
		if (err == -EHOSTUNREACH)
			help(c, d, "try again when %s answers; %s names another address",
			     archive == SEQ_ENA ? "ENA" : "NCBI",
			     archive == SEQ_ENA ? "SCITQ_ENA_URL" : "SCITQ_SRA_URL");
	} else {
		runs = arena_new(&c->arena, struct seq_runs);
		runs->list.v = arena_array(&c->arena, struct seq_run, found.list.n);
		runs->list.n = found.list.n;
		memcpy(runs->list.v, found.list.v, found.list.n * sizeof(*runs->list.v));
	}
	vec_release(&found.list);
	str_release(&why);
	return runs;
}

const struct seq_runs *network_runs(struct compilation *c, enum seq_archive archive,
                                    const char *accession, struct span span)
{
	const char *question =
	        arena_printf(&c->arena, "%s(%s)", archive == SEQ_ENA ? "ena" : "sra", accession);
	const struct seq_runs *runs;
	const void *answer;

	if (answered(c, question, &answer))
		return answer;
	runs = ask_runs(c, archive, accession, span);
	keep_answer(c, question, runs);
	if (runs != NULL)
		note_runs(c, question, runs, span);
	return runs;
}

static void not_read(struct compilation *c, const char *uri, int err, const struct str *why,
                     struct span span)
{
	const char *text = reason(why, uri, &c->arena);
	struct diag *d = err == -ENOENT ? report(c, E0316, span, "cannot read `%s`", uri)
	                                : report(c, E0325, span, "`%s` cannot be read", uri);

	label(c, d, "%s", *text != '\0' ? text : strerror(-err));
	if (err == -EINVAL)
		help(c, d,
		     "a sheet is one file; schemes are http, https, ftp and the names of rclone's "
		     "remotes");
	else if (err == -EACCES)
		help(c, d, "look at the settings of this storage, or who may read the file");
	else if (err == -EFBIG)
		help(c, d, "name fewer rows, or read it in a step");
	else if (err == -EHOSTUNREACH)
		help(c, d,
		     "try again when the other side answers; `scitq fetch copy` asks the same");
}

const struct str *network_read(struct compilation *c, const char *uri, struct span span)
{
	const char *question = arena_printf(&c->arena, "sheet(%s)", uri);
	struct str bytes = STR_INIT, why = STR_INIT, *kept = NULL;
	const void *answer;
	int err = -ENOTSUP;

	if (answered(c, question, &answer))
		return answer;
	if (c->files.fetch != NULL)
		err = c->files.fetch(c->files.context, uri, &bytes, &why);
	if (err < 0) {
		not_read(c, uri, err, &why, span);
	} else {
		kept = arena_new(&c->arena, struct str);
		*kept = (struct str){
		        .p = arena_strndup(&c->arena, bytes.len > 0 ? bytes.p : "", bytes.len),
		        .len = bytes.len};
	}
	keep_answer(c, question, kept);
	str_release(&bytes);
	str_release(&why);
	return kept;
}

const char *network_version(const struct compilation *c, const char *uri)
{
	const uint64_t *version = map_get(&c->versions, uri, strlen(uri));

	return version != NULL ? (const char *)(uintptr_t)*version : NULL;
}
