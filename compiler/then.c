/*
 * `then "next.scitq" { tables = call.vcf, depth = depth }`: what is run when this workflow
 * has succeeded. The braces give params of the other file: values, or outputs of steps,
 * whose files are listed when they are there. Of the other file its params are looked at
 * here, and what is given is checked against them; what else it does may depend on
 * what is listed, and is checked when that is known.
 */
#include "compiler/check.h"
#include "compiler/paths.h"
#include "compiler/resolve.h"
#include "compiler/task.h"
#include "dsl/parse.h"

#include <string.h>

/* ---- the other file ---- */

/* An earlier `then` to the same file, whose mistakes have been told; NULL: this is the first. */
static const struct next *same_before(const struct compilation *c, const struct next *next)
{
	for (size_t i = 0; c->program.nexts.v[i] != next; i++) {
		const struct next *before = c->program.nexts.v[i];

		if (before->read && strcmp(before->path, next->path) == 0)
			return before;
	}
	return NULL;
}

/* Its tree; NULL after an error. */
static const struct ast *read_next(struct compilation *c, struct next *next)
{
	const struct expr *e = next->stmt->then.path;
	const char *path = expr_plain_string(e);
	struct str text = STR_INIT;
	const struct ast *ast = NULL;
	const struct next *before;
	size_t errors = c->sink.errors;
	struct diag *d;
	int err;

	if (path == NULL || path[0] == '\0') {
		d = report(c, E0334, e->span, "`then` wants the path of a file");
		label(c, d, path ? "is empty" : "known only when values are");
		return NULL;
	}
	next->path = path_join(&c->arena, c->bases.v[0], path);
	before = same_before(c, next);
	if (before != NULL)
		return before->ast;
	err = c->files.read(c->files.context, next->path, &text);
	if (err == 0 && text.len < INT32_MAX)
		ast = dsl_parse(&c->arena, &c->sources,
		                sources_add(&c->sources, path, text.p, text.len), &c->sink);
	str_release(&text);
	next->read = ast != NULL;
	if (err < 0) {
		d = report(c, E0334, e->span, "cannot read `%s`: %s", path, strerror(-err));
		label(c, d, "looked for %s", next->path);
	}
	return c->sink.errors == errors ? ast : NULL;
}

/* ---- the statement ---- */

static struct handed *handed_to(const struct next *next, const char *name)
{
	for (size_t i = 0; i < next->nhanded; i++) {
		if (strcmp(next->handed[i].name, name) == 0)
			return &next->handed[i];
	}
	return NULL;
}

void resolve_then(struct resolver *r, const struct stmt *s)
{
	struct compilation *c = r->c;
	struct next *next = arena_new(&c->arena, struct next);
	const struct block *b = s->then.body;
	const struct handed *first;
	struct diag *d;

	next->stmt = s;
	next->handed = arena_array(&c->arena, struct handed, b != NULL ? b->n : 0);
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		const struct stmt *item = b->items[i];

		if (item->kind != STMT_ATTR) {
			d = report(c, E0327, item->span, "`then` gives params");
			label(c, d, "not a param");
			help(c, d, "write `then \"FILE.scitq\" { name = value }`");
			continue;
		}
		resolve_expr(r, item->attr.value);
		first = handed_to(next, item->attr.key.text);
		if (first != NULL) {
			d = report(c, E0305, item->attr.key.span, "`%s` is given twice",
			           item->attr.key.text);
			label(c, d, "again");
			relate(c, d, first->span, "first here");
			continue;
		}
		next->handed[next->nhanded++] = (struct handed){
		        .name = item->attr.key.text,
		        .span = item->attr.key.span,
		        .expr = item->attr.value,
		        .type = vtype_of_kind(VTYPE_ANY),
		};
	}
	vec_push(&c->program.nexts, next);
	next->ast = read_next(c, next);
}

/* ---- its params ---- */

static void param_missing(struct compilation *c, const struct next *next, const struct stmt *param)
{
	struct diag *d = report(c, E0334, next->stmt->head, "`%s` wants a value for `%s`",
	                        expr_plain_string(next->stmt->then.path), param->param.name.text);

	label(c, d, "not given");
	relate(c, d, param->param.name.span, "it has no default");
	help(c, d, "write `%s = VALUE` into the braces", param->param.name.text);
}

static void param_unknown(struct compilation *c, const struct next *next, const struct handed *h,
                          const char *nearest)
{
	struct diag *d = report(c, E0334, h->span, "`%s` has no param `%s`",
	                        expr_plain_string(next->stmt->then.path), h->name);

	label(c, d, "unknown param");
	if (nearest != NULL) {
		help(c, d, "write `%s`", nearest);
		fix(c, d, h->span, "%s", nearest);
	}
}

