#include "compiler/command.h"

#include "compiler/eval.h"
#include "compiler/shellpath.h"
#include "compiler/task.h"

#include <string.h>

/* A name that enters the text, with its value for this task. */
struct binding_value {
	const char *name;
	struct value value;
};

struct writer {
	struct env *env;
	const struct step *step;
	const struct setting *run, *exec;
	VEC(struct binding_value) bound;
};

static bool add_bound(struct writer *w, const char *name, struct value v)
{
	if (v.kind == VALUE_BAD)
		return false;
	for (size_t i = 0; i < w->bound.n; i++) {
		if (strcmp(w->bound.v[i].name, name) == 0)
			return true;
	}
	vec_push(&w->bound, ((struct binding_value){name, v}));
	return true;
}

/* `bind` first, in its order, then what the text names, in the order of its first use. */
static bool collect_bound(struct writer *w)
{
	const struct setting *bind = task_own_setting(w->env, w->step, KEY_bind);
	const struct script *script = w->run->script;

	for (size_t i = 0; bind != NULL && i < bind->nentries; i++) {
		const struct entry *e = &bind->entries[i];

		if (!add_bound(w, e->name, eval(w->env, e->node)))
			return false;
	}
	for (size_t i = 0; i < script->nbound; i++) {
		const struct bound *b = &script->bound[i];

		if (!add_bound(w, b->name, bound_symbol_value(w->env, b->symbol)))
			return false;
	}
	return true;
}

/* In single quotes always, so that the reader of a command sees where a value ends. */
static void add_quoted(struct str *out, const struct value *v, struct arena *arena)
{
	const char *text = value_to_text(v, arena);

	str_addc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			str_adds(out, "'\\''");
		else
			str_addc(out, *text);
	}
	str_addc(out, '\'');
}

static void add_assignment(struct writer *w, struct str *out, const struct binding_value *b)
{
	if (b->value.kind != VALUE_LIST) {
		str_addf(out, "export %s=", b->name);
		add_quoted(out, &b->value, w->env->arena);
		return;
	}
	/* An array cannot be exported. */
	str_addf(out, "%s=(", b->name);
	for (size_t i = 0; i < b->value.list->n; i++) {
		struct value item = list_at(b->value.list, i);

		if (i > 0)
			str_addc(out, ' ');
		add_quoted(out, &item, w->env->arena);
	}
	str_addc(out, ')');
}

static size_t count_lines(const struct str *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->len; i++)
		n += s->p[i] == '\n';
	return n;
}

/*
 * The assignments, on one line unless a value has several, so that the text's
 * lines keep their distance. Under bash a trap writes the line of a failing
 * command as the .scitq file counts: LINENO where the trap is set is taken off
 * again, since versions of bash do not agree on the first line of -c.
 */
static void write_prologue(struct writer *w, struct str *out)
{
	const struct script *script = w->run->script;
	struct str values = STR_INIT;

	for (size_t i = 0; i < w->bound.n; i++) {
		if (i > 0)
			str_adds(&values, "; ");
		add_assignment(w, &values, &w->bound.v[i]);
	}
	if (script->kind == SHELL_BASH) {
		/* The text begins 1 + count_lines lines below the trap. */
		str_addf(out,
		         "set -E; trap \"echo \\$((LINENO + $((%ld - LINENO)))) > "
		         "\\\"\\${SCITQ_LINE:-/dev/null}\\\"\" ERR%s",
		         (long)script->run->first_line - 1 - (long)count_lines(&values),
		         w->bound.n > 0 ? "; " : "\n");
	}
	str_add(out, values.p, values.len);
	if (w->bound.n > 0)
		str_addc(out, '\n');
	str_release(&values);
}

