#include "cli/program.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/linediff.h"
#include "cli/arguments.h"
#include "cli/io.h"
#include "runtime/local.h"
#include "runtime/session.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
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

const char program_alone[] = "scitq edit --alone changes the tasks without it";

const char *program_as_run(const struct drafts *drafts)
{
	return drafts != NULL
	               ? "it was changed, or an edit is not in it; scitq edit --alone changes the "
	                 "tasks without it"
	               : "--param, --set and --profile as the run had them; scitq edit --alone "
	                 "changes the tasks without it";
}

/* ---- what files are read as ---- */

static struct draft *find_draft(const struct drafts *drafts, const char *path)
{
	for (size_t i = 0; drafts != NULL && i < drafts->list.n; i++) {
		if (strcmp(drafts->list.v[i].path, path) == 0)
			return &drafts->list.v[i];
	}
	return NULL;
}

/* As compile_files.read; the context is the first member. */
static int read_text(void *context, const char *path, struct str *out)
{
	const struct program *p = context;
	char *real = realpath(path, NULL);
	const struct draft *draft = real != NULL ? find_draft(p->drafts, real) : NULL;
	bool changed = real != NULL && p->new_text.len > 0 && strcmp(real, p->text_path) == 0;
	int err = 0;

	if (changed)
		str_add(out, p->new_text.p, p->new_text.len);
	else if (draft != NULL)
		str_add(out, draft->is.p, draft->is.len);
	else
		err = compile_disk.read(compile_disk.context, path, out);
	free(real);
	return err;
}

/* ---- the compilation ---- */

/* An error is told; NULL then. */
static struct compilation *compile(struct program *p, struct call *c)
{
	struct compile_options options = p->options;
	struct compilation *compiled = NULL;
	struct str text = STR_INIT;
	int err = read_text(p, p->path, &text);

	if (err != 0) {
		call_fail(c, EXIT_CODE_USAGE, NULL, "%s: %s", p->path, strerror(-err));
	} else {
		options.text = text.p;
		options.text_len = text.len;
		options.files = &p->frozen.files;
		compiled = compile_file(&options);
		if (!compile_ok(compiled)) {
			io_diagnostics(compile_diagnostics(compiled), compile_sources(compiled));
			compile_release(compiled);
			compiled = NULL;
			c->code = EXIT_CODE_COMPILE;
		}
	}
	str_release(&text);
	return compiled;
}