/* The params of the other file, with what they are given. */
static void find_params(struct checker *k, const struct next *next)
{
	const struct ast *ast = next->ast;
	VEC(const char *) names = {0};

	for (size_t i = 0; i < ast->body.n; i++) {
		const struct stmt *s = ast->body.items[i];
		const struct vtype *type;
		struct handed *h;

		if (s->kind != STMT_PARAM)
			continue;
		vec_push(&names, s->param.name.text);
		type = check_type(k, s->param.type);
		h = handed_to(next, s->param.name.text);
		if (h != NULL) {
			h->param = s;
			h->type = type;
		} else if (s->param.value == NULL && !s->param.type->optional) {
			param_missing(k->c, next, s);
		}
	}
	for (size_t i = 0; i < next->nhanded; i++) {
		const struct handed *h = &next->handed[i];

		if (h->param == NULL)
			param_unknown(k->c, next, h, word_nearest(h->name, names.v, names.n));
	}
	vec_release(&names);
}

/* ---- what it is given ---- */

/* Files that are listed can be given for it. */
static bool takes_files(const struct vtype *t)
{
	if (t->kind == VTYPE_LIST)
		t = t->element;
	return t->kind == VTYPE_ANY || t->kind == VTYPE_STRING || t->kind == VTYPE_URI ||
	       t->kind == VTYPE_FILE;
}

/* Paths made absolute: those of this file are relative to it. */
static struct value absolute(struct compilation *c, struct value v)
{
	const char *path;

	if (v.kind == VALUE_FILE && !value_is_uri(v.text)) {
		path = value_path(c, &v, &c->arena);
		return value_text(VALUE_FILE, path, strlen(path), 0);
	}
	if (v.kind == VALUE_LIST && v.list->items != NULL) {
		struct value *items = arena_array(&c->arena, struct value, v.list->n);

		for (size_t i = 0; i < v.list->n; i++)
			items[i] = absolute(c, v.list->items[i]);
		return value_list(&c->arena, items, v.list->n);
	}
	return v;
}

static void add_text(const struct value *v, struct str *out)
{
	if (v->kind == VALUE_NONE) {
		str_adds(out, "none");
	} else if (v->kind == VALUE_LIST) {
		for (size_t i = 0; i < v->list->n; i++) {
			struct value item = list_at(v->list, i);
			struct str text = STR_INIT;

			add_text(&item, &text);
			compile_param_add(out, text.len > 0 ? text.p : "", i == 0);
			str_release(&text);
		}
	} else if (value_is_text(v) || v->kind == VALUE_RECORD) {
		value_print(v, out);
	} else {
		value_write(v, out);
	}
}

/* As --param would give it. */
static const char *param_text(struct compilation *c, const struct value *v)
{
	struct str s = STR_INIT;
	const char *text;

	add_text(v, &s);
	text = s.len == 0      ? ""
	       : s.p[0] == '@' ? arena_printf(&c->arena, "@%s", s.p)
	                       : arena_strndup(&c->arena, s.p, s.len);
	str_release(&s);
	return text;
}

/* Numbers and texts that are written there: names of the other file mean nothing here. */
static bool is_written(const struct expr *e)
{
	switch (e->kind) {
	case EXPR_INT:
	case EXPR_FLOAT:
	case EXPR_PERCENT:
	case EXPR_SIZE:
	case EXPR_DURATION:
	case EXPR_DEPTH:
		return true;
	case EXPR_STRING:
		return expr_plain_string(e) != NULL;
	case EXPR_UNARY:
		return is_written(e->unary.of);
	case EXPR_RANGE:
		return is_written(e->range.first) && is_written(e->range.last);
	case EXPR_LIST:
		for (size_t i = 0; i < e->list.n; i++) {
			if (!is_written(e->list.items[i]))
				return false;
		}
		return true;
	default:
		return false;
	}
}

static void check_value(struct checker *k, struct handed *h)
{
	struct compilation *c = k->c;
	struct value v = value_convert(c, h->node->value, h->type, h->expr->span, &c->arena), read;
	const char *why, *text;
	struct diag *d;

	if (v.kind == VALUE_BAD || h->param == NULL)
		return;
	v = absolute(c, v);
	text = param_text(c, &v);
	/* A record, a list of one empty text, a text "none": what would not arrive as it is. */
	if (!value_read(c, text[0] == '@' ? text + 1 : text, h->type, &c->arena, &read, &why) ||
	    !value_equal(&v, &read)) {
		d = report(c, E0334, h->expr->span, "this value cannot be given to another file");
		label(c, d, "would not arrive as it is");
		help(c, d, "a param is given as text, as --param does");
		return;
	}
	h->text = text;
	if (h->param->param.in == NULL || is_written(h->param->param.in)) {
		struct symbol sym = {.kind = SYMBOL_PARAM,
		                     .name = h->name,
		                     .full = h->name,
		                     .span = h->param->param.name.span,
		                     .stmt = h->param,
		                     .type = h->type};

		check_limits(k, &sym, &v, h->expr->span);
	}
}