/* What the result depends on, and not the place in the file. */
static const char *run_identity(struct writer *w)
{
	const struct script *script = w->run->script;
	struct str s = STR_INIT;
	const char *text;

	for (size_t i = 0; i < script->nwords; i++)
		str_addf(&s, "%s%s", i ? " " : "", script->words[i]);
	str_addc(&s, '\n');
	for (size_t i = 0; i < w->bound.n; i++) {
		add_assignment(w, &s, &w->bound.v[i]);
		str_addc(&s, '\n');
	}
	str_add(&s, script->run->text, script->run->len);
	text = arena_strndup(w->env->arena, s.p, s.len);
	str_release(&s);
	return text;
}

static const char *keep(struct writer *w, struct str *s)
{
	const char *text = arena_strndup(w->env->arena, s->p, s->len);

	str_release(s);
	return text;
}

static void shell_run(struct writer *w, struct command *cmd)
{
	const struct script *script = w->run->script;
	struct str text = STR_INIT, line = STR_INIT;

	write_prologue(w, &text);
	str_add(&text, script->run->text, script->run->len);
	/* The last line break belongs to the file, not to the command. */
	while (text.len > 0 && text.p[text.len - 1] == '\n')
		text.p[--text.len] = '\0';
	for (size_t i = 0; i < script->nwords; i++) {
		str_adds(&line, i ? " " : "");
		str_add_shell_quoted(&line, script->words[i]);
	}
	str_adds(&line, script->kind == SHELL_BASH ? " -euo pipefail" : " -eu");
	if (text.len > TEXT_LIMIT) {
		str_addc(&text, '\n');
		cmd->script = keep(w, &text);
	} else {
		str_adds(&line, " -c ");
		str_add_shell_quoted(&line, text.p);
		str_release(&text);
	}
	cmd->line = keep(w, &line);
}

/* Another interpreter: values come through its environment, the text as a file. */
static bool other_run(struct writer *w, struct command *cmd)
{
	const struct script *script = w->run->script;
	struct compilation *c = w->env->c;
	struct str line = STR_INIT;

	if (w->bound.n > 0)
		str_adds(&line, "env ");
	for (size_t i = 0; i < w->bound.n; i++) {
		const struct binding_value *b = &w->bound.v[i];
		struct str word = STR_INIT;
		struct diag *d;

		if (b->value.kind == VALUE_LIST) {
			d = report(c, E0403, w->run->key_span,
			           "`%s` is a list, which %s does not have", b->name,
			           script->words[0]);
			label(c, d, "a list");
			str_release(&line);
			return false;
		}
		str_addf(&word, "%s=", b->name);
		value_print(&b->value, &word);
		str_add_shell_quoted(&line, word.p);
		str_addc(&line, ' ');
		str_release(&word);
	}
	for (size_t i = 0; i < script->nwords; i++) {
		str_adds(&line, i ? " " : "");
		str_add_shell_quoted(&line, script->words[i]);
	}
	cmd->line = keep(w, &line);
	cmd->script = script->run->text;
	return true;
}

static bool make_run(struct writer *w, struct command *cmd)
{
	const struct script *script = w->run->script;
	struct compilation *c = w->env->c;
	struct diag *d;

	if (!collect_bound(w))
		return false;
	for (size_t i = 0; i < w->bound.n && script->kind == SHELL_SH; i++) {
		if (w->bound.v[i].value.kind != VALUE_LIST)
			continue;
		d = report(c, E0403, w->run->key_span, "`%s` is a list, which sh does not have",
		           w->bound.v[i].name);
		label(c, d, "a list");
		help(c, d, "use `shell = bash`");
		return false;
	}
	cmd->identity = run_identity(w);
	/* Of the first line of the text, which stands below `run` where it has several. */
	cmd->source = arena_printf(w->env->arena, "%s:%u",
	                           c->sources.files[script->run->keyword.file].name,
	                           script->run->first_line);
	if (script->kind == SHELL_OTHER)
		return other_run(w, cmd);
	shell_run(w, cmd);
	return true;
}

/* ---- exec ---- */

/* Where a container has what the variable names; NULL: only the environment knows. */
static const char *container_place(const char *name, size_t n)
{
	static const struct {
		const char *name, *place;
	} places[] = {{"INPUT", "/input"}, {"OUTPUT", "/output"}, {"RESOURCE", "/resource"}};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (strlen(places[i].name) == n && memcmp(places[i].name, name, n) == 0)
			return places[i].place;
	}
	return NULL;
}

