/*
 * `then "next.scitq" { tables = call.vcf, depth = depth }`: what is run when this workflow
 * has succeeded. The braces give params of the other file: values, or outputs of steps,
 * whose files are listed when they are there. Nothing of the other file but its params
 * is looked at here: what it does may depend on what is listed.
 */
#include "compiler/check.h"
#include "compiler/paths.h"
#include "compiler/resolve.h"
#include "compiler/task.h"
#include "dsl/parse.h"

#include <string.h>

void resolve_then(struct resolver *r, const struct stmt *s)
{
	struct compilation *c = r->c;
	struct next *next = arena_new(&c->arena, struct next);
	const struct block *b = s->then.body;
	struct diag *d;

	next->stmt = s;
	next->entries = arena_array(&c->arena, struct entry, b != NULL ? b->n : 0);
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		const struct stmt *item = b->items[i];

		if (item->kind != STMT_ATTR) {
			d = report(c, E0327, item->span, "`then` gives params");
			label(c, d, "not a param");
			help(c, d, "write `then \"FILE.scitq\" { name = value }`");
			continue;
		}
		for (size_t k = 0; k < next->nentries; k++) {
			if (strcmp(next->entries[k].name, item->attr.key.text) != 0)
				continue;
			d = report(c, E0305, item->attr.key.span, "`%s` is given twice",
			           item->attr.key.text);
			label(c, d, "again");
			relate(c, d, next->entries[k].span, "first here");
		}
		resolve_expr(r, item->attr.value);
		next->entries[next->nentries++] = (struct entry){
		        .name = item->attr.key.text,
		        .span = item->attr.key.span,
		        .expr = item->attr.value,
		};
	}
	vec_push(&c->program.nexts, next);
}

/* ---- the other file ---- */

/* Its tree; NULL after an error. */
static const struct ast *read_next(struct compilation *c, struct next *next)
{
	const struct expr *e = next->stmt->then.path;
	const char *path = expr_plain_string(e);
	struct str text = STR_INIT;
	const struct ast *ast = NULL;
	size_t errors = c->sink.errors;
	struct diag *d;
	int err;

	if (path == NULL || path[0] == '\0') {
		d = report(c, E0334, e->span, "`then` wants the path of a file");
		label(c, d, path ? "is empty" : "known only when values are");
		return NULL;
	}
	next->path = path_join(&c->arena, c->bases.v[0], path);
	err = c->files.read(c->files.context, next->path, &text);
	if (err == 0 && text.len < INT32_MAX)
		ast = dsl_parse(&c->arena, &c->sources,
		                sources_add(&c->sources, path, text.p, text.len), &c->sink);
	str_release(&text);
	if (err < 0) {
		d = report(c, E0334, e->span, "cannot read `%s`: %s", path, strerror(-err));
		label(c, d, "looked for %s", next->path);
	}
	return c->sink.errors == errors ? ast : NULL;
}

static const struct entry *given(const struct next *next, const char *name)
{
	for (size_t i = 0; i < next->nentries; i++) {
		if (strcmp(next->entries[i].name, name) == 0)
			return &next->entries[i];
	}
	return NULL;
}

static void check_given(struct compilation *c, const struct next *next, const struct ast *ast)
{
	VEC(const char *) names = {0};

	for (size_t i = 0; i < ast->body.n; i++) {
		const struct stmt *s = ast->body.items[i];
		struct diag *d;

		if (s->kind != STMT_PARAM)
			continue;
		vec_push(&names, s->param.name.text);
		if (s->param.value != NULL || s->param.type->optional ||
		    given(next, s->param.name.text) != NULL)
			continue;
		d = report(c, E0334, next->stmt->head, "`%s` wants a value for `%s`",
		           expr_plain_string(next->stmt->then.path), s->param.name.text);
		label(c, d, "not given");
		relate(c, d, s->param.name.span, "it has no default");
		help(c, d, "write `%s = VALUE` into the braces", s->param.name.text);
	}
	for (size_t i = 0; i < next->nentries; i++) {
		const char *name = next->entries[i].name, *nearest;
		bool known = false;
		struct diag *d;

		for (size_t k = 0; k < names.n; k++)
			known |= strcmp(names.v[k], name) == 0;
		if (known)
			continue;
		nearest = word_nearest(name, names.v, names.n);
		d = report(c, E0334, next->entries[i].span, "`%s` has no param `%s`",
		           expr_plain_string(next->stmt->then.path), name);
		label(c, d, "unknown param");
		if (nearest != NULL) {
			help(c, d, "write `%s`", nearest);
			fix(c, d, next->entries[i].span, "%s", nearest);
		}
	}
	vec_release(&names);
}

