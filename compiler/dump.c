/*
 * What each pass made, as text that changes only when the result does: goldens
 * compare it, and whoever looks for a mistake in a pass reads it.
 */
#include "compiler/check.h"
#include "compiler/expand.h"
#include "compiler/task.h"
#include "dsl/ast.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Tuples and tasks that are listed; the others are counted. */
#define DUMP_LIMIT 200u

static const char *const stage_words[] = {
        [COMPILE_PARSE] = "parse",   [COMPILE_RESOLVE] = "resolve", [COMPILE_CHECK] = "check",
        [COMPILE_EXPAND] = "expand", [COMPILE_PLAN] = "plan",       [COMPILE_EMIT] = "emit",
};

int compile_stage_find(const char *word)
{
	for (int i = COMPILE_PARSE; i <= COMPILE_EMIT; i++) {
		if (strcmp(stage_words[i], word) == 0)
			return i;
	}
	return -1;
}

static uint32_t line_of(struct compilation *c, struct span span)
{
	return source_position(&c->sources, span.file, span.start).line;
}

/* "/sample/lane": the loops and conditions of a level. */
static void add_path(struct str *out, const struct level *l)
{
	if (l->outer == NULL)
		return;
	add_path(out, l->outer);
	if (l->kind == LEVEL_LOOP)
		str_addf(out, "/%s", l->symbol->name);
	else
		str_adds(out, l->want ? "/then" : "/else");
}

static void add_settings(struct compilation *c, const struct settings *s, bool types,
                         struct str *out)
{
	for (int key = 0; key < SETTING_KEY_COUNT; key++) {
		for (const struct setting *set = s->first[key]; set != NULL; set = set->next) {
			str_addf(out, "  %s (line %u%s)", setting_key_text((enum setting_key)key),
			         line_of(c, set->key_span), set->guard ? ", conditional" : "");
			for (size_t i = 0; i < set->nentries; i++)
				str_addf(out, " %s", set->entries[i].name);
			for (size_t i = 0; i < set->nwords; i++)
				str_addf(out, " %s", set->words[i]);
			for (size_t i = 0; i < set->nhires; i++) {
				str_addc(out, ' ');
				expr_dump(set->hires[i].name, out);
				str_adds(out, set->hires[i].over ? "{}" : "");
			}
			if (set->script != NULL) {
				str_addf(out, " %s binds", set->script->words[0]);
				for (size_t i = 0; i < set->script->nbound; i++)
					str_addf(out, " %s", set->script->bound[i].name);
			}
			if (set->node != NULL && types) {
				str_addf(out, ": %s", vtype_text(set->node->type, &c->arena));
				if (set->node->kind == NODE_CONST) {
					str_adds(out, " = ");
					value_write(&set->node->value, out);
				}
			}
			str_addc(out, '\n');
		}
	}
}

static void dump_symbols(struct compilation *c, bool types, struct str *out)
{
	for (size_t i = 0; i < c->program.symbols.n; i++) {
		const struct symbol *sym = c->program.symbols.v[i];

		str_addf(out, "%s %s (line %u)", symbol_kind_text(sym->kind), sym->name,
		         line_of(c, sym->span));
		if (sym->level->outer != NULL) {
			str_adds(out, " in ");
			add_path(out, sym->level);
		}
		if (types && symbol_is_value(sym)) {
			str_addf(out, ": %s", vtype_text(sym->type, &c->arena));
			if (sym->constant) {
				str_adds(out, " = ");
				value_write(&sym->value, out);
			}
		}
		str_addc(out, '\n');
		if (sym->step != NULL)
			add_settings(c, &sym->step->settings, types, out);
		if (sym->recruiter != NULL)
			add_settings(c, &sym->recruiter->settings, types, out);
	}
	if (c->program.workflow != NULL) {
		str_addf(out, "workflow (line %u)%s%s\n", line_of(c, c->program.workflow->head),
		         types ? " " : "", types ? c->workflow : "");
		add_settings(c, &c->program.defaults, types, out);
	}
}

static void dump_levels(struct compilation *c, struct str *out)
{
	for (size_t i = 0; i < c->program.levels.n; i++) {
		const struct level *l = c->program.levels.v[i];

		add_path(out, l);
		str_addf(out, "%s %u\n", l->outer ? "" : "/", l->n);
		for (uint32_t t = 0; l->outer != NULL && t < l->n; t++) {
			if (t == DUMP_LIMIT) {
				str_addf(out, "  ... %u more\n", l->n - t);
				break;
			}
			str_adds(out, "  ");
			level_key(l, t, ",", out);
			str_addc(out, '\n');
		}
	}
}

static void dump_plan(struct compilation *c, struct str *out)
{
	struct env *env = &c->env;

	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *step = c->program.steps.v[i];

		str_addf(out, "%s rank %u, %u tasks\n", step->symbol->name, step->rank,
		         step->level->n);
		for (uint32_t t = 0; t < step->level->n && t < DUMP_LIMIT; t++) {
			uint32_t task = step->first_task + t;

			env_forget(env);
			task_enter(env, step, t);
			str_addf(out, "  %u %s", task, task_name(env, step, t));
			for (uint32_t k = c->plan.edge_start[task];
			     k < c->plan.edge_start[task + 1]; k++)
				str_addf(out, " %u", c->plan.edges[k]);
			str_addc(out, '\n');
		}
	}
}