static bool identify(struct program *p, struct call *c, const struct compilation *compiled,
                     struct identities *ids)
{
	struct str why = STR_INIT;
	bool ok = identities_compute(ids, compile_submission(compiled), &p->digests, &why) ||
	          call_fail(c, EXIT_CODE_COMPILE, program_as_run(p->drafts), "%s", why.p);

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
		return call_fail(c, EXIT_CODE_SERVER, program_alone,
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

/* Its number. False with the call's code set. */
static bool find_task(struct program *p, struct call *c, const char *name)
{
	const struct submission *s = program_before(p);
	struct arena arena;
	bool found = false;

	arena_init(&arena);
	for (uint32_t t = 0; !found && t < s->task_count; t++) {
		struct submission_task task = {0};

		arena_clear(&arena);
		s->task(s, t, &arena, &task);
		found = strcmp(task.row.name, name) == 0;
		p->task = t;
	}
	arena_release(&arena);
	for (size_t i = 0; !found && i < s->hook_count; i++) {
		if (strcmp(s->hooks[i].word, name) == 0)
			return call_fail(c, EXIT_CODE_USAGE, program_alone,
			                 "what runs when the workflow has ended is of no step");
	}
	return found || call_fail(c, EXIT_CODE_USAGE, program_as_run(p->drafts),
	                          "%s makes no task %s", p->path, name);
}

static bool find_text(struct program *p, struct call *c, const char *name)
{
	struct str why = STR_INIT;
	bool ok = compile_text_find(p->before, p->task, &p->place, &why) ||
	          call_fail(c, EXIT_CODE_USAGE, program_alone, "%s cannot be edited: %s", name,
	                    why.p);

	str_release(&why);
	if (!ok)
		return false;
	p->text_path = p->place.path != NULL ? realpath(p->place.path, NULL) : xstrdup(p->path);
	if (p->text_path == NULL)
		return call_fail(c, EXIT_CODE_USAGE, NULL, "%s: %s", p->place.path,
		                 strerror(errno));
	str_add(&p->old_text, compile_sources(p->before)->files[p->place.file].text,
	        compile_sources(p->before)->files[p->place.file].len);
	return true;
}

/* What other machines answer is what they did, where the run was compiled so. */
static bool open_lock(struct program *p, struct call *c)
{
	struct str error = STR_INIT;
	bool ok = lock_file_read(&p->lock, p->path, &error) ||
	          call_fail(c, EXIT_CODE_USAGE, NULL, "%s", error.p);

	frozen_init(&p->frozen, lock_file_answers(&p->lock));
	p->frozen.files.read = read_text;
	str_release(&error);
	return ok;
}

bool program_open(struct program *p, const struct drafts *drafts, struct call *c, const char *path,
                  const json_t *run, const char *task)
{
	*p = (struct program){.drafts = drafts,
	                      .lock = {.name = STR_INIT, .text = STR_INIT},
	                      .old_text = STR_INIT,
	                      .new_text = STR_INIT};
	arena_init(&p->arena);
	p->path = realpath(path, NULL);
	if (p->path == NULL)
		return call_fail(c, EXIT_CODE_USAGE, NULL, "%s: %s", path, strerror(errno));
	if (!choose_arguments(p, c, run) || !open_lock(p, c))
		return false;
	p->before = compile(p, c);
	if (p->before == NULL)
		return call_fail(c, c->code, program_as_run(p->drafts), "%s cannot be compiled",
		                 path);
	return find_task(p, c, task) && find_text(p, c, task) && open_digests(p, c) &&
	       identify(p, c, p->before, &p->ids_before);
}

/*
 * What a text says changes no number of tasks, and a list is what it was typed as: what follows it
 * is no part of it, and might be anything.
 */
static bool fits(struct program *p)
{
	struct compile_text now;
	struct str why = STR_INIT;
	bool ok = program_after(p)->task_count == program_before(p)->task_count &&
	          compile_text_find(p->after, p->task, &now, &why) && now.list == p->place.list &&
	          (!now.list || (now.start == p->place.start &&
	                         now.end - now.start + p->old_text.len ==
	                                 p->place.end - p->place.start + p->new_text.len));

	str_release(&why);
	return ok;
}

bool program_change(struct program *p, struct call *c, const struct str *text)
{
	const char *begin = text->p;
	size_t len = text->len;

	if (p->after != NULL)
		compile_release(p->after);
	identities_release(&p->ids_after);
	if (p->place.list) {
		while (len > 0 && strchr(" \t\r\n", begin[len - 1]) != NULL)
			len--;
		for (; len > 0 && strchr(" \t\r\n", *begin) != NULL; len--)
			begin++;
	}
	str_reset(&p->new_text);
	compile_text_replace(p->before, &p->place, begin, len, &p->new_text);
	p->after = compile(p, c);
	if (p->after != NULL && !fits(p)) {
		compile_release(p->after);
		p->after = NULL;
		call_fail(c, EXIT_CODE_COMPILE, NULL,
		          p->place.list ? "what was written is more than a list"
		                        : "the file has other tasks so");
	}
	if (p->after == NULL && p->place.list)
		fputs("  help: the step has `exec`: its text is a list of words, such as "
		      "[\"cp\", \"$INPUT/a\", \"$OUTPUT/b\"], and nothing behind it\n",
		      stderr);
	if (p->after == NULL || !identify(p, c, p->after, &p->ids_after))
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
	frozen_release(&p->frozen);
	lock_file_release(&p->lock);
	free(p->path);
	free(p->text_path);
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

bool program_shares(struct program *p, uint32_t i)
{
	return compile_text_has(p->before, i, &p->place);
}

/* ---- what came of it ---- */

/* As seen from the directory that holds both it and the .scitq file. */
static void add_patch(const char *scitq, const char *path, const struct str *was,
                      const struct str *is, struct str *out)
{
	struct str from = STR_INIT, to = STR_INIT;
	size_t begin = 0;

	for (size_t i = 0; path[i] != '\0' && path[i] == scitq[i]; i++) {
		if (path[i] == '/')
			begin = i + 1;
	}
	/* One file: the loop has ended behind its last slash. */
	str_addf(&from, "a/%s", path + begin);
	str_addf(&to, "b/%s", path + begin);
	linediff(was, is, from.p, to.p, out);
	str_release(&from);
	str_release(&to);
}

void program_patch(const struct program *p, struct str *out)
{
	add_patch(p->path, p->text_path, &p->old_text, &p->new_text, out);
}

static bool write_file(const char *path, const struct str *was, const struct str *is,
                       struct call *c)
{
	struct str now = STR_INIT;
	struct stat st;
	int err = stat(path, &st) != 0 ? -errno : file_read(path, &now);
	bool same = now.len == was->len && memcmp(now.p, was->p, now.len) == 0;

	if (err == 0 && same)
		err = file_replace(path, is->p, is->len, st.st_mode & 07777);
	if (err != 0)
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", path, strerror(-err));
	else if (!same)
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, "apply the patch that was printed",
		          "%s was changed meanwhile, and is left as it is", path);
	str_release(&now);
	return err == 0 && same;
}

bool program_write(const struct program *p, struct call *c)
{
	return write_file(p->text_path, &p->old_text, &p->new_text, c);
}

void program_tell_written(const char *path, bool module)
{
	fprintf(stderr, "%s is changed%s\n", path, module ? ", for all that import it" : "");
}

/* ---- drafts ---- */

void drafts_keep(struct drafts *drafts, const struct program *p)
{
	struct draft *d = find_draft(drafts, p->text_path);

	if (d == NULL) {
		vec_push(&drafts->list,
		         ((struct draft){
		                 .path = xstrdup(p->text_path), .was = STR_INIT, .is = STR_INIT}));
		d = &drafts->list.v[drafts->list.n - 1];
		str_add(&d->was, p->old_text.p, p->old_text.len);
	}
	str_reset(&d->is);
	str_add(&d->is, p->new_text.p, p->new_text.len);
}

void drafts_release(struct drafts *drafts)
{
	for (size_t i = 0; i < drafts->list.n; i++) {
		free(drafts->list.v[i].path);
		str_release(&drafts->list.v[i].was);
		str_release(&drafts->list.v[i].is);
	}
	vec_release(&drafts->list);
}

void drafts_patch(const struct drafts *drafts, const char *path, struct str *out)
{
	for (size_t i = 0; i < drafts->list.n; i++) {
		const struct draft *d = &drafts->list.v[i];

		add_patch(path, d->path, &d->was, &d->is, out);
	}
}

bool draft_write(const struct draft *d, struct call *c)
{
	return write_file(d->path, &d->was, &d->is, c);
}
