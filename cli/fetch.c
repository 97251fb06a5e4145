#include "cli/fetch.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/io.h"
#include "cli/meter.h"
#include "cli/ndjson.h"
#include "cli/usage.h"
#include "model/json.h"
#include "runtime/session.h"
#include "stage/list.h"
#include "stage/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the commands share while they work. */
struct work {
	const struct command_call *call;
	struct stage stage;
	struct arena arena;
	struct str error;
	struct meter meter;
};

/* The signals that end us are blocked meanwhile, so that what is half done can be cleaned up. */
static bool interrupted(void *ctx)
{
	sigset_t pending;

	(void)ctx;
	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

static void begin(struct work *w, const struct command_call *call)
{
	sigset_t ending;

	memset(w, 0, sizeof(*w));
	w->call = call;
	stage_init(&w->stage);
	w->stage.cancelled = interrupted;
	arena_init(&w->arena);
	str_init(&w->error);
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, NULL);
}

static int exit_code(enum stage_result r)
{
	if (r == STAGE_OK)
		return EXIT_CODE_OK;
	if (r == STAGE_CANCELLED)
		return EXIT_CODE_INTERRUPTED;
	if (r == STAGE_BAD_URI)
		return EXIT_CODE_USAGE;
	return stage_result_infrastructure(r) ? EXIT_CODE_INFRASTRUCTURE : EXIT_FAILURE;
}

/* Each line behind the name of the program. */
static void say(const struct work *w, const struct str *lines)
{
	for (const char *line = lines->p, *next; *line != '\0'; line = next) {
		next = strchrnul(line, '\n');
		next += *next != '\0';
		fprintf(stderr, "%s: %.*s", w->call->program, (int)(next - line), line);
	}
}

/* Say what went wrong, release; the exit code. */
static int end(struct work *w, enum stage_result r)
{
	meter_clear(&w->meter);
	if (r != STAGE_OK)
		say(w, &w->error);
	str_release(&w->error);
	arena_release(&w->arena);
	stage_release(&w->stage);
	return exit_code(r);
}

/* The same behind what goes to standard output. */
static int end_printing(struct work *w, enum stage_result r, struct str *out)
{
	int printed = io_print(out), code = end(w, r);

	return code != EXIT_CODE_OK ? code : printed;
}

static enum stage_result parse(struct work *w, const char *text, struct uri *uri)
{
	const char *why;

	if (uri_parse(&w->arena, text, uri, &why))
		return STAGE_OK;
	str_addf(&w->error, "%s: %s\n", text, why);
	return STAGE_BAD_URI;
}

/* ---- lists ---- */

/*
 * What the text names. A folder is meant also where its '/' is left out, as it may be with v1's
 * scitq-fetch: *uri is then the folder's.
 */
static enum stage_result list(struct work *w, const char *text, unsigned how, struct uri *uri,
                              struct stage_listing *listing)
{
	enum stage_result r = parse(w, text, uri), again;
	struct uri folder;
	size_t said;

	if (r != STAGE_OK)
		return r;
	r = stage_list(&w->stage, uri, how, &w->arena, listing, &w->error);
	if ((r != STAGE_NOT_FOUND && r != STAGE_BAD_URI) || uri->folder || uri->glob ||
	    uri->nactions > 0)
		return r;
	/* Object stores take every name for a folder: whether it is one, only its list tells. */
	if (r == STAGE_BAD_URI)
		str_reset(&w->error);
	if (parse(w, arena_printf(&w->arena, "%s/", text), &folder) != STAGE_OK)
		return r;
	said = w->error.len;
	again = stage_list(&w->stage, &folder, how, &w->arena, listing, &w->error);
	if (again == STAGE_OK)
		*uri = folder;
	/* Found after all: what was said first is void. Else that, where it says something. */
	if (again == STAGE_OK)
		str_reset(&w->error);
	else if (said > 0)
		w->error.p[w->error.len = said] = '\0';
	return again;
}

static const char *uri_of(struct work *w, const struct uri *uri, const struct stage_entry *e)
{
	struct str text = STR_INIT;
	const char *copy;

	if (strcmp(uri->scheme, "file") == 0)
		uri_add_path(&text, e->place);
	else
		str_adds(&text, e->place);
	copy = arena_strdup(&w->arena, text.p);
	str_release(&text);
	return copy;
}

static const char *md5_of(const struct stage_entry *e)
{
	return e->digest != NULL && strncmp(e->digest, "md5:", 4) == 0 ? e->digest + 4 : NULL;
}

static bool is_folder(const struct stage_entry *e)
{
	size_t n = strlen(e->name);

	return n > 0 && e->name[n - 1] == '/';
}