/* ---- rows ---- */

static void add_field(struct str *out, const struct field *f, const void *row)
{
	const void *at = field_in(f, row);

	if (row_is_null(f, row) || (f->kind != KIND_INT && f->kind != KIND_REAL &&
	                            f->kind != KIND_BOOL && f->kind != KIND_TEXT))
		return;
	if (f->kind == KIND_BOOL && *(const int8_t *)at == 0)
		return;
	str_addf(out, "  %s = ", f->name);
	if (f->kind == KIND_INT)
		str_addf(out, "%" PRId64, *(const int64_t *)at);
	else if (f->kind == KIND_REAL)
		str_addf(out, "%g", *(const double *)at);
	else if (f->kind == KIND_BOOL)
		str_adds(out, "true");
	else
		str_adds(out, *(const char *const *)at);
	str_addc(out, '\n');
}

static void add_row(struct str *out, enum table_id table, const void *row)
{
	const struct table *t = table_get(table);

	for (unsigned i = 0; i < t->nfields; i++)
		add_field(out, &t->fields[i], row);
}

static void add_uris(struct str *out, const char *what, const struct submission_uri *uris, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "  %s %s%s", what, uris[i].uri, uris[i].actions);
		if (uris[i].producer != UINT32_MAX)
			str_addf(out, " from %u", uris[i].producer);
		str_addc(out, '\n');
	}
}

static void dump_submission(const struct submission *s, struct str *out)
{
	struct arena arena;

	str_addf(out, "workflow %s, %u tasks\n", s->workflow, s->task_count);
	if (s->maximum_workers != INT_NULL)
		str_addf(out, "maximum_workers %" PRId64 "\n", s->maximum_workers);
	if (!isnan(s->max_cost))
		str_addf(out, "max_cost %g\n", s->max_cost);
	for (uint32_t i = 0; i < s->step_count; i++) {
		const struct submission_step *step = &s->steps[i];

		str_addf(out, "step %s batch %s depth %u tasks %u+%u source %s", step->name,
		         step->batch, step->depth, step->first_task, step->task_count,
		         step->source);
		if (step->concurrency != INT_NULL)
			str_addf(out, " concurrency %" PRId64, step->concurrency);
		for (size_t k = 0; k < step->nafter; k++)
			str_addf(out, "%s%s", k ? " " : " after ", s->steps[step->after[k]].name);
		str_addc(out, '\n');
	}
	for (size_t i = 0; i < s->recruiter_count; i++) {
		str_adds(out, "recruiter\n");
		add_row(out, TABLE_RECRUITER, &s->recruiters[i]);
	}
	for (size_t i = 0; i < s->hook_count; i++) {
		str_addf(out, "hook %s\n", s->hooks[i].word);
		add_row(out, TABLE_TASK, &s->hooks[i].row);
	}
	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count && i < DUMP_LIMIT; i++) {
		struct submission_task task;

		s->task(s, i, &arena, &task);
		str_addf(out, "task %u\n", i);
		add_row(out, TABLE_TASK, &task.row);
		add_uris(out, "from", task.inputs, task.ninputs);
		add_uris(out, "with", task.resources, task.nresources);
		for (size_t k = 0; k < task.nyields; k++)
			str_addf(out, "  yields %s\n", task.yields[k]);
		for (size_t k = 0; k < task.nrequires; k++)
			str_addf(out, "%s %u%s", k ? "" : "  requires", task.requires[k],
			         k + 1 == task.nrequires ? "\n" : "");
		for (uint32_t g = 0; g < task.ngathers; g++) {
			str_addf(out, "  %u may fail of", task.may_fail[g]);
			for (size_t k = 0; k < task.nrequires; k++) {
				if (task.gathers[k] == g)
					str_addf(out, " %u", task.requires[k]);
			}
			str_addc(out, '\n');
		}
		str_addf(out, "  identity_command = %s\n", task.identity_command);
		arena_clear(&arena);
	}
	arena_release(&arena);
}

void compile_dump(struct compilation *c, enum compile_stage stage, struct str *out)
{
	if (c->done < stage)
		return;
	switch (stage) {
	case COMPILE_PARSE:
		ast_dump(c->ast, out);
		break;
	case COMPILE_RESOLVE:
	case COMPILE_CHECK:
		dump_symbols(c, stage == COMPILE_CHECK, out);
		break;
	case COMPILE_EXPAND:
		dump_levels(c, out);
		break;
	case COMPILE_PLAN:
		dump_plan(c, out);
		break;
	case COMPILE_WHOLE:
	case COMPILE_EMIT:
		if (c->submission != NULL)
			dump_submission(c->submission, out);
		break;
	}
}
