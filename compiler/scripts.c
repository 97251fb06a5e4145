/*
 * The shell texts of a compilation as files that a checker of shell text can read on
 * its own, and the way back from a place in such a file to the .scitq file.
 */
#include "compiler/compilation.h"
#include "compiler/node.h"
#include "compiler/recruit.h"

#include <string.h>

/* Script number i of those that a shell reads, with its step; NULL: there is none. */
static const struct script *script_at(const struct compilation *c, size_t i,
                                      const struct step **step)
{
	for (size_t k = 0; k < c->program.steps.n; k++) {
		*step = c->program.steps.v[k];
		for (const struct setting *s = (*step)->settings.first[KEY_run]; s; s = s->next) {
			if (s->script->kind != SHELL_OTHER && i-- == 0)
				return s->script;
		}
	}
	return NULL;
}

size_t compile_script_count(const struct compilation *c)
{
	const struct step *step;
	size_t n = 0;

	while (c->done >= COMPILE_CHECK && script_at(c, n, &step) != NULL)
		n++;
	return n;
}

/* Numbers need no quotes, an array has its own, of anything else nothing is known. */
static void add_name(struct str *out, const char *name, const struct vtype *type)
{
	switch (type->kind) {
	case VTYPE_BOOL:
	case VTYPE_INT:
	case VTYPE_FLOAT:
	case VTYPE_SIZE:
	case VTYPE_DURATION:
	case VTYPE_DEPTH:
		if (!type->optional) {
			str_addf(out, "export %s=1\n", name);
			return;
		}
		break;
	case VTYPE_LIST:
		str_addf(out, "export %s\ndeclare -a %s=(\"$ANY\" \"$ANY\")\n", name, name);
		return;
	default:
		break;
	}
	str_addf(out, "export %s=\"$ANY\"\n", name);
}

static void add_words(struct str *out, const struct settings *settings)
{
	for (const struct setting *s = settings->first[KEY_env]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nwords; i++)
			str_addf(out, "export %s=\"$ANY\"\n", s->words[i]);
	}
}

/* What stands before the text: the dialect, what `shell` sets, the names from the file. */
static void add_head(const struct compilation *c, const struct step *step,
                     const struct script *script, struct str *out)
{
	str_addf(out, "# shellcheck shell=%s\n", script->kind == SHELL_BASH ? "bash" : "sh");
	if (script->nwords == 1)
		str_adds(out, script->kind == SHELL_BASH ? "set -euo pipefail\n" : "set -eu\n");
	for (size_t i = 0; i < script->nbound; i++)
		add_name(out, script->bound[i].name, script->bound[i].symbol->type);
	for (const struct setting *s = step->settings.first[KEY_bind]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nentries; i++)
			add_name(out, s->entries[i].name, s->entries[i].node->type);
	}
	add_words(out, &step->settings);
	add_words(out, &c->program.defaults);
}

void compile_script_text(const struct compilation *c, size_t i, struct str *out)
{
	const struct step *step;
	const struct script *script = script_at(c, i, &step);

	add_head(c, step, script, out);
	str_add(out, script->run->text, script->run->len);
}

/* Bytes from the start of the text to a line and column (characters); the end where they are not.
 */
static size_t text_offset(const struct run_text *run, unsigned line, unsigned column)
{
	const char *at = run->text;

	while (line > 1 && *at != '\0') {
		at += strcspn(at, "\n");
		at += *at == '\n';
		line--;
	}
	while (column > 1 && *at != '\0' && *at != '\n') {
		at++;
		while (((unsigned char)*at & 0xC0) == 0x80)
			at++;
		column--;
	}
	return (size_t)(at - run->text);
}

void compile_script_finding(struct compilation *c, size_t i, const struct script_finding *f)
{
	const struct step *step;
	const struct script *script = script_at(c, i, &step);
	struct str head = STR_INIT;
	unsigned before = 0;
	size_t from, to;
	struct diag *d;

	add_head(c, step, script, &head);
	for (size_t k = 0; k < head.len; k++)
		before += head.p[k] == '\n';
	str_release(&head);
	if (f->line <= before)
		return;
	from = text_offset(script->run, f->line - before, f->column);
	to = text_offset(script->run, f->end_line - before, f->end_column);
	/* A finding of several lines is shown on its first one. */
	if (to <= from || f->end_line != f->line)
		to = from + strcspn(script->run->text + from, "\n");
	d = report(c, W0407, run_source_span(script->run, from, to - from), "%c%s",
	           f->message[0] >= 'A' && f->message[0] <= 'Z' && f->message[1] >= 'a' &&
	                           f->message[1] <= 'z'
	                   ? f->message[0] - 'A' + 'a'
	                   : f->message[0],
	           f->message[0] != '\0' ? f->message + 1 : "");
	label(c, d, "%s", f->code);
	help(c, d, "where it is meant, write `# shellcheck disable=%s` above it", f->code);
	diag_sort(&c->sink);
}