/* "" where it is not known. */
static void date_of(const struct stage_entry *e, char text[DATE_TEXT_SIZE])
{
	text[0] = '\0';
	if (e->mtime_ns != INT64_MIN)
		date_format(e->mtime_ns / 1000, text);
}

static void add_json(struct str *out, const char *uri, const struct stage_entry *e, bool md5)
{
	char date[DATE_TEXT_SIZE];
	bool folder = is_folder(e);
	json_t *object = json_pack("{s:o, s:o}", "name", json_text(e->name), "uri", json_text(uri));

	date_of(e, date);
	json_object_set_new(object, "size",
	                    folder ? json_null() : json_integer((json_int_t)e->size));
	json_object_set_new(object, "modification_date", *date ? json_string(date) : json_null());
	if (md5)
		json_object_set_new(object, "md5",
		                    md5_of(e) ? json_string(md5_of(e)) : json_null());
	ndjson_line(out, folder ? "folder" : "file", object);
}

static void add_line(struct str *out, const struct command_call *call, const char *name,
                     const struct stage_entry *e)
{
	char date[DATE_TEXT_SIZE];

	if (command_has(call, "md5"))
		str_addf(out, "%-32s  ", md5_of(e) != NULL ? md5_of(e) : "-");
	if (command_has(call, "long")) {
		date_of(e, date);
		if (is_folder(e))
			str_addf(out, "%15s", "-");
		else
			str_addf(out, "%15" PRIu64, e->size);
		str_addf(out, "  %-19.19s  ", *date != '\0' ? date : "-");
	}
	str_addf(out, "%s\n", name);
}

static int print_list(const struct command_call *call, unsigned how, bool relative)
{
	struct stage_listing listing = {0};
	struct str out = STR_INIT;
	enum stage_result r;
	struct uri uri;
	struct work w;

	begin(&w, call);
	if (command_has(call, "md5"))
		how |= STAGE_DIGESTS;
	r = list(&w, call->words[0], how, &uri, &listing);
	if (r == STAGE_OK && command_has(call, "json"))
		ndjson_begin(&out);
	for (size_t i = 0; r == STAGE_OK && i < listing.n; i++) {
		const struct stage_entry *e = &listing.entries[i];
		const char *whole = uri_of(&w, &uri, e);

		if (command_has(call, "json"))
			add_json(&out, whole, e, command_has(call, "md5"));
		else
			add_line(&out, call, relative ? e->name : whole, e);
	}
	return end_printing(&w, r, &out);
}

int fetch_list(const struct command_call *call)
{
	return print_list(
	        call, command_has(call, "not-recursive") ? STAGE_FOLDERS : STAGE_RECURSIVE, false);
}

int fetch_nlist(const struct command_call *call)
{
	return print_list(call, STAGE_FOLDERS, false);
}

int fetch_nrlist(const struct command_call *call)
{
	return print_list(call, STAGE_FOLDERS, true);
}

int fetch_info(const struct command_call *call)
{
	bool md5 = command_has(call, "md5"), json = command_has(call, "json");
	struct stage_listing listing = {0};
	struct str out = STR_INIT;
	char date[DATE_TEXT_SIZE];
	enum stage_result r;
	struct uri uri;
	struct work w;

	begin(&w, call);
	r = parse(&w, call->words[0], &uri);
	if (r == STAGE_OK)
		r = stage_list(&w.stage, &uri, md5 ? STAGE_DIGESTS : 0, &w.arena, &listing,
		               &w.error);
	if (r == STAGE_OK && json)
		ndjson_begin(&out);
	for (size_t i = 0; r == STAGE_OK && i < listing.n; i++) {
		const struct stage_entry *e = &listing.entries[i];
		const char *whole = uri_of(&w, &uri, e);

		date_of(e, date);
		if (json) {
			add_json(&out, whole, e, md5);
			continue;
		}
		str_addf(&out, "%suri: %s\nsize: %" PRIu64 "\nmodification_date: %s\n",
		         i > 0 ? "\n" : "", whole, e->size, *date != '\0' ? date : "-");
		if (md5)
			str_addf(&out, "md5: %s\n", md5_of(e) != NULL ? md5_of(e) : "-");
	}
	return end_printing(&w, r, &out);
}

/* Let ncdu show the text, in place of this program. Only a failure returns: an exit code. */
static int browse(const struct command_call *call, const struct str *text)
{
	int fd = memfd_create("ncdu", 0), err = fd < 0 ? -errno : 0;
	char path[32];
	sigset_t none;

	if (err == 0)
		err = fd_write_all(fd, text->p, text->len);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (err == 0) {
		execlp("ncdu", "ncdu", "-f", path, (char *)NULL);
		err = -errno;
	}
	fprintf(stderr, "%s: ncdu: %s\n", call->program, strerror(-err));
	return EXIT_CODE_INFRASTRUCTURE;
}

