#include "worker/container.h"

#include "base/child.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/vec.h"
#include "worker/container_options.h"
#include "worker/runner.h"
#include "worker/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LABEL "scitq.worker"
#define MARKER "containers" /* in the worker's directory: it ran some */
#define REMOVE_MS 30000
#define REAP_TRIES 10
#define REAP_WAIT_MS 200
/* Words before the image that are ours, at most, without mounts and variables. */
#define OWN_WORDS 32

struct words {
	char **v;
	size_t n;
	struct arena *arena;
};

static void add(struct words *w, const char *word)
{
	w->v[w->n++] = arena_strdup(w->arena, word);
}

/* The fields of a mount are separated by commas, quoted as in a table of comma-separated values. */
static void add_mount(struct words *w, const char *source, const char *below, const char *to,
                      bool read_only)
{
	struct str word = STR_INIT;

	str_adds(&word, "--mount=type=bind,\"source=");
	for (const char *p = source; *p != '\0'; p++) {
		if (*p == '"')
			str_addc(&word, '"');
		str_addc(&word, *p);
	}
	str_addf(&word, "%s\",destination=%s%s", below, to, read_only ? ",readonly" : "");
	add(w, word.p);
	str_release(&word);
}

void container_name(struct str *name, const char *work, int64_t execution_id)
{
	str_addf(name, "scitq-%016" PRIx64 "-%" PRId64, hash_bytes(work, strlen(work), 0),
	         execution_id);
}

/* What the task says of its user; "" where it leaves that to us. */
static bool names_user(char *const *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(options[i], "--user=", 7) == 0)
			return true;
	}
	return false;
}

static void add_directories(struct words *w, const struct container_input *in,
                            const struct command *c, const char *directory)
{
	add_mount(w, directory, "/input", "/input", false);
	add_mount(w, directory, "/output", "/output", false);
	add_mount(w, directory, "/resource", "/resource", true);
	add_mount(w, directory, "/tmp", "/tmp", false);
	add_mount(w, directory, "/line", COMMAND_LINE_FILE, false);
	if (c->script != NULL)
		add_mount(w, directory, "/script", COMMAND_SCRIPT_FILE, true);
	for (size_t i = 0; i < in->mounts->n; i++)
		add_mount(w, in->mounts->v[i], "", arena_printf(w->arena, MOUNTS_PLACE "%zu", i),
		          true);
}

bool container_wrap(const struct container_input *in, const char *directory, int64_t execution_id,
                    struct arena *arena, struct command *c, struct str *error)
{
	struct words w = {NULL, 0, arena};
	struct str name = STR_INIT;
	char **options;
	size_t noptions;

	if (!container_options_read(in->options, in->engine->allow.p, arena, &options, &noptions,
	                            error))
		return false;
	w.v = arena_array(arena, char *,
	                  OWN_WORDS + noptions + in->mounts->n + c->nvariables + c->nwords);
	container_name(&name, in->work, execution_id);
	if (in->attach == NULL) {
		add(&w, "scitq-worker");
		add(&w, RUNNER_ARGUMENT);
	}
	add(&w, in->engine->program.p);
	if (in->attach == NULL) {
		add(&w, name.p);
		add(&w, directory);
	}
	add(&w, "run");
	for (size_t i = 0; in->attach != NULL && in->attach[i] != NULL; i++)
		add(&w, in->attach[i]);
	add(&w, "--rm");
	add(&w, "--workdir=/tmp");
	if (in->memory > 0)
		add(&w, arena_printf(arena, "--memory=%" PRId64, in->memory));
	for (size_t i = 0; i < noptions; i++)
		add(&w, options[i]);
	/* A daemon of root would leave files that we cannot remove. */
	if (engine_is_docker(in->engine->program.p) && geteuid() != 0 &&
	    !names_user(options, noptions))
		add(&w, arena_printf(arena, "--user=%d:%d", (int)geteuid(), (int)getegid()));
	add(&w, arena_printf(arena, "--name=%s", name.p));
	add(&w, arena_printf(arena, "--label=" LABEL "=%s", in->work));
	add(&w, arena_printf(arena, "--cidfile=%s/" RUNNER_ID_FILE, directory));
	add(&w, "--pull=never");
	add(&w, "--log-driver=none");
	add(&w, "--security-opt=label=disable"); /* our directories have no label for containers */
	add_directories(&w, in, c, directory);
	for (size_t i = 0; i < c->nvariables; i++)
		add(&w, arena_printf(arena, "--env=%s", c->variables[i]));
	add(&w, in->image);
	memcpy(w.v + w.n, c->words, c->nwords * sizeof(*w.v));
	c->words = w.v;
	c->nwords += w.n;
	/* What is left is the engine's environment. */
	c->variables = arena_array(arena, char *, 1);
	c->variables[0] = arena_printf(arena, TREE_MARKER_NAME "=%s", directory);
	c->nvariables = 1;
	c->contained = in->attach == NULL;
	str_release(&name);
	return true;
}

/* 0 where the engine ended well, -EPROTO where it did not, or -errno. `out`: its stdout, or NULL.
 */
