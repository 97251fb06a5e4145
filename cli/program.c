#include "cli/program.h"

#include "base/fd.h"
#include "base/linediff.h"
#include "cli/arguments.h"
#include "cli/io.h"
#include "runtime/local.h"
#include "runtime/session.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* NAME=VALUE of every such option, cut in place. False with the call's code set. */
static bool read_pairs(struct program *p, struct call *c)
{
	for (size_t i = 0; i < c->command->given.n; i++) {
		const struct command_given *g = &c->command->given.v[i];
		bool param = strcmp(g->option->name, "param") == 0;
		/* Ours to cut: a word of the command line. */
		char *equals = strchr((char *)(uintptr_t)g->value, '=');
		struct compile_param pair;

		if (!param && strcmp(g->option->name, "set") != 0)
			continue;
		if (equals == NULL || equals == g->value)
			return call_fail(c, EXIT_CODE_USAGE, NULL, "--%s is '%s', not %s",
			                 g->option->name, g->value, g->option->argument);
		*equals = '\0';
		pair = (struct compile_param){g->value, equals + 1};
		if (param)
			vec_push(&p->params, pair);
		else
			vec_push(&p->sets, pair);
	}
	return true;
}

static const char as_the_run[] =
        "--param, --set and --profile as the run had them; --alone changes the tasks without it";

/* An error is told; NULL then. */
static struct compilation *compile(struct program *p, struct call *c, const struct str *text)
{
	struct compile_options options = p->options;
	struct compilation *compiled;

	options.text = text->p;
	options.text_len = text->len;
	compiled = compile_file(&options);
	if (compile_ok(compiled))
		return compiled;
	io_diagnostics(compile_diagnostics(compiled), compile_sources(compiled));
	compile_release(compiled);
	c->code = EXIT_CODE_COMPILE;
	return NULL;
}

static bool identify(struct program *p, struct call *c, const struct compilation *compiled,
                     struct identities *ids)
{
	struct str why = STR_INIT;
	bool ok = identities_compute(ids, compile_submission(compiled), &p->digests, &why) ||
	          call_fail(c, EXIT_CODE_COMPILE, as_the_run, "%s", why.p);

	str_release(&why);
	return ok;
}

/* Digests of inputs are remembered where scitq-run does that. */
static bool open_digests(struct program *p, struct call *c)
{
	const char *state = command_value(c->command, "state");
	struct str path = STR_INIT, error = STR_INIT;
	struct local local;
	bool ok = local_init(&local, state != NULL ? state : getenv("SCITQ_STATE"), &error);

	if (ok) {
		str_addf(&path, "%s/digests", local.state);
		digests_open(&p->digests, path.p);
		local_release(&local);
		p->open = true;
	} else {
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s", error.p);
	}
	str_release(&path);
	str_release(&error);
	return ok;
}

static bool choose_arguments(struct program *p, struct call *c, const json_t *run)
{
	const char *profile = command_value(c->command, "profile");
	const char *arguments = json_string_value(json_object_get(run, "arguments"));

	p->options = (struct compile_options){
	        .path = p->path, .name = json_string_value(json_object_get(run, "name"))};
	if (!read_pairs(p, c))
		return false;
	/* Also where what is given says where relative paths begin. */
	if (arguments != NULL && !arguments_read(arguments, &p->arena, &p->options))
		return call_fail(c, EXIT_CODE_SERVER, "--alone changes the tasks without it",
		                 "the arguments of the run cannot be read");
	if (p->params.n + p->sets.n == 0 && profile == NULL)
		return true;
	p->options.params = p->params.v;
	p->options.nparams = p->params.n;
	p->options.sets = p->sets.v;
	p->options.nsets = p->sets.n;
	p->options.profile = profile;
	return true;
}

bool program_open(struct program *p, struct call *c, const char *path, const json_t *run,
                  const char *source)
{
	*p = (struct program){
	        .path = realpath(path, NULL), .old_text = STR_INIT, .new_text = STR_INIT};
	arena_init(&p->arena);
	if (p->path == NULL)
		return call_fail(c, EXIT_CODE_USAGE, NULL, "%s: %s", path, strerror(errno));
	if (!choose_arguments(p, c, run))
		return false;
	if (!io_read(p->path, &p->old_text)) {
		c->code = EXIT_CODE_USAGE;
		return false;
	}
	p->before = compile(p, c, &p->old_text);
	if (p->before == NULL)
		return call_fail(c, c->code, as_the_run, "%s cannot be compiled", path);
	if (!compile_text_find(p->before, source, &p->place))
		return call_fail(c, EXIT_CODE_USAGE, "--alone changes the tasks without it",
		                 "no `run` begins at %s any more, or it is an `exec`", source);
	if (p->place.file != 0)
		return call_fail(c, EXIT_CODE_USAGE,
		                 "change it there; --alone changes the tasks without it",
		                 "the text stands in the module %s", source);
	return open_digests(p, c) && identify(p, c, p->before, &p->ids_before);
}

bool program_change(struct program *p, struct call *c, const struct str *text)
{
	str_reset(&p->new_text);
	compile_text_replace(p->before, &p->place, text->p, text->len, &p->new_text);
	p->after = compile(p, c, &p->new_text);
	if (p->after == NULL)
		return false;
	/* What a text says changes no number of tasks. */
	if (program_after(p)->task_count != program_before(p)->task_count) {
		compile_release(p->after);
		p->after = NULL;
		return call_fail(c, EXIT_CODE_COMPILE, NULL, "the file has other tasks so");
	}
	if (!identify(p, c, p->after, &p->ids_after))
		return false;
	identities_plan_digest(&p->ids_after, p->digest);
	return true;
}

void program_close(struct program *p)
{
	identities_release(&p->ids_before);
	identities_release(&p->ids_after);
	/* What is not remembered is computed again. */
	if (p->open)
		(void)digests_close(&p->digests);
	if (p->before != NULL)
		compile_release(p->before);
	if (p->after != NULL)
		compile_release(p->after);
	arena_release(&p->arena);
	free(p->path);
	vec_release(&p->params);
	vec_release(&p->sets);
	str_release(&p->old_text);
	str_release(&p->new_text);
}

const struct submission *program_before(const struct program *p)
{
	return compile_submission(p->before);
}

const struct submission *program_after(const struct program *p)
{
	return compile_submission(p->after);
}

void program_patch(const struct program *p, struct str *out)
{
	const char *slash = strrchr(p->path, '/'), *name = slash != NULL ? slash + 1 : p->path;
	struct str was = STR_INIT, is = STR_INIT;

	str_addf(&was, "a/%s", name);
	str_addf(&is, "b/%s", name);
	linediff(&p->old_text, &p->new_text, was.p, is.p, out);
	str_release(&was);
	str_release(&is);
}

bool program_write(const struct program *p, struct call *c)
{
	struct str now = STR_INIT;
	struct stat st;
	int err = stat(p->path, &st) != 0 ? -errno : file_read(p->path, &now);
	bool same = now.len == p->old_text.len && memcmp(now.p, p->old_text.p, now.len) == 0;

	if (err == 0 && same)
		err = file_replace(p->path, p->new_text.p, p->new_text.len, st.st_mode & 07777);
	if (err != 0)
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", p->path, strerror(-err));
	else if (!same)
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, "apply the patch that was printed",
		          "%s was changed meanwhile, and is left as it is", p->path);
	str_release(&now);
	return err == 0 && same;
}