int fetch_ncdu(const struct command_call *call)
{
	struct stage_listing listing = {0};
	struct str out = STR_INIT;
	bool run = command_has(call, "run");
	enum stage_result r;
	struct uri uri;
	struct work w;
	json_t *usage;
	int code;

	begin(&w, call);
	r = list(&w, call->words[0], STAGE_RECURSIVE, &uri, &listing);
	if (r == STAGE_OK) {
		usage = usage_export(&listing, uri.text, clock_date_us() / 1000000, &w.arena);
		json_print(usage, &out);
		str_addc(&out, '\n');
		json_decref(usage);
	}
	if (r != STAGE_OK || !run)
		return end_printing(&w, r, &out);
	code = end(&w, r);
	if (code == EXIT_CODE_OK)
		code = browse(call, &out);
	str_release(&out);
	return code;
}

/* ---- moving ---- */

struct patterns {
	VEC(const char *) list;
};

static void patterns_take(struct patterns *p, const struct command_call *call)
{
	for (size_t i = 0; i < call->given.n; i++) {
		if (strcmp(call->given.v[i].option->name, "include") == 0)
			vec_push(&p->list, call->given.v[i].value);
	}
}

/* Schemes that know no folders; asking them what there is would be one more answer to wait for. */
static bool has_folders(const struct uri *uri)
{
	static const char *const without[] = {"http", "https", "run+fastq", "run+submitted"};

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		if (strcmp(uri->scheme, without[i]) == 0)
			return false;
	}
	return true;
}

/* A source: the URI of a folder also where its '/' is left out. */
static enum stage_result find_source(struct work *w, const char *text, struct uri *uri)
{
	struct stage_listing listing;
	enum stage_result r = parse(w, text, uri);

	if (r != STAGE_OK || uri->folder || uri->glob || uri->nactions > 0 || !has_folders(uri))
		return r;
	return list(w, text, STAGE_FOLDERS, uri, &listing);
}

/* A destination: a folder also without its '/' where only a folder will do, or is there. */
static enum stage_result find_destination(struct work *w, const char *text,
                                          const struct uri *source, struct uri *uri)
{
	bool several = source->folder || source->glob || source->nactions > 0 ||
	               strncmp(source->scheme, "run+", 4) == 0;
	enum stage_result r = parse(w, text, uri);
	struct stat st;

	if (r != STAGE_OK || uri->folder)
		return r;
	if (several ||
	    (strcmp(uri->scheme, "file") == 0 && stat(uri->place, &st) == 0 && S_ISDIR(st.st_mode)))
		r = parse(w, arena_printf(&w->arena, "%s/", text), uri);
	return r;
}

/* Somebody who looks on is told how far it is. */
static enum stage_result move(struct work *w, const struct stage_transfer *t, struct str *warnings)
{
	meter_init(&w->meter);
	if (isatty(STDERR_FILENO)) {
		w->stage.progress = meter_show;
		w->stage.progress_ctx = &w->meter;
	}
	return stage_transfer(&w->stage, t, warnings, &w->error);
}

static int transfer(const struct command_call *call, const char *destination, bool folders,
                    bool mirror)
{
	struct patterns patterns = {0};
	struct stage_transfer t = {.mirror = mirror};
	struct str warnings = STR_INIT;
	struct uri from, to;
	enum stage_result r;
	struct work w;

	begin(&w, call);
	patterns_take(&patterns, call);
	t.from = &from;
	t.to = &to;
	t.patterns = patterns.list.v;
	t.npatterns = patterns.list.n;
	r = find_source(&w, call->words[0], &from);
	if (r == STAGE_OK && folders && !from.folder) {
		str_addf(&w.error, "%s: is no folder\n", call->words[0]);
		r = STAGE_BAD_URI;
	}
	if (r == STAGE_OK)
		r = find_destination(&w, destination, &from, &to);
	if (r == STAGE_OK)
		r = move(&w, &t, &warnings);
	meter_clear(&w.meter);
	say(&w, &warnings);
	str_release(&warnings);
	vec_release(&patterns.list);
	return end(&w, r);
}

int fetch_copy(const struct command_call *call)
{
	return transfer(call, call->nwords > 1 ? call->words[1] : "./", false, false);
}

int fetch_sync(const struct command_call *call)
{
	return transfer(call, call->words[1], true, command_has(call, "delete"));
}

int fetch_delete(const struct command_call *call)
{
	struct patterns patterns = {0};
	enum stage_result r;
	struct uri uri;
	struct work w;

	begin(&w, call);
	patterns_take(&patterns, call);
	r = find_source(&w, call->words[0], &uri);
	if (r == STAGE_OK)
		r = stage_remove(&w.stage, &uri, patterns.list.v, patterns.list.n, &w.error);
	vec_release(&patterns.list);
	return end(&w, r);
}
