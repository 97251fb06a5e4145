/*
 * The transport of run+fastq://ACCESSION: the reads of sequencing runs from the public archives.
 *
 *	run+fastq://ERR1             by ftp from ENA, else by sra-tools from NCBI
 *	run+fastq://ERR1@sra         only so; also @ftp, @aspera, several in the order to be tried
 *	run+fastq://ERR1@filter_r1   of paired reads the first file alone
 *	run+submitted://ERR1         the files that ENA was given, by ftp or @aspera
 *
 * The options may stand behind the scheme as well, as v1 has them: run+fastq@sra://ERR1. What ENA
 * sends is compared with the MD5 that it tells. sra-tools and aspera run in containers of
 * the images that SCITQ_SRA_IMAGE and SCITQ_ASPERA_IMAGE name.
 */
#include "base/child.h"
#include "base/engine.h"
#include "model/digest.h"
#include "stage/ena.h"
#include "stage/fault.h"
#include "stage/scheme.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SRA_IMAGE "docker.io/ncbi/sra-tools:3.1.1"
#define ASPERA_IMAGE "docker.io/martinlaurent/ascli:4.18.1"
/* How often a file that arrived damaged is fetched. */
#define DAMAGED_TRIES 2

struct request {
	const char *accession;
	char *const *methods; /* names, in the order to be tried */
	size_t nmethods;
	bool only_r1;
	enum ena_kind kind;
};

typedef enum stage_result method_fn(struct fetch *f, const struct request *q);

static method_fn by_ftp, by_aspera, by_sra;

/* To add a way: a row here. */
static const struct {
	const char *name;
	method_fn *get;
} methods[] = {{"ftp", by_ftp}, {"aspera", by_aspera}, {"sra", by_sra}};

static method_fn *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].get;
	}
	return NULL;
}

/* The words behind '@', in place: false with a line in `error` where one is unknown. */
static bool take_options(const struct uri *uri, char *text, struct request *q, char **found,
                         struct str *error)
{
	char *next, *at = strchr(text, '@');

	for (; at != NULL; at = next) {
		*at++ = '\0';
		next = strchr(at, '@');
		if (next != NULL)
			*next = '\0';
		if (strcmp(at, "filter_r1") == 0 || strcmp(at, "only-read1") == 0) {
			q->only_r1 = true;
		} else if (find_method(at) != NULL &&
		           (q->kind == ENA_FASTQ || find_method(at) != by_sra)) {
			found[q->nmethods++] = at;
		} else {
			fault(error, STAGE_BAD_URI, uri->text, "there is no option @%s", at);
			return false;
		}
		if (next != NULL)
			*next = '@';
	}
	return true;
}

static enum stage_result parse(const struct uri *uri, struct arena *arena, struct request *q,
                               struct str *error)
{
	static char ftp[] = "ftp", sra[] = "sra";
	static char *const usual[] = {ftp, sra};
	char *text = arena_strdup(arena, uri->place), *rest = strstr(text, "://");
	char **found = arena_array(arena, char *, strlen(text));
	size_t n;

	memset(q, 0, sizeof(*q));
	if (strcmp(uri->scheme, "run+submitted") == 0)
		q->kind = ENA_SUBMITTED;
	*rest = '\0';
	rest += 3;
	if (!take_options(uri, text, q, found, error) || !take_options(uri, rest, q, found, error))
		return STAGE_BAD_URI;
	n = strlen(rest);
	if (n > 0 && rest[n - 1] == '/')
		rest[--n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)rest[i]) && rest[i] != '_' && rest[i] != '.')
			n = 0;
	}
	if (n == 0)
		return fault(error, STAGE_BAD_URI, uri->text, "names no accession");
	q->accession = rest;
	q->methods = q->nmethods > 0 ? found : usual;
	/* NCBI makes reads, it does not keep what ENA was given. */
	if (q->nmethods == 0)
		q->nmethods = q->kind == ENA_FASTQ ? 2 : 1;
	return STAGE_OK;
}

/* Whether the name has the mark before its extensions: "_1" in ERR1_1.fastq.gz. */
static bool has_mark(const char *name, const char *mark)
{
	size_t stem = strcspn(name, "."), n = strlen(mark);

	return stem > n && strncmp(name + stem - n, mark, n) == 0;
}

/* Of a run whose reads are paired only the first file, where that is wanted. */
static void filter(const struct request *q, struct ena_files *files)
{
	size_t kept = 0;

	if (!q->only_r1)
		return;
	for (size_t i = 0; i < files->list.n; i++) {
		const struct ena_file *f = &files->list.v[i];
		bool paired = false;

		for (size_t k = 0; k < files->list.n; k++)
			paired = paired || (strcmp(files->list.v[k].run, f->run) == 0 &&
			                    has_mark(files->list.v[k].name, "_1"));
		if (!paired || has_mark(f->name, "_1"))
			files->list.v[kept++] = *f;
	}
	files->list.n = kept;
}

