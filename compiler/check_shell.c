/*
 * What the command of a step says against its settings: exactly one command, no
 * paths of a container without one, no lists for a shell that has none, pipes
 * whose failures nobody sees. `$INPUT/x` against what comes in is plan's part.
 */
#include "compiler/check.h"
#include "compiler/recruit.h"

#include <string.h>

static bool without_guard(const struct setting *set)
{
	for (; set != NULL; set = set->next) {
		if (set->guard == NULL)
			return true;
	}
	return false;
}

static void check_one_command(struct checker *k, const struct step *step)
{
	const struct setting *run = step->settings.first[KEY_run];
	const struct setting *exec = step->settings.first[KEY_exec];
	struct diag *d;

	if (run == NULL && exec == NULL) {
		d = report(k->c, E0407, step->stmt->head, "step `%s` runs nothing",
		           step->symbol->name);
		label(k->c, d, "neither `run` nor `exec`");
		help(k->c, d, "add `run | COMMAND`");
	} else if (without_guard(run) && without_guard(exec)) {
		d = report(k->c, E0408, exec->key_span, "step `%s` has two commands",
		           step->symbol->name);
		label(k->c, d, "one");
		relate(k->c, d, run->key_span, "and another");
		help(k->c, d, "keep `run` or `exec`");
	}
}

static struct span text_span(const struct script *s, size_t offset, size_t len)
{
	return run_source_span(s->run, offset, len);
}

/* bash has arrays, nothing else that we start does. */
static void check_lists(struct checker *k, const struct step *step, const struct script *s)
{
	const char *what = s->kind == SHELL_SH ? "sh" : s->words[0];
	const char *help_text = s->kind == SHELL_SH
	                                ? "use `shell = bash`, or bind single values"
	                                : "bind single values, or one text with all of them";
	struct diag *d;

	if (s->kind == SHELL_BASH)
		return;
	for (size_t i = 0; i < s->nbound; i++) {
		const struct symbol *sym = s->bound[i].symbol;

		if (sym->type->kind != VTYPE_LIST)
			continue;
		d = report(k->c, E0403, s->bound[i].span, "`%s` is a list, which %s does not have",
		           sym->name, what);
		label(k->c, d, "a list");
		relate(k->c, d, sym->span, "declared here");
		help(k->c, d, "%s", help_text);
	}
	for (const struct setting *set = step->settings.first[KEY_bind]; set; set = set->next) {
		for (size_t i = 0; i < set->nentries; i++) {
			const struct entry *e = &set->entries[i];

			if (e->node == NULL || e->node->type->kind != VTYPE_LIST)
				continue;
			d = report(k->c, E0403, e->span, "`%s` is a list, which %s does not have",
			           e->name, what);
			label(k->c, d, "a list");
			help(k->c, d, "%s", help_text);
		}
	}
}

static void check_paths(struct checker *k, const struct step *step, const struct script *s)
{
	static const char *const roots[SHELL_ROOTS] = {
	        [SHELL_INPUT] = "INPUT",
	        [SHELL_OUTPUT] = "OUTPUT",
	        [SHELL_RESOURCE] = "RESOURCE",
	        [SHELL_TEMP] = "TEMP",
	};
	struct diag *d;

	if (step_setting(k->c, step, KEY_container) != NULL ||
	    step->settings.first[KEY_container] != NULL)
		return;
	for (size_t i = 0; i < s->scan.npaths; i++) {
		const struct shell_path *p = &s->scan.paths[i];

		if (!p->absolute || p->root == SHELL_TEMP)
			continue;
		d = report(k->c, E0405, text_span(s, p->offset, p->length),
		           "this path is that of a container, and `%s` has none",
		           step->symbol->name);
		label(k->c, d, "not there");
		help(k->c, d, "write `\"$%s%s%s\"`, which is right with and without a container",
		     roots[p->root], p->text[0] ? "/" : "", p->text);
	}
}

