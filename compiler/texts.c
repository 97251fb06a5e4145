/* The text that a task has in its file, of `run` or the list of `exec`, and that file with another
 * one. */
#include "compiler/compilation.h"
#include "compiler/task.h"

#include <string.h>

/* The name of a setting as it is written. */
static bool is_written(const struct compilation *c, const struct setting *set)
{
	const char *key = setting_key_text(set->key);
	const struct source *file = &c->sources.files[set->key_span.file];
	size_t n = set->key_span.end - set->key_span.start;

	return strlen(key) == n && memcmp(file->text + set->key_span.start, key, n) == 0;
}

static uint32_t line_start(const struct source *file, uint32_t at)
{
	while (at > 0 && file->text[at - 1] != '\n')
		at--;
	return at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What the line of a place begins with. */
static size_t add_blanks(const struct source *file, uint32_t at, struct str *out)
{
	size_t before = out->len;

	for (at = line_start(file, at); is_blank(file->text[at]); at++)
		str_addc(out, file->text[at]);
	return out->len - before;
}

/* What its further lines have in common with the line on which the list begins; "": not all do. */
static void add_list_indentation(const struct source *file, const struct setting *exec,
                                 struct str *out)
{
	const struct span span = exec->expr->span;
	size_t n = add_blanks(file, exec->key_span.start, out);

	for (uint32_t at = span.start; at < span.end; at++) {
		const char *line = file->text + at + 1;

		if (file->text[at] == '\n' && *line != '\n' && *line != '\r' &&
		    (span.end - at - 1 < n || memcmp(line, out->p, n) != 0)) {
			str_reset(out);
			return;
		}
	}
}

static void find_list(struct compilation *c, const struct setting *exec, struct compile_text *out)
{
	const struct span span = exec->expr->span;
	const struct source *file = &c->sources.files[span.file];
	struct str indentation = STR_INIT, text = STR_INIT;

	add_list_indentation(file, exec, &indentation);
	for (uint32_t at = span.start; at < span.end; at++) {
		str_addc(&text, file->text[at]);
		if (file->text[at] == '\n' && file->text[at + 1] != '\n' &&
		    file->text[at + 1] != '\r')
			at += (uint32_t)indentation.len;
	}
	str_addc(&text, '\n');
	*out = (struct compile_text){
	        .file = span.file,
	        .first_line = source_position(&c->sources, span.file, exec->key_span.start).line,
	        .text = arena_strndup(&c->arena, text.p, text.len),
	        .len = text.len,
	        .list = true,
	        .start = span.start,
	        .end = span.end,
	        .place = exec};
	str_release(&indentation);
	str_release(&text);
}

static const char *path_of(const struct compilation *c, uint32_t file)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		if (c->program.modules.v[i]->file == file)
			return c->program.modules.v[i]->path;
	}
	return NULL;
}

/* The `run` or `exec` of a task; NULL with a clause where the compiler made its command. */
static const struct setting *find_setting(struct compilation *c, uint32_t task, struct str *why)
{
	const bool removes = task >= c->submission->first_removal;
	const struct setting *run, *exec;
	const struct step *step;
	uint32_t tuple;

	if (removes)
		task = c->plan.removals.v[task - c->submission->first_removal].task;
	step = plan_step(c, task, &tuple);
	if (removes) {
		str_addf(why, "it deletes what %s wrote, and has no text in the file",
		         step->symbol->name);
		return NULL;
	}
	env_forget(&c->env);
	task_enter(&c->env, step, tuple);
	run = task_own_setting(&c->env, step, KEY_run);
	exec = task_own_setting(&c->env, step, KEY_exec);
	if (run == NULL && !is_written(c, exec)) {
		str_addf(why, "it copies to where `publish` says, and has no text in the file");
		return NULL;
	}
	return run != NULL ? run : exec;
}

bool compile_text_find(struct compilation *c, uint32_t task, struct compile_text *out,
                       struct str *why)
{
	const struct setting *set = find_setting(c, task, why);