/* The files that ENA has of it, at least one. */
static enum stage_result report(struct stage *s, const struct uri *uri, const struct request *q,
                                struct arena *arena, struct ena_files *files, struct str *error)
{
	enum stage_result r = ena_report(s, uri, q->accession, q->kind, arena, files, error);

	filter(q, files);
	if (r == STAGE_OK && files->list.n == 0)
		r = fault(error, STAGE_NOT_FOUND, uri->text, "ENA has no %s of it",
		          q->kind == ENA_FASTQ ? "FASTQ" : "submitted files");
	return r;
}

static const char *ftp_url(struct arena *arena, const struct ena_file *file)
{
	return arena_printf(arena, "%s%s", strstr(file->ftp, "://") == NULL ? "ftp://" : "",
	                    file->ftp);
}

/* STAGE_NETWORK where the bytes are not those that ENA has. */
static enum stage_result check_md5(struct fetch *f, const struct ena_file *file, const char *path)
{
	char text[DIGEST_MD5_SIZE];
	int err;

	if (*file->md5 == '\0')
		return STAGE_OK;
	err = digest_md5_file(path, text);
	if (err != 0)
		return fault_own(f->error, -err, path);
	return strcmp(text, file->md5) == 0 ? STAGE_OK
	                                    : fault(f->error, STAGE_NETWORK, f->uri->text,
	                                            "%s arrived damaged: its MD5 is %s, not %s",
	                                            file->name, text, file->md5);
}

/* One file as the last item of the fetch. */
static enum stage_result fetch_ftp(struct fetch *f, const struct ena_file *file)
{
	const struct uri *whole = f->uri;
	struct uri one = {.scheme = "ftp"};
	enum stage_result r = STAGE_NETWORK;

	if (file->ftp == NULL)
		return fault(f->error, STAGE_NOT_FOUND, whole->text, "%s is not to be had by ftp",
		             file->name);
	one.text = one.place = ftp_url(&f->arena, file);
	for (int tries = 0; tries < DAMAGED_TRIES && r == STAGE_NETWORK; tries++) {
		f->uri = &one;
		r = remote_get(f);
		f->uri = whole;
		if (r != STAGE_OK)
			return r;
		r = check_md5(f, file, f->items.list.v[f->items.list.n - 1].path);
		if (r != STAGE_OK)
			f->items.list.n--;
	}
	return r;
}

static enum stage_result by_ftp(struct fetch *f, const struct request *q)
{
	struct ena_files files = {0};
	enum stage_result r = report(f->s, f->uri, q, &f->arena, &files, f->error);

	for (size_t i = 0; i < files.list.n && r == STAGE_OK; i++)
		r = fetch_ftp(f, &files.list.v[i]);
	vec_release(&files.list);
	return r;
}

/* Run words in a container of the image with the directory as /output. */
static enum stage_result in_container(struct fetch *f, const char *setting, const char *usual,
                                      const char *dir, const char *const *words)
{
	const char *image = getenv(setting);
	struct str why = STR_INIT, said = STR_INIT;
	const char *argv[24] = {0};
	struct engine engine;
	struct child c = {.err = child_keep,
	                  .output_ctx = &said,
	                  .cancelled = f->s->cancelled,
	                  .cancel_ctx = f->s->cancel_ctx};
	enum stage_result r = STAGE_OK;
	size_t n = 0;
	int status, err;

	if (!engine_init(&engine, &why)) {
		r = fault(f->error, STAGE_IO, f->uri->text, "%s", why.p);
	} else if (engine.program.len == 0) {
		r = fault(f->error, STAGE_IO, f->uri->text, "needs a container, but %s",
		          engine.missing.p);
	} else {
		argv[n++] = engine.program.p;
		argv[n++] = "run";
		argv[n++] = "--rm";
		argv[n++] = "--security-opt=label=disable";
		argv[n++] = arena_printf(&f->arena,
		                         "--mount=type=bind,source=%s,destination=/output", dir);
		argv[n++] = "--workdir=/output";
		argv[n++] = image != NULL && *image != '\0' ? image : usual;
		while (*words != NULL)
			argv[n++] = *words++;
		c.argv = (char *const *)argv;
		err = child_run(&c, &status);
		while (said.len > 0 && (unsigned char)said.p[said.len - 1] <= ' ')
			said.p[--said.len] = '\0';
		if (err == -ECANCELED)
			r = STAGE_CANCELLED;
		else if (err != 0)
			r = fault(f->error, STAGE_IO, f->uri->text, "cannot run %s: %s",
			          engine.program.p, strerror(-err));
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = fault(f->error, STAGE_NETWORK, f->uri->text, "%s failed: %.300s",
			          image != NULL && *image != '\0' ? image : usual,
			          said.len > 300 ? said.p + said.len - 300 : said.p);
	}
	engine_release(&engine);
	str_release(&why);
	str_release(&said);
	return r;
}