/* exec = ["cat", "/input/x"] without a container. */
static void check_exec_paths(struct checker *k, const struct step *step)
{
	static const struct {
		const char *place, *variable;
	} roots[] = {{"/input", "INPUT"}, {"/output", "OUTPUT"}, {"/resource", "RESOURCE"}};
	const struct setting *set = step->settings.first[KEY_exec];
	struct value argv;

	if (set == NULL || set->node->kind != NODE_CONST ||
	    step_setting(k->c, step, KEY_container) != NULL ||
	    step->settings.first[KEY_container] != NULL)
		return;
	argv = set->node->value;
	for (size_t i = 0; argv.kind == VALUE_LIST && i < argv.list->n; i++) {
		struct value word = list_at(argv.list, i);

		for (size_t r = 0; r < sizeof(roots) / sizeof(*roots); r++) {
			size_t n = strlen(roots[r].place);
			struct diag *d;

			if (!value_is_text(&word) || strncmp(word.text, roots[r].place, n) != 0 ||
			    (word.text[n] != '/' && word.text[n] != '\0'))
				continue;
			d = report(k->c, E0405, set->expr->span,
			           "`%s` is a path of a container, and `%s` has none", word.text,
			           step->symbol->name);
			label(k->c, d, "not there");
			help(k->c, d,
			     "write \"$%s%s\", which is right with and without a container",
			     roots[r].variable, word.text + n);
		}
	}
}

static void check_pipes(struct checker *k, const struct script *s)
{
	struct diag *d;

	if (s->kind != SHELL_SH || s->scan.npipes == 0)
		return;
	d = report(k->c, W0404, text_span(s, s->scan.pipes[0], 1),
	           "sh sees only the failure of the last command of a pipe");
	label(k->c, d, "a failure before this goes unseen");
	help(k->c, d, "use `shell = bash`, which sets pipefail");
}

static void check_quotes(struct checker *k, const struct script *s)
{
	struct diag *d;

	if (!s->scan.open_quote)
		return;
	d = report(k->c, E0409, text_span(s, s->scan.quote_offset, 1),
	           "these quotes are never closed");
	label(k->c, d, "opens them");
	help(k->c, d, "close them; an apostrophe stands in \"...\" or behind `\\`");
}

/* bash -u and sh -u stop there; who names a program of his own may give it arguments. */
static void check_arguments(struct checker *k, const struct script *s)
{
	const struct shelltext *t = &s->scan;
	struct diag *d;

	if (t->argument_length == 0 || s->run->nwords > 0)
		return;
	d = report(k->c, E0401, text_span(s, t->argument_offset, t->argument_length),
	           "`%.*s` has no value", (int)t->argument_length,
	           s->run->text + t->argument_offset);
	label(k->c, d, "a text has no arguments");
	help(k->c, d,
	     "where awk or another program is to see it, put its text into single quotes, or write "
	     "`\\%.*s`",
	     (int)t->argument_length, s->run->text + t->argument_offset);
}

static void check_container(struct checker *k, const struct step *step)
{
	const struct setting *set = step->settings.first[KEY_container];

	for (; set != NULL; set = set->next)
		check_image(k, set);
}

void check_image(struct checker *k, const struct setting *set)
{
	const char *image, *slash;
	struct diag *d;

	if (set->node == NULL || set->node->kind != NODE_CONST || !value_is_text(&set->node->value))
		return;
	image = set->node->value.text;
	if (image[0] == '\0' || image[strcspn(image, " \t\n\"'")] != '\0') {
		d = report(k->c, E0323, set->expr->span, "`%s` is no name of an image", image);
		label(k->c, d, image[0] ? "holds a blank or a quote" : "is empty");
		return;
	}
	slash = strrchr(image, '/');
	if (strchr(slash ? slash : image, ':') != NULL || strchr(image, '@') != NULL)
		return;
	d = report(k->c, W0405, set->expr->span, "the image `%s` has no tag", image);
	label(k->c, d, "whatever is the latest when the task runs");
	help(k->c, d, "name a version: `%s:VERSION`", image);
}

/* A parameter for which the use gives files has no text. */
static void check_files(struct checker *k, const struct script *s)
{
	for (size_t i = 0; i < s->nbound; i++) {
		const struct symbol *sym = s->bound[i].symbol;
		struct diag *d;

		if (sym->kind != SYMBOL_ARGUMENT || !sym->data)
			continue;
		d = report(k->c, E0404, s->bound[i].span, "`%s` stands for files, not for a value",
		           sym->name);
		label(k->c, d, "files have no text");
		relate(k->c, d, sym->expr->span, "given here");
		help(k->c, d, "write `input = %s` in the step; they are then in `$INPUT`",
		     sym->name);
	}
}

void check_command(struct checker *k, struct step *step)
{
	check_one_command(k, step);
	check_container(k, step);
	check_exec_paths(k, step);
	for (struct setting *set = step->settings.first[KEY_run]; set != NULL; set = set->next) {
		check_files(k, set->script);
		check_lists(k, step, set->script);
		check_pipes(k, set->script);
		check_paths(k, step, set->script);
		check_quotes(k, set->script);
		check_arguments(k, set->script);
	}
}
