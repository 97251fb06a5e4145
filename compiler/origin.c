/*
 * `plan --origin`: every setting of every step with its value as written and who set
 * it: the step, the workflow or the command line. What nobody set is left out.
 */
#include "compiler/compilation.h"
#include "compiler/task.h"

#include <string.h>

#define KEY_WIDTH 18

/* As written, on one line. */
static void add_source(struct compilation *c, struct span span, struct str *out)
{
	const char *text = c->sources.files[span.file].text;

	for (uint32_t i = span.start; i < span.end; i++) {
		bool blank = strchr(" \t\r\n", text[i]) != NULL;

		if (!blank)
			str_addc(out, text[i]);
		else if (out->p[out->len - 1] != ' ')
			str_addc(out, ' ');
	}
}

static void add_place(struct compilation *c, struct span span, struct str *out)
{
	str_addf(out, "%s:%u", c->sources.files[span.file].name,
	         source_position(&c->sources, span.file, span.start).line);
}

static void add_key(struct str *out, const char *key)
{
	str_addf(out, "  %-*s ", KEY_WIDTH, key);
}

/* One setting of a chain: its value, under which condition, and who says so. */
static void add_setting(struct compilation *c, const struct setting *set, const char *who,
                        struct str *out)
{
	add_key(out, setting_key_text(set->key));
	if (set->given)
		value_write(&set->node->value, out);
	else if (set->script != NULL)
		str_adds(out, "|");
	else if (set->expr != NULL)
		add_source(c, set->expr->span, out);
	else
		add_source(c, set->stmt->block.body->span, out);
	for (const struct guard *g = set->guard; g != NULL; g = g->outer) {
		str_addf(out, "  if%s ", g->want ? "" : " not");
		add_source(c, g->cond_expr->span, out);
	}
	if (set->given) {
		str_adds(out, "  (--set)\n");
		return;
	}
	str_addf(out, "  (%s, ", who);
	add_place(c, set->key_span, out);
	str_adds(out, ")\n");
}

static void add_settings(struct compilation *c, const struct settings *own,
                         const struct settings *defaults, struct str *out)
{
	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		const struct setting *set = own->first[key];
		bool always = false;

		for (; set != NULL; set = set->next) {
			add_setting(c, set, defaults != NULL ? "step" : "here", out);
			always |= set->guard == NULL;
		}
		/* A step that sets it under conditions only has the workflow's elsewhere. */
		if (always || defaults == NULL ||
		    attr_find(setting_key_text(key), ATTR_STEP) == NULL)
			continue;
		for (set = defaults->first[key]; set != NULL; set = set->next)
			add_setting(c, set, "workflow", out);
	}
}

static void add_param(struct compilation *c, const struct symbol *sym, struct str *out)
{
	const struct expr *in_profile = sym->full == sym->name ? profile_param(c, sym->name) : NULL;
	bool given = false;

	for (size_t i = 0; i < c->options.nparams; i++)
		given |= strcmp(c->options.params[i].name, sym->full) == 0;
	add_key(out, sym->full);
	value_write(&sym->value, out);
	if (given) {
		str_adds(out, "  (--param)\n");
		return;
	}
	if (in_profile != NULL) {
		str_adds(out, "  (profile, ");
		add_place(c, in_profile->span, out);
		str_adds(out, ")\n");
		return;
	}
	str_adds(out, sym->stmt->param.value != NULL ? "  (default, " : "  (optional, ");
	add_place(c, sym->span, out);
	str_adds(out, ")\n");
}

void compile_origins(struct compilation *c, struct str *out)
{
	const struct program *p = &c->program;
	bool any = false;

	if (c->done < COMPILE_CHECK)
		return;
	for (size_t i = 0; i < p->items.n; i++) {
		if (p->items.v[i].kind != ITEM_PARAM)
			continue;
		str_adds(out, any ? "" : "params\n");
		any = true;
		add_param(c, p->items.v[i].symbol, out);
	}
	str_addf(out, "workflow %s\n", c->workflow);
	add_settings(c, &p->defaults, NULL, out);
	for (size_t i = 0; i < p->items.n; i++) {
		if (p->items.v[i].kind == ITEM_RECRUITER) {
			str_addf(out, "recruiter %s\n", p->items.v[i].recruiter->symbol->full);
			add_settings(c, &p->items.v[i].recruiter->settings, NULL, out);
		} else if (p->items.v[i].kind == ITEM_STEP) {
			str_addf(out, "step %s\n", p->items.v[i].step->symbol->name);
			add_settings(c, &p->items.v[i].step->settings, &p->defaults, out);
		}
	}
}