static int ask(const char *engine, const char *const *words, size_t n, struct str *out)
{
	struct child c = {
	        .out = out != NULL ? child_keep : NULL, .output_ctx = out, .timeout_ms = REMOVE_MS};
	struct arena arena;
	struct words w;
	int status, err;

	arena_init(&arena);
	w = (struct words){arena_array(&arena, char *, n + 2), 0, &arena};
	add(&w, engine);
	for (size_t i = 0; i < n; i++)
		add(&w, words[i]);
	c.argv = w.v;
	err = child_run(&c, &status);
	if (err == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		err = -EPROTO;
	arena_release(&arena);
	return err;
}

int container_remove(const char *engine, const char *const *names, size_t n)
{
	static const char *const podman[] = {"rm", "--force", "--ignore", "--time=0"};
	size_t own = engine_is_docker(engine) ? 2 : 4;
	const char **words;
	int err;

	words = xreallocarray(NULL, own + n, sizeof(*words));
	memcpy(words, podman, own * sizeof(*words));
	memcpy(words + own, names, n * sizeof(*words));
	err = ask(engine, words, own + n, NULL);
	free(words);
	return err;
}

int container_remove_tree(const char *engine, const char *path)
{
	const char *words[] = {"unshare", "rm", "-rf", "--", path};

	return engine_is_docker(engine) ? -EPERM : ask(engine, words, 5, NULL);
}

static void marker_path(struct str *path, const char *work)
{
	str_addf(path, "%s/" MARKER, work);
}

int containers_begin(const char *work)
{
	struct str path = STR_INIT;
	int fd, err = 0;

	marker_path(&path, work);
	fd = open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		err = -errno;
	else
		close(fd);
	str_release(&path);
	return err;
}

/* One look at the engine's list of those with our label, and their removal; *n is how many. */
static int reap(const char *engine, const char *work, size_t *n)
{
	struct str filter = STR_INIT, out = STR_INIT;
	const char *ps[] = {"ps", "--all", "--quiet", "--filter", NULL};
	VEC(const char *) ids = {0};
	int err;

	str_addf(&filter, "label=" LABEL "=%s", work);
	ps[4] = filter.p;
	err = ask(engine, ps, 5, &out);
	for (char *p = out.p; err == 0 && *p != '\0';) {
		char *end = strchrnul(p, '\n');
		bool last = *end == '\0';

		*end = '\0';
		if (*p != '\0')
			vec_push(&ids, p);
		p = last ? end : end + 1;
	}
	*n = ids.n;
	if (ids.n > 0)
		err = container_remove(engine, ids.v, ids.n);
	vec_release(&ids);
	str_release(&filter);
	str_release(&out);
	return err;
}

/* Until there is none: a runner that was told to remove its own may be about it, and in the way. */
static int reap_all(const char *engine, const char *work)
{
	int err = 0;
	size_t n = 1;

	for (int tries = 0; n > 0 && tries < REAP_TRIES; tries++) {
		if (err != 0)
			poll(NULL, 0, REAP_WAIT_MS);
		err = reap(engine, work, &n);
	}
	return n > 0 && err == 0 ? -EBUSY : err;
}

int containers_reap(const struct engine *engine, const char *work)
{
	struct str path = STR_INIT;
	int err = 0;

	marker_path(&path, work);
	if (access(path.p, F_OK) == 0) {
		err = engine->program.len > 0 ? reap_all(engine->program.p, work) : -ENOENT;
		if (err == 0 && unlink(path.p) != 0 && errno != ENOENT)
			err = -errno;
	}
	str_release(&path);
	return err;
}

/* A pull under way. */
struct pull {
	struct str line; /* the one that is being written */
	struct str last; /* the last whole one that was not blank */
	const char *image;
	void (*told)(void *ctx, const char *line);
	void *ctx;
};

static void end_line(struct pull *p)
{
	struct str said = STR_INIT;

	if (p->line.len == 0)
		return;
	str_reset(&p->last);
	str_adds(&p->last, p->line.p);
	str_reset(&p->line);
	str_addf(&said, "pulling %s: %s", p->image, p->last.p);
	p->told(p->ctx, said.p);
	str_release(&said);
}

static void take_output(void *ctx, const char *data, size_t n)
{
	struct pull *p = ctx;

	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n' || data[i] == '\r')
			end_line(p);
		else if ((unsigned char)data[i] >= ' ' && p->line.len < 500)
			str_addc(&p->line, data[i]);
	}
}

enum stage_result container_pull(struct stage *s, const char *engine, const char *image,
                                 void (*told)(void *ctx, const char *line), void *ctx,
                                 struct str *error)
{
	const char *inspect[] = {"image", "inspect", image};
	struct pull p = {STR_INIT, STR_INIT, image, told, ctx};
	struct arena arena;
	struct words w;
	struct child c = {.out = take_output,
	                  .err = take_output,
	                  .output_ctx = &p,
	                  .cancelled = s->cancelled,
	                  .cancel_ctx = s->cancel_ctx};
	enum stage_result r = STAGE_OK;
	int err, status;

	if (ask(engine, inspect, 3, NULL) == 0)
		return STAGE_OK;
	arena_init(&arena);
	w = (struct words){arena_array(&arena, char *, 4), 0, &arena};
	add(&w, engine);
	add(&w, "pull");
	add(&w, image);
	c.argv = w.v;
	take_output(&p, "started\n", 8);
	err = child_run(&c, &status);
	end_line(&p);
	if (err == -ECANCELED) {
		r = STAGE_CANCELLED;
	} else if (err != 0) {
		r = STAGE_NETWORK;
		str_addf(error, "cannot run %s: %s", engine, strerror(-err));
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		r = STAGE_NETWORK;
		str_addf(error, "cannot pull the image %s: %s", image, p.last.p);
	}
	arena_release(&arena);
	str_release(&p.line);
	str_release(&p.last);
	return r;
}