static void check_output_given(struct checker *k, const struct handed *h, const struct node *n)
{
	const struct step *step = n->output.step;
	struct diag *d;

	if (takes_files(h->type))
		return;
	d = report(k->c, E0301, h->expr->span, "%s is wanted here", type_text(k, h->type));
	label(k->c, d, "are the files of step `%s`", step->symbol->name);
}

static void check_handed(struct checker *k, struct handed *h)
{
	const struct binding *b = h->expr->kind == EXPR_NAME ? binding_of(k->c, h->expr) : NULL;
	bool word = h->type->kind == VTYPE_ENUM && b != NULL && b->symbol == NULL;
	const struct node *n;
	struct diag *d;

	k->data = true;
	h->node = check_expr(k, h->expr, word ? h->type : NULL);
	if (h->node->kind == NODE_LIST) {
		k->data = false;
		h->node = check_expr(k, h->expr, NULL);
	}
	n = h->node->kind == NODE_GATHER ? h->node->gather.output : h->node;
	if (n->kind == NODE_CONST) {
		check_value(k, h);
	} else if (n->kind == NODE_OUTPUT && (h->node == n || (h->node->gather.into == NULL &&
	                                                       h->node->gather.min == NULL))) {
		check_output_given(k, h, n);
	} else if (n->kind != NODE_BAD && !k->c->unasked) {
		d = report(k->c, E0301, h->expr->span,
		           "a value or an output of a step is wanted here");
		label(k->c, d, "cannot be given to another file");
		help(k->c, d, "write `STEP.OUTPUT` for all files of an output");
	}
}

void check_next(struct compilation *c, struct next *next)
{
	struct checker k = {.c = c, .level = c->program.levels.v[0]};

	if (next->ast != NULL)
		find_params(&k, next);
	for (size_t i = 0; i < next->nhanded; i++) {
		struct handed *h = &next->handed[i];
		size_t before = c->sink.n;

		check_handed(&k, h);
		/* Some show a part of it, or what is wrong here whatever it is. */
		for (size_t d = before; h->param != NULL && d < c->sink.n; d++) {
			if (c->sink.list[d].nrelated == 0)
				relate(c, &c->sink.list[d], h->param->param.name.span, "the param");
		}
	}
}

/* ---- what is submitted ---- */

/* What is listed at the URI are paths, not URIs. */
static bool is_here(const char *uri)
{
	return strncmp(uri, "file:", 5) == 0;
}

static void check_listed(struct compilation *c, const struct handed *h,
                         const struct submission_param *p, const struct step *step)
{
	const struct vtype *one = h->type->kind == VTYPE_LIST ? h->type->element : h->type;
	struct diag *d = NULL;

	if (h->type->kind != VTYPE_LIST && h->type->kind != VTYPE_ANY && p->nuris > 1) {
		d = report(c, E0334, h->expr->span, "`%s` takes one file, and `%s` runs %zu times",
		           h->name, step->symbol->name, p->nuris);
		label(c, d, "several files");
		help(c, d, "write `param %s: [%s]` in the other file", h->name,
		     one->kind == VTYPE_URI ? "uri" : "file");
	} else if (one->kind == VTYPE_URI && p->nuris > 0 && is_here(p->uris[0])) {
		d = report(c, E0334, h->expr->span,
		           "`%s` takes uris, and `%s` writes on this machine", h->name,
		           step->symbol->name);
		label(c, d, "files with a path");
		help(c, d, "write `file` for `uri` in the other file: it takes both");
	}
	if (d != NULL && h->param != NULL)
		relate(c, d, h->param->param.name.span, "the param");
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
	        arena_array(&c->arena, struct submission_param, next->nhanded);

	*out = (struct submission_next){.path = next->path, .params = params};
	for (size_t i = 0; i < next->nhanded; i++) {
		const struct handed *h = &next->handed[i];
		const struct node *n =
		        h->node->kind == NODE_GATHER ? h->node->gather.output : h->node;
		struct submission_param *p = &params[out->nparams];

		*p = (struct submission_param){.name = h->name,
		                               .list = h->type->kind == VTYPE_LIST,
		                               .optional = h->type->optional,
		                               .text = h->text};
		if (n->kind == NODE_OUTPUT) {
			emit_output(c, n, p);
			check_listed(c, h, p, n->output.step);
		}
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