	if (set == NULL)
		return false;
	if (set->key == KEY_run)
		*out = (struct compile_text){.file = set->script->run->keyword.file,
		                             .first_line = set->script->run->first_line,
		                             .text = set->script->run->text,
		                             .len = set->script->run->len,
		                             .start = set->script->run->span.start,
		                             .end = set->script->run->span.end,
		                             .place = set};
	else
		find_list(c, set, out);
	out->path = path_of(c, out->file);
	return true;
}

bool compile_text_has(struct compilation *c, uint32_t task, const struct compile_text *at)
{
	struct str why = STR_INIT;
	const struct setting *set = find_setting(c, task, &why);
	const char *path;
	struct span span;

	str_release(&why);
	if (set == NULL || (set->key == KEY_run) == at->list)
		return false;
	span = set->key == KEY_run ? set->script->run->span : set->expr->span;
	path = path_of(c, span.file);
	return span.start == at->start &&
	       (span.file == at->file ||
	        (path != NULL && at->path != NULL && strcmp(path, at->path) == 0));
}

/* What stands before the lines of the text: those of the place where one has something on it. */
static void add_indentation(const struct source *file, const struct run_text *run, struct str *out)
{
	for (size_t i = 0; !run->one_line && i < run->nlines; i++) {
		uint32_t at = run->lines[i].source;

		if (file->text[at] != '\0' && file->text[at] != '\n' && file->text[at] != '\r') {
			uint32_t start = line_start(file, at);

			str_add(out, file->text + start, at - start);
			return;
		}
	}
	/* Deeper than `run`, in the manner of its line. */
	add_blanks(file, run->keyword.start, out);
	str_adds(out, out->len > 0 && out->p[out->len - 1] == '\t' ? "\t" : "  ");
}

static void add_lines(const char *text, size_t len, const char *indentation, struct str *out)
{
	for (size_t at = 0; at < len; at++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - text) - at : len - at;

		if (at > 0)
			str_addc(out, '\n');
		if (n > 0)
			str_adds(out, indentation);
		str_add(out, text + at, n);
		at += n;
	}
}

static void replace_run(const struct source *file, const struct run_text *run, const char *text,
                        size_t len, struct str *out)
{
	uint32_t from = run->span.start;
	struct str indentation = STR_INIT;

	add_indentation(file, run, &indentation);
	if (run->one_line && memchr(text, '\n', len) == NULL) {
		str_add(out, file->text, from);
		str_add(out, text, len);
	} else {
		if (run->one_line) {
			while (from > 0 && is_blank(file->text[from - 1]))
				from--;
		} else {
			from = line_start(file, from);
		}
		str_add(out, file->text, from);
		str_adds(out, run->one_line ? "\n" : "");
		add_lines(text, len, indentation.p, out);
	}
	str_add(out, file->text + run->span.end, file->len - run->span.end);
	str_release(&indentation);
}

static void replace_list(const struct source *file, const struct setting *exec, const char *text,
                         size_t len, struct str *out)
{
	const struct span span = exec->expr->span;
	const char *end = memchr(text, '\n', len);
	size_t n = end != NULL ? (size_t)(end - text) + 1 : len;
	struct str indentation = STR_INIT;

	add_list_indentation(file, exec, &indentation);
	str_add(out, file->text, span.start);
	/* The first line goes on behind `exec =`. */
	str_add(out, text, n);
	add_lines(text + n, len - n, indentation.len > 0 ? indentation.p : "", out);
	str_add(out, file->text + span.end, file->len - span.end);
	str_release(&indentation);
}

void compile_text_replace(const struct compilation *c, const struct compile_text *at,
                          const char *text, size_t len, struct str *out)
{
	const struct setting *set = at->place;
	const struct source *file = &c->sources.files[at->file];

	/* The last line break is the file's. */
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (at->list)
		replace_list(file, set, text, len, out);
	else
		replace_run(file, set->script->run, text, len, out);
}