/*
 * A word of exec. Task variables are marked \001NAME\002 (check_expr.c): those that
 * name a place of the container are put in, for others the word needs a shell.
 * `shell` selects that form: double-quoted, with $NAME.
 */
static bool add_word(struct str *out, const char *text, bool container, bool shell)
{
	struct str plain = STR_INIT;
	bool done = true;

	if (shell)
		str_addc(out, '"');
	while (*text != '\0') {
		size_t n = strcspn(text, "\002");

		if (*text != '\001' || text[n] == '\0') {
			if (shell && strchr("\"\\$`", *text) != NULL)
				str_addc(out, '\\');
			str_addc(shell ? out : &plain, *text++);
			continue;
		}
		if (shell)
			str_addf(out, "${%.*s}", (int)n - 1, text + 1);
		else if (container && container_place(text + 1, n - 1) != NULL)
			str_adds(&plain, container_place(text + 1, n - 1));
		else
			done = false;
		text += n + 1;
	}
	if (shell)
		str_addc(out, '"');
	else
		str_add_shell_quoted(out, plain.p);
	str_release(&plain);
	return done;
}

static bool add_words(struct writer *w, const struct list *list, bool container, bool shell,
                      struct str *out)
{
	bool done = true;

	for (size_t i = 0; i < list->n; i++) {
		struct value v = list_at(list, i);

		if (i > 0)
			str_addc(out, ' ');
		done &= add_word(out, value_to_text(&v, w->env->arena), container, shell);
	}
	return done;
}

static bool make_exec(struct writer *w, struct command *cmd)
{
	struct compilation *c = w->env->c;
	struct value argv = eval(w->env, w->exec->node);
	struct value container = task_value(w->env, w->step, KEY_container);
	struct str line = STR_INIT, shell = STR_INIT, identity = STR_INIT;
	struct diag *d;

	if (argv.kind == VALUE_BAD || container.kind == VALUE_BAD)
		return false;
	if (argv.kind != VALUE_LIST || argv.list->n == 0) {
		d = report(c, E0301, w->exec->expr->span, "`exec` is a list of words");
		label(c, d, "is %s",
		      argv.kind == VALUE_LIST ? "an empty list"
		                              : value_kind_text((enum value_kind)argv.kind));
		return false;
	}
	str_adds(&identity, "exec\n");
	add_words(w, argv.list, false, true, &identity);
	if (!add_words(w, argv.list, container.kind != VALUE_NONE, false, &line)) {
		/* Nothing expands a variable but a shell, which then steps aside. */
		str_adds(&shell, "exec ");
		add_words(w, argv.list, false, true, &shell);
		str_reset(&line);
		str_adds(&line, "sh -eu -c ");
		str_add_shell_quoted(&line, shell.p);
	}
	str_release(&shell);
	cmd->line = keep(w, &line);
	cmd->identity = keep(w, &identity);
	cmd->source = place_text(c, w->exec->key_span, w->env->arena);
	return true;
}

bool command_make(struct env *env, const struct step *step, struct command *cmd)
{
	struct writer w = {.env = env, .step = step};
	const struct setting *epoch;
	bool ok;

	memset(cmd, 0, sizeof(*cmd));
	w.run = task_own_setting(env, step, KEY_run);
	w.exec = task_own_setting(env, step, KEY_exec);
	ok = w.run != NULL ? make_run(&w, cmd) : w.exec != NULL && make_exec(&w, cmd);
	vec_release(&w.bound);
	epoch = task_own_setting(env, step, KEY_epoch);
	if (ok && epoch != NULL) {
		struct value v = task_value(env, step, KEY_epoch);

		if (v.kind == VALUE_BAD)
			return false;
		if (v.kind == VALUE_INT && v.integer != 0)
			cmd->identity = arena_printf(env->arena, "epoch %lld\n%s",
			                             (long long)v.integer, cmd->identity);
	}
	return ok;
}
