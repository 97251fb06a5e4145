#include "stage/rclone.h"

#include "base/child.h"
#include "base/fd.h"
#include "base/vec.h"
#include "stage/fault.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONF "/etc/rclone.conf"
/* Exit codes, of rclone's documentation. */
#define NO_DIRECTORY 3
#define NO_FILE 4
/* "2006/01/02 15:04:05 " before what it says. */
#define DATE_LENGTH 20

/* The path of the configuration; NULL where there is none. */
static const char *configuration(struct arena *arena)
{
	const char *own = getenv("RCLONE_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (own != NULL && *own != '\0')
		return own;
	if (access(CONF, R_OK) == 0)
		return CONF;
	if (xdg != NULL && *xdg != '\0')
		return arena_printf(arena, "%s/rclone/rclone.conf", xdg);
	return home != NULL ? arena_printf(arena, "%s/.config/rclone/rclone.conf", home) : NULL;
}

/* The name between the brackets of a line "[name]", or NULL. */
static const char *section(const char *line, size_t n, struct arena *arena)
{
	while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
		n--;
	return n > 2 && line[0] == '[' && line[n - 1] == ']' ? arena_strndup(arena, line + 1, n - 2)
	                                                     : NULL;
}

const char *rclone_remote(const char *scheme, struct arena *arena)
{
	const char *path = configuration(arena), *found = NULL;
	struct str text = STR_INIT;

	if (path != NULL && file_read(path, &text) == 0) {
		for (const char *p = text.p; found == NULL && *p != '\0';) {
			size_t n = strcspn(p, "\n");
			const char *name = section(p, n, arena);

			if (name != NULL && strcasecmp(name, scheme) == 0)
				found = name;
			p += n + (p[n] == '\n');
		}
	}
	str_release(&text);
	return found;
}

struct output {
	const struct stage *stage;
	struct str *out;
	struct str said;
	struct str line; /* of its stderr, begun; only with progress */
};

static void take_out(void *ctx, const char *data, size_t n)
{
	struct output *o = ctx;

	if (o->out != NULL)
		str_add(o->out, data, n);
}

/* Only the end of what it says is of interest. */
static void keep_said(struct output *o, const char *data, size_t n)
{
	if (o->said.len > 65536)
		str_reset(&o->said);
	str_add(&o->said, data, n);
}

/* A line of its log in JSON tells how far it is, or is one to keep; what is none, too. */
static void take_line(struct output *o)
{
	json_t *line = json_loadb(o->line.p, o->line.len, 0, NULL);
	json_t *stats = json_object_get(line, "stats");
	const char *text = json_string_value(json_object_get(line, "msg"));

	if (stats != NULL)
		o->stage->progress(
		        o->stage->progress_ctx,
		        (uint64_t)json_integer_value(json_object_get(stats, "bytes")),
		        (uint64_t)json_integer_value(json_object_get(stats, "totalBytes")));
	else
		keep_said(o, text != NULL ? text : o->line.p,
		          text != NULL ? strlen(text) : o->line.len);
	if (stats == NULL)
		keep_said(o, "\n", 1);
	json_decref(line);
	str_reset(&o->line);
}

static void take_said(void *ctx, const char *data, size_t n)
{
	struct output *o = ctx;

	if (o->stage->progress == NULL) {
		keep_said(o, data, n);
		return;
	}
	for (const char *end = data + n, *p = data; p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		str_add(&o->line, p, (size_t)((newline != NULL ? newline : end) - p));
		if (newline == NULL)
			break;
		take_line(o);
		p = newline + 1;
	}
}

static bool is_set(const char *setting)
{
	size_t n = strcspn(setting, "=");

	for (char **e = environ; *e != NULL; e++) {
		if (strncmp(*e, setting, n + 1) == 0)
			return true;
	}
	return false;
}

/* Ours, what the run adds, and our limits where nobody set others. */
static char **environment(const struct stage *s, const struct rclone_run *run, struct arena *arena)
{
	const char *config = configuration(arena);
	const char *usual[] = {
	        arena_printf(arena, "RCLONE_RETRIES=%u", s->attempts),
	        arena_printf(arena, "RCLONE_RETRIES_SLEEP=%dms", s->retry_wait_ms),
	        arena_printf(arena, "RCLONE_CONTIMEOUT=%dms", s->connect_timeout_ms),
	        arena_printf(arena, "RCLONE_TIMEOUT=%ds", s->stall_seconds),
	        arena_printf(arena, "RCLONE_CONFIG=%s", config != NULL ? config : "/dev/null"),
	};
	static const char *const telling[] = {"RCLONE_USE_JSON_LOG=true", "RCLONE_STATS=1s",
	                                      "RCLONE_STATS_LOG_LEVEL=NOTICE"};
	size_t n = 0, extra = 0, usuals = sizeof(usual) / sizeof(usual[0]);
	size_t tell = s->progress != NULL ? sizeof(telling) / sizeof(telling[0]) : 0;
	char **list;

	while (environ[n] != NULL)
		n++;
	while (run->extra != NULL && run->extra[extra] != NULL)
		extra++;
	list = arena_array(arena, char *, n + extra + usuals + tell + 2);
	n = 0;
	/* Dates are told in it. */
	list[n++] = arena_strdup(arena, "TZ=UTC");
	for (char **e = environ; *e != NULL; e++) {
		if (strncmp(*e, "TZ=", 3) != 0)
			list[n++] = *e;
	}
	for (size_t i = 0; i < usuals; i++) {
		if (!is_set(usual[i]))
			list[n++] = arena_strdup(arena, usual[i]);
	}
	for (size_t i = 0; i < extra; i++)
		list[n++] = arena_strdup(arena, run->extra[i]);
	for (size_t i = 0; i < tell; i++)
		list[n++] = arena_strdup(arena, telling[i]);
	return list;
}

/* What it said last, without the date. */
static const char *last_words(struct str *said)
{
	const char *line;

	while (said->len > 0 && (unsigned char)said->p[said->len - 1] <= ' ')
		said->p[--said->len] = '\0';
	line = strrchr(said->p, '\n');
	line = line != NULL ? line + 1 : said->p;
	if (strlen(line) > DATE_LENGTH && line[4] == '/' && line[7] == '/' &&
	    line[DATE_LENGTH - 1] == ' ')
		line += DATE_LENGTH;
	return *line != '\0' ? line : "rclone failed without a word";
}

static bool says(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasestr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

/* Whose fault it is: exit codes tell of files that are missing, words of the rest. */
static enum stage_result meaning(int code, const char *said)
{
	static const char *const missing[] = {"directory not found", "object not found",
	                                      "file not found", "NoSuchBucket",
	                                      "ContainerNotFound"};
	static const char *const full[] = {"no space left", "disk quota exceeded"};
	static const char *const denied[] = {"AccessDenied",
	                                     "Forbidden",
	                                     "InvalidAccessKeyId",
	                                     "SignatureDoesNotMatch",
	                                     "AuthorizationFailure",
	                                     "permission denied",
	                                     "AuthenticationFailed",
	                                     "Unauthorized",
	                                     "530 "};

	if (says(said, full, sizeof(full) / sizeof(full[0])))
		return STAGE_NO_SPACE;
	if (code == NO_DIRECTORY || code == NO_FILE ||
	    says(said, missing, sizeof(missing) / sizeof(missing[0])))
		return STAGE_NOT_FOUND;
	return says(said, denied, sizeof(denied) / sizeof(denied[0])) ? STAGE_DENIED
	                                                              : STAGE_NETWORK;
}

/* A descriptor from which the text is read, or -errno. */
static int input_of(const char *text)
{
	int fd = memfd_create("rclone-input", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (err == 0 && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (err != 0 && fd >= 0)
		close(fd);
	return err != 0 ? err : fd;
}

static enum stage_result run_program(struct stage *s, const char *program,
                                     const struct rclone_run *run, struct arena *arena,
                                     struct str *error)
{
	struct output output = {s, run->out, STR_INIT, STR_INIT};
	struct child c = {.out = take_out,
	                  .err = take_said,
	                  .output_ctx = &output,
	                  .cancelled = s->cancelled,
	                  .cancel_ctx = s->cancel_ctx};
	enum stage_result r = STAGE_OK;
	size_t n = 0;
	int status = 0, err;
	char **argv;

	while (run->words[n] != NULL)
		n++;
	argv = arena_array(arena, char *, n + 2);
	argv[0] = arena_strdup(arena, program);
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = arena_strdup(arena, run->words[i]);
	c.argv = argv;
	c.environ = environment(s, run, arena);
	c.input = run->input != NULL ? input_of(run->input) : 0;
	err = c.input < 0 ? c.input : child_run(&c, &status);
	if (c.input > 0)
		close(c.input);
	if (output.line.len > 0)
		take_line(&output);
	if (err == -ECANCELED) {
		r = STAGE_CANCELLED;
	} else if (err != 0) {
		r = fault(error, STAGE_IO, run->subject, "cannot run %s: %s", program,
		          strerror(-err));
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		const char *said = last_words(&output.said);

		r = meaning(WIFEXITED(status) ? WEXITSTATUS(status) : 0, said);
		r = fault(error, r, run->subject, "%s", said);
	}
	str_release(&output.said);
	str_release(&output.line);
	return r;
}

enum stage_result rclone_run(struct stage *s, const struct rclone_run *run, struct str *error)
{
	struct str program = STR_INIT;
	struct arena arena;
	enum stage_result r;

	arena_init(&arena);
	if (child_find("rclone", &program))
		r = run_program(s, program.p, run, &arena, error);
	else
		r = fault(error, STAGE_IO, run->subject,
		          "needs rclone, which is not on this machine's PATH");
	str_release(&program);
	arena_release(&arena);
	return r;
}