static enum stage_result fetch_aspera(struct fetch *f, const struct ena_file *file)
{
	struct item item = {.name = file->name, .owned = true};
	enum stage_result r;
	const char *dir, *path = file->aspera != NULL ? strchr(file->aspera, ':') : NULL;

	if (path == NULL)
		return fault(f->error, STAGE_NOT_FOUND, f->uri->text,
		             "%s is not to be had by aspera", file->name);
	dir = fetch_directory(f, &r);
	if (dir == NULL)
		return r;
	const char *words[] = {arena_printf(&f->arena, "--url=ssh://%.*s:33001",
	                                    (int)(path - file->aspera), file->aspera),
	                       "--username=era-fasp",
	                       "--ssh-keys=@ruby:Fasp::Installation.instance.bypass_keys.first",
	                       "--ts=@json:{\"target_rate_kbps\":300000}",
	                       "server",
	                       "download",
	                       path + 1,
	                       "--to-folder=/output/",
	                       NULL};
	r = in_container(f, "SCITQ_ASPERA_IMAGE", ASPERA_IMAGE, dir, words);
	item.path = arena_printf(&f->arena, "%s/%s", dir, file->name);
	if (r == STAGE_OK && access(item.path, F_OK) != 0)
		r = fault(f->error, STAGE_NETWORK, f->uri->text, "%s did not arrive", file->name);
	if (r == STAGE_OK)
		r = check_md5(f, file, item.path);
	if (r == STAGE_OK) {
		f->s->files++;
		vec_push(&f->items.list, item);
	}
	return r;
}

static enum stage_result by_aspera(struct fetch *f, const struct request *q)
{
	struct ena_files files = {0};
	enum stage_result r = report(f->s, f->uri, q, &f->arena, &files, f->error);

	for (size_t i = 0; i < files.list.n && r == STAGE_OK; i++)
		r = fetch_aspera(f, &files.list.v[i]);
	vec_release(&files.list);
	return r;
}

static enum stage_result by_sra(struct fetch *f, const struct request *q)
{
	const char *words[] = {"sh", "-c",
	                       "prefetch \"$0\" && fasterq-dump --force --split-files \"$0\" && "
	                       "rm -rf \"$0\" && gzip -f *.fastq",
	                       q->accession, NULL};
	struct items made = {0};
	enum stage_result r;
	const char *dir = fetch_directory(f, &r);
	bool paired = false;

	if (dir == NULL)
		return r;
	r = in_container(f, "SCITQ_SRA_IMAGE", SRA_IMAGE, dir, words);
	if (r == STAGE_OK)
		r = fetch_add_made(f, &made, dir);
	for (size_t i = 0; i < made.list.n; i++)
		paired = paired || has_mark(made.list.v[i].name, "_1");
	for (size_t i = 0; r == STAGE_OK && i < made.list.n; i++) {
		const struct item *item = &made.list.v[i];

		if (q->only_r1 && paired && !has_mark(item->name, "_1"))
			continue;
		f->s->files++;
		vec_push(&f->items.list, *item);
	}
	if (r == STAGE_OK && f->items.list.n == 0)
		r = fault(f->error, STAGE_NOT_FOUND, f->uri->text, "sra-tools made no FASTQ of it");
	vec_release(&made.list);
	return r;
}

enum stage_result fastq_get(struct fetch *f)
{
	struct request q;
	enum stage_result r = parse(f->uri, &f->arena, &q, f->error);
	size_t said = f->error->len;

	if (r != STAGE_OK)
		return r;
	r = STAGE_NETWORK;
	/* What every way says stands in the error, where none leads there. */
	for (size_t i = 0; i < q.nmethods && r != STAGE_OK && r != STAGE_CANCELLED; i++) {
		f->items.list.n = 0;
		r = find_method(q.methods[i])(f, &q);
	}
	if (r == STAGE_OK && f->error->len > said) {
		f->error->len = said;
		f->error->p[said] = '\0';
	}
	return r;
}

enum stage_result fastq_list(struct stage *s, const struct uri *uri, unsigned how,
                             struct arena *arena, struct entries *entries, struct str *error)
{
	struct ena_files files = {0};
	enum stage_result r;
	struct request q;

	r = parse(uri, arena, &q, error);
	if (r == STAGE_OK)
		r = report(s, uri, &q, arena, &files, error);
	for (size_t i = 0; r == STAGE_OK && i < files.list.n; i++) {
		const struct ena_file *f = &files.list.v[i];
		struct stage_entry entry = {.name = f->name,
		                            .place = f->ftp != NULL ? ftp_url(arena, f) : uri->text,
		                            .size = f->size,
		                            .mtime_ns = INT64_MIN};

		if ((how & (STAGE_DIGESTS | STAGE_KEPT_DIGESTS)) != 0 && *f->md5 != '\0')
			entry.digest = arena_printf(arena, "md5:%s", f->md5);
		vec_push(&entries->list, entry);
	}
	vec_release(&files.list);
	return r;
}
