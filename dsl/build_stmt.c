#include "dsl/build.h"

struct block *make_block(struct parser *p, struct list stmts, struct span span)
{
	struct block *b = arena_new(p->arena, struct block);

	b->items = list_array(p, &stmts);
	b->n = stmts.n;
	b->span = span;
	return b;
}

struct stmt *make_stmt(struct parser *p, enum stmt_kind kind, struct span keyword, struct span span)
{
	struct stmt *s = arena_new(p->arena, struct stmt);

	s->kind = kind;
	s->span = s->head = span;
	s->keyword = keyword;
	s->depth = 1;
	return s;
}

static unsigned stmt_depth(const struct stmt *s)
{
	unsigned depth = 0;

	switch (s->kind) {
	case STMT_IMPORT:
		return expr_depth(s->import.path);
	case STMT_PARAM:
		depth = larger(expr_depth(s->param.value), expr_depth(s->param.in));
		return larger(depth, expr_depth(s->param.help));
	case STMT_LET:
		return larger(expr_depth(s->let.value), expr_depth(s->let.where));
	case STMT_ASSERT:
		return larger(expr_depth(s->assertion.cond), expr_depth(s->assertion.message));
	case STMT_WORKFLOW:
		return larger(expr_depth(s->workflow.name), block_depth(s->workflow.body));
	case STMT_RECRUITER:
		return block_depth(s->recruiter.body);
	case STMT_STEP:
		return block_depth(s->step.body);
	case STMT_USE:
		return block_depth(s->use.body);
	case STMT_FOREACH:
		depth = larger(block_depth(s->foreach.body), expr_depth(s->foreach.where));
		for (size_t i = 0; i < s->foreach.n; i++)
			depth = larger(depth, s->foreach.loops[i].source->depth);
		return depth;
	case STMT_IF:
		depth = larger(block_depth(s->branch.then), block_depth(s->branch.otherwise));
		return larger(depth, s->branch.cond->depth);
	case STMT_ATTR:
		return s->attr.value->depth;
	case STMT_BLOCK:
		return block_depth(s->block.body);
	case STMT_CONSTRAINT:
		return s->constraint.value->depth;
	case STMT_TEST:
		return larger(expr_depth(s->test.name), block_depth(s->test.body));
	case STMT_PROFILE:
		return block_depth(s->profile.body);
	case STMT_THEN:
		return larger(expr_depth(s->then.path), block_depth(s->then.body));
	case STMT_BARE:
	case STMT_RUN:
	case STMT_HOOK:
	case STMT_KINDS:
		break;
	}
	return 0;
}

struct stmt *finish_stmt(struct parser *p, struct stmt *s)
{
	unsigned depth = stmt_depth(s);

	if (depth >= AST_DEPTH) {
		parser_too_deep(p, s->head);
		return NULL;
	}
	s->depth = (uint16_t)(depth + 1);
	return s;
}

void set_version(struct parser *p, struct expr *number, struct span span)
{
	struct diag *d;

	if (p->ast->version != 0) {
		d = parser_error(p, E0124, span, "the version is given twice");
		diag_relate(p->sink, d, p->ast->version_span, "first here");
		return;
	}
	p->ast->version_span = span;
	p->ast->version = number->kind == EXPR_INT ? number->integer : -1;
	if (p->ast->version == 1 || number->kind == EXPR_BAD)
		return;
	d = parser_error(p, E0123, number->span, "unknown version of the language");
	diag_help(p->sink, d, "this program knows `scitq 1`");
}

struct option *make_option(struct parser *p, enum option_kind kind, struct expr *value,
                           struct span span)
{
	struct option *o = arena_new(p->arena, struct option);

	o->kind = kind;
	o->value = value;
	o->span = span;
	return o;
}

struct stmt *make_param(struct parser *p, struct name name, struct type *type, struct list options,
                        struct span keyword, struct span span)
{
	struct stmt *s = make_stmt(p, STMT_PARAM, keyword, span);
	const struct option *given[OPTION_HELP + 1] = {NULL};
	struct expr **place[] = {
	        [OPTION_DEFAULT] = &s->param.value,
	        [OPTION_IN] = &s->param.in,
	        [OPTION_MATCHES] = &s->param.matches,
	        [OPTION_HELP] = &s->param.help,
	};

	s->param.name = name;
	s->param.type = type;
	for (const struct cell *c = options.head; c != NULL; c = c->next) {
		const struct option *o = c->item;

		if (given[o->kind] != NULL) {
			struct diag *d = parser_error(
			        p, E0131, o->span, "the same is said twice about `%s`", name.text);

			diag_relate(p->sink, d, given[o->kind]->span, "first here");
			continue;
		}
		given[o->kind] = o;
		*place[o->kind] = o->value;
	}
	return s;
}

struct stmt *make_step(struct parser *p, struct name name, const struct list *params,
                       struct block *body, struct span keyword, struct span head, struct span span)
{
	struct stmt *s = make_stmt(p, STMT_STEP, keyword, span);

	s->head = head;
	s->step.name = name;
	s->step.body = body;
	if (params != NULL) {
		s->step.has_params = true;
		s->step.params = name_array(p, params);
		s->step.nparams = params->n;
	}
	return s;
}

struct stmt *make_use(struct parser *p, struct name name, struct ref ref, struct block *body,
                      struct span keyword, struct span head, struct span span)
{
	struct stmt *s = make_stmt(p, STMT_USE, keyword, span);

	s->head = head;
	s->use.name = name;
	s->use.module = ref.module;
	s->use.step = ref.step;
	s->use.body = body;
	return s;
}

struct loop *make_loop(struct parser *p, struct name var, struct expr *source, struct span span)
{
	struct loop *l = arena_new(p->arena, struct loop);

	l->var = var;
	l->source = source;
	l->span = span;
	return l;
}

struct stmt *make_foreach(struct parser *p, struct list loops, struct expr *where,
                          struct block *body, struct span keyword, struct span head,
                          struct span span)
{
	struct stmt *s = make_stmt(p, STMT_FOREACH, keyword, span);

	s->head = head;
	s->foreach.loops = arena_array(p->arena, struct loop, loops.n);
	for (const struct cell *c = loops.head; c != NULL; c = c->next)
		s->foreach.loops[s->foreach.n++] = *(struct loop *)c->item;
	s->foreach.where = where;
	s->foreach.body = body;
	return s;
}

struct stmt *make_branch(struct parser *p, struct expr *cond, struct block *then,
                         struct block *otherwise, struct span keyword, struct span head,
                         struct span span)
{
	struct stmt *s = make_stmt(p, STMT_IF, keyword, span);

	s->head = head;
	s->branch.cond = cond;
	s->branch.then = then;
	s->branch.otherwise = otherwise;
	return s;
}

struct block *make_else_if(struct parser *p, struct stmt *branch)
{
	struct list one = list_add(p, (struct list){0}, finish_stmt(p, branch));

	return make_block(p, one, branch->span);
}