static void check_entry(struct checker *k, struct entry *e)
{
	const struct node *n;
	struct diag *d;

	k->data = true;
	e->node = check_expr(k, e->expr, NULL);
	if (e->node->kind == NODE_LIST) {
		k->data = false;
		e->node = check_expr(k, e->expr, NULL);
	}
	n = e->node->kind == NODE_GATHER ? e->node->gather.output : e->node;
	if (n->kind == NODE_BAD || n->kind == NODE_CONST ||
	    (n->kind == NODE_OUTPUT &&
	     (e->node == n || (e->node->gather.into == NULL && e->node->gather.min == NULL))))
		return;
	d = report(k->c, E0301, e->expr->span, "a value or an output of a step is wanted here");
	label(k->c, d, "cannot be given to another file");
	help(k->c, d, "write `STEP.OUTPUT` for all files of an output");
}

void check_next(struct compilation *c, struct next *next)
{
	struct checker k = {.c = c, .level = c->program.levels.v[0]};
	const struct ast *ast = read_next(c, next);

	for (size_t i = 0; i < next->nentries; i++)
		check_entry(&k, &next->entries[i]);
	if (ast != NULL)
		check_given(c, next, ast);
}

/* ---- what is submitted ---- */

/* As --param would give it; NULL for none. */
static const char *param_text(struct compilation *c, const struct value *v)
{
	struct str s = STR_INIT;
	const char *text;

	if (v->kind == VALUE_NONE)
		return NULL;
	if (v->kind == VALUE_LIST) {
		for (size_t i = 0; i < v->list->n; i++) {
			struct value item = list_at(v->list, i);
			const char *one = param_text(c, &item);

			str_addf(&s, "%s%s", i > 0 ? "," : "", one ? one : "");
		}
	} else if (v->kind == VALUE_FILE) {
		str_adds(&s, value_path(c, v, &c->arena));
	} else if (value_is_text(v) || v->kind == VALUE_RECORD) {
		value_print(v, &s);
	} else {
		value_write(v, &s);
	}
	text = arena_strndup(&c->arena, s.p, s.len);
	str_release(&s);
	return text;
}

/* Where the files of all instances will be. */
static void emit_output(struct compilation *c, const struct node *n, struct submission_param *out)
{
	struct env *env = &c->env;
	const struct step *step = n->output.step;
	const char **uris = arena_array(&c->arena, const char *, step->level->n);
	struct arena *kept = env->arena;

	env->arena = &c->arena;
	for (uint32_t t = 0; t < step->level->n; t++) {
		const char *yield = "";

		env_forget(env);
		task_enter(env, step, t);
		if (n->output.yield != NULL)
			yield = task_yield(env, step, n->output.yield);
		if (yield != NULL)
			uris[out->nuris++] =
			        arena_printf(&c->arena, "%s%s", task_output(env, step, t), yield);
	}
	env->arena = kept;
	out->uris = uris;
}

static void emit_next(struct compilation *c, const struct next *next, struct submission_next *out)
{
	struct submission_param *params =
	        arena_array(&c->arena, struct submission_param, next->nentries);

	*out = (struct submission_next){.path = next->path, .params = params};
	for (size_t i = 0; i < next->nentries; i++) {
		const struct node *n = next->entries[i].node;
		struct submission_param *p = &params[out->nparams];

		*p = (struct submission_param){.name = next->entries[i].name};
		if (n->kind == NODE_GATHER)
			n = n->gather.output;
		if (n->kind == NODE_OUTPUT)
			emit_output(c, n, p);
		else
			p->text = param_text(c, &n->value);
		out->nparams += p->text != NULL || n->kind == NODE_OUTPUT;
	}
}

void emit_nexts(struct compilation *c, struct submission *s)
{
	struct submission_next *nexts =
	        arena_array(&c->arena, struct submission_next, c->program.nexts.n);

	for (size_t i = 0; i < c->program.nexts.n; i++)
		emit_next(c, c->program.nexts.v[i], &nexts[i]);
	s->nexts = nexts;
	s->next_count = c->program.nexts.n;
}
