/*
 * The pass that pairs every name with its declaration. It walks the tree once, in
 * the order of the file, and makes the program: symbols, levels, steps with their
 * settings. A name that is not in scope gets a binding without a symbol; check
 * decides whether it is a bare word, a field of a filtered list or a mistake.
 */
#include "compiler/resolve.h"

#include <string.h>

struct binding *binding_of(struct compilation *c, const void *name)
{
	struct binding_key key = {name, c->use};
	const uint64_t *at = map_get(&c->program.bindings, (const char *)&key, sizeof(key));

	key.use = 0;
	if (at == NULL && c->use != 0)
		at = map_get(&c->program.bindings, (const char *)&key, sizeof(key));
	return at ? (struct binding *)(uintptr_t)*at : NULL;
}

struct binding *bind_new(struct resolver *r, const void *key)
{
	struct arena *arena = &r->c->arena;
	struct binding *b = arena_new(arena, struct binding);
	struct binding_key *kept = arena_new(arena, struct binding_key);

	*kept = (struct binding_key){key, r->c->use};
	*map_put(&r->c->program.bindings, (const char *)kept, sizeof(*kept), NULL) =
	        (uint64_t)(uintptr_t)b;
	return b;
}

void bind_name(struct resolver *r, const void *key, const struct name *name)
{
	struct binding *b = bind_new(r, key);
	struct diag *d;

	b->symbol = scope_find(&r->scope, name->text);
	b->span = name->span;
	if (b->symbol == NULL) {
		b->nearest = scope_nearest(&r->scope, name->text);
		b->elsewhere = scope_elsewhere(&r->scope, name->text);
		b->reported = r->undecided && b->elsewhere != NULL;
	} else if (b->symbol->step != NULL && b->symbol->step == r->step && !r->in_previous) {
		d = report(r->c, E0203, name->span, "step `%s` cannot take its own output",
		           name->text);
		label(r->c, d, "this step");
		help(r->c, d, "for the output of the instance before it, write `previous(%s, ...)`",
		     name->text);
	}
	if (b->symbol != NULL)
		b->symbol->used = true;
}

static void resolve_string(struct resolver *r, const struct expr *e)
{
	for (size_t i = 0; i < e->string.n; i++) {
		if (e->string.parts[i].expr != NULL)
			resolve_expr(r, e->string.parts[i].expr);
	}
}

static void resolve_call(struct resolver *r, const struct expr *e)
{
	bool outside = r->in_previous;
	bool previous = strcmp(e->call.name.text, "previous") == 0;

	for (size_t i = 0; i < e->call.n; i++) {
		r->in_previous = outside || (previous && i == 0);
		if (e->call.args[i].value != NULL)
			resolve_expr(r, e->call.args[i].value);
	}
	r->in_previous = outside;
}

static void resolve_comprehension(struct resolver *r, const struct expr *e)
{
	size_t mark;
	struct symbol *var;

	resolve_expr(r, e->comprehension.source);
	if (e->comprehension.var.text == NULL)
		return;
	mark = scope_enter(&r->scope);
	var = scope_declare(&r->scope, SYMBOL_ELEMENT, e->comprehension.var, NULL, r->level);
	/* The expression itself is the key under which check finds the variable. */
	bind_new(r, e)->symbol = var;
	resolve_expr(r, e->comprehension.body);
	if (e->comprehension.where != NULL)
		resolve_expr(r, e->comprehension.where);
	scope_leave(&r->scope, mark);
}

/* The step that `step`, `step.output` names, or NULL. */
static struct step *named_step(struct resolver *r, const struct expr *e)
{
	struct binding *b;

	if (e->kind == EXPR_FIELD)
		e = e->field.of;
	if (e->kind != EXPR_NAME)
		return NULL;
	b = binding_of(r->c, e);
	return b && b->symbol ? b->symbol->step : NULL;
}

/*
 * In `into` the loop variables of the gathered step can be seen. The one of this
 * place with the same name, if there is one, runs over the same values.
 */
static void resolve_into(struct resolver *r, const struct step *producer, const struct expr *into)
{
	VEC(struct symbol *) hidden = {0};
	VEC(const struct symbol *) shown = {0};

	for (const struct level *l = producer ? producer->level : NULL; l; l = l->outer) {
		struct symbol *there;

		if (l->kind != LEVEL_LOOP)
			continue;
		there = scope_find(&r->scope, l->symbol->name);
		if (there == l->symbol)
			continue;
		if (there != NULL)
			vec_push(&hidden, there);
		*map_put(&r->scope.visible, l->symbol->name, strlen(l->symbol->name), NULL) =
		        (uint64_t)(uintptr_t)l->symbol;
		vec_push(&shown, l->symbol);
	}
	resolve_expr(r, into);
	for (size_t i = 0; i < shown.n; i++)
		map_delete(&r->scope.visible, shown.v[i]->name, strlen(shown.v[i]->name));
	for (size_t i = 0; i < hidden.n; i++)
		*map_put(&r->scope.visible, hidden.v[i]->name, strlen(hidden.v[i]->name), NULL) =
		        (uint64_t)(uintptr_t)hidden.v[i];
	vec_release(&hidden);
	vec_release(&shown);
}

static void resolve_gather(struct resolver *r, const struct expr *e)
{
	resolve_expr(r, e->gather.of);
	if (e->gather.into != NULL)
		resolve_into(r, named_step(r, e->gather.of), e->gather.into);
	if (e->gather.min != NULL)
		resolve_expr(r, e->gather.min);
}

/* The values of a record: { memory = 32GB }. */
static void resolve_record(struct resolver *r, const struct block *b)
{
	for (size_t i = 0; b != NULL && i < b->n; i++) {
		if (b->items[i]->kind == STMT_ATTR)
			resolve_expr(r, b->items[i]->attr.value);
	}
}

void resolve_expr(struct resolver *r, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_STRING:
		resolve_string(r, e);
		break;
	case EXPR_NAME:
		bind_name(r, e, &e->name);
		break;
	case EXPR_FIELD:
		resolve_expr(r, e->field.of);
		resolve_member(r, e);
		break;
	case EXPR_LIST:
		for (size_t i = 0; i < e->list.n; i++)
			resolve_expr(r, e->list.items[i]);
		break;
	case EXPR_COMPREHENSION:
		resolve_comprehension(r, e);
		break;
	case EXPR_RECORD:
		resolve_record(r, e->record);
		break;
	case EXPR_REFINE:
		/* The body is read as settings of a recruiter. */
		resolve_expr(r, e->refine.of);
		break;
	case EXPR_CALL:
		resolve_call(r, e);
		break;
	case EXPR_UNARY:
		resolve_expr(r, e->unary.of);
		break;
	case EXPR_BINARY:
		resolve_expr(r, e->binary.left);
		if (e->binary.op != OP_MATCHES)
			resolve_expr(r, e->binary.right);
		break;
	case EXPR_RANGE:
		resolve_expr(r, e->range.first);
		resolve_expr(r, e->range.last);
		break;
	case EXPR_IF:
		resolve_expr(r, e->choice.cond);
		resolve_expr(r, e->choice.yes);
		resolve_expr(r, e->choice.no);
		break;
	case EXPR_GATHER:
		resolve_gather(r, e);
		break;
	case EXPR_PIPE:
		resolve_expr(r, e->pipe.of);
		for (size_t i = 0; i < e->pipe.n; i++)
			resolve_expr(r, e->pipe.args[i].value);
		break;
	default:
		break;
	}
}

/* ---- declarations ---- */

struct item *item_add(struct resolver *r, enum item_kind kind)
{
	struct program *p = &r->c->program;

	vec_push(&p->items, (struct item){.kind = kind});
	return &p->items.v[p->items.n - 1];
}

struct level *level_add(struct resolver *r, enum level_kind kind, const struct stmt *stmt)
{
	struct level *l = arena_new(&r->c->arena, struct level);

	l->kind = kind;
	l->outer = r->level;
	l->use = r->c->use;
	l->depth = r->level ? r->level->depth + 1 : 0;
	l->stmt = stmt;
	l->head = stmt ? stmt->head : NO_SPAN;
	l->dimension = l;
	vec_push(&r->c->program.levels, l);
	return l;
}

static void resolve_param(struct resolver *r, const struct stmt *s)
{
	if (s->param.value != NULL && s->param.value->kind != EXPR_NAME)
		resolve_expr(r, s->param.value);
	else if (s->param.value != NULL)
		bind_name(r, s->param.value, &s->param.value->name);
	if (s->param.in != NULL)
		resolve_expr(r, s->param.in);
	if (s->param.help != NULL)
		resolve_expr(r, s->param.help);
	item_add(r, ITEM_PARAM)->symbol =
	        scope_declare(&r->scope, SYMBOL_PARAM, s->param.name, s, r->level);
}

static void resolve_let(struct resolver *r, const struct stmt *s)
{
	resolve_expr(r, s->let.value);
	if (s->let.where != NULL)
		resolve_expr(r, s->let.where);
	item_add(r, ITEM_LET)->symbol =
	        scope_declare(&r->scope, SYMBOL_LET, s->let.name, s, r->level);
}

static void resolve_assert(struct resolver *r, const struct stmt *s)
{
	struct assertion *a = arena_new(&r->c->arena, struct assertion);

	a->stmt = s;
	a->level = r->level;
	resolve_expr(r, s->assertion.cond);
	if (s->assertion.message != NULL)
		resolve_expr(r, s->assertion.message);
	item_add(r, ITEM_ASSERT)->assertion = a;
}

static void resolve_workflow(struct resolver *r, const struct stmt *s)
{
	struct program *p = &r->c->program;
	struct diag *d;

	if (p->workflow != NULL) {
		d = report(r->c, E0216, s->head, "a file has one workflow");
		label(r->c, d, "the second one");
		relate(r->c, d, p->workflow->head, "the first one");
		return;
	}
	p->workflow = s;
}

/* It holds for the whole file, wherever it stands, so it may use every name at the top. */
static void resolve_defaults(struct resolver *r)
{
	struct program *p = &r->c->program;

	if (p->workflow == NULL)
		return;
	resolve_expr(r, p->workflow->workflow.name);
	resolve_settings(r, p->workflow->workflow.body, ATTR_WORKFLOW, &p->defaults);
}

static void resolve_recruiter(struct resolver *r, const struct stmt *s)
{
	struct recruiter_block *b = arena_new(&r->c->arena, struct recruiter_block);

	b->stmt = s;
	resolve_settings(r, s->recruiter.body, ATTR_RECRUITER, &b->settings);
	b->symbol = scope_declare(&r->scope, SYMBOL_RECRUITER, s->recruiter.name, s, r->level);
	b->symbol->recruiter = b;
	item_add(r, ITEM_RECRUITER)->recruiter = b;
}

/* `when` of a step is one more condition around it; the settings leave it alone. */
bool resolve_when(struct resolver *r, const struct stmt *s, const struct block *body)
{
	for (size_t i = 0; i < body->n; i++) {
		const struct stmt *when = body->items[i];

		if (when->kind != STMT_ATTR || strcmp(when->attr.key.text, "when") != 0)
			continue;
		resolve_expr(r, when->attr.value);
		r->level = level_add(r, LEVEL_IF, s);
		r->level->head = when->head;
		r->level->cond_expr = when->attr.value;
		r->level->want = true;
		r->level->optional = true;
		item_add(r, ITEM_LEVEL)->level = r->level;
		return true;
	}
	return false;
}

static const struct outcome {
	const char *outcome, *word;
} outcomes[] = {{"success", "on_success"}, {"failure", "on_failure"}};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* The word itself where it is that of a hook, or NULL. */
static const char *hook_word(const char *name)
{
	for (size_t i = 0; i < OUTCOMES; i++) {
		if (strcmp(outcomes[i].word, name) == 0)
			return outcomes[i].word;
	}
	return NULL;
}

/* The hook's word for what stands behind `on`; NULL after an error. */
static const char *outcome_word(struct resolver *r, const struct name *outcome)
{
	const char *names[OUTCOMES], *nearest;
	struct diag *d;

	for (size_t i = 0; i < OUTCOMES; i++) {
		names[i] = outcomes[i].outcome;
		if (strcmp(names[i], outcome->text) == 0)
			return outcomes[i].word;
	}
	nearest = word_nearest(outcome->text, names, OUTCOMES);
	d = report(r->c, E0309, outcome->span, "`on` does not know `%s`", outcome->text);
	label(r->c, d, "unknown word");
	help(r->c, d, "write `on %s run | ...`", nearest ? nearest : "success");
	return NULL;
}

/* A step that no other can name, with nothing but its text. */
static void resolve_hook(struct resolver *r, const struct stmt *s)
{
	struct program *p = &r->c->program;
	const char *word = outcome_word(r, &s->hook.outcome);
	struct step *step = arena_new(&r->c->arena, struct step);
	struct setting *run = arena_new(&r->c->arena, struct setting);
	struct diag *d;

	for (size_t i = 0; word != NULL && i < p->hooks.n; i++) {
		if (p->hooks.v[i].word != word)
			continue;
		d = report(r->c, E0305, s->head, "`on %s` stands twice", s->hook.outcome.text);
		label(r->c, d, "again");
		relate(r->c, d, p->hooks.v[i].step->stmt->head, "first here");
		word = NULL;
	}
	step->stmt = s;
	step->level = r->level;
	step->symbol = arena_new(&r->c->arena, struct symbol);
	step->symbol->kind = SYMBOL_STEP;
	step->symbol->name = word ? word : "on";
	step->symbol->span = s->head;
	step->symbol->step = step;
	run->key = KEY_run;
	run->key_span = s->hook.run->keyword;
	run->span = s->span;
	run->stmt = s;
	run->script = arena_new(&r->c->arena, struct script);
	run->script->run = s->hook.run;
	step->settings.first[KEY_run] = run;
	r->step = step;
	resolve_scripts(r, step, NULL);
	r->step = NULL;
	if (word != NULL)
		vec_push(&p->hooks, ((struct hook){word, step}));
}

void declare_step(struct resolver *r, const struct stmt *s, struct name name, struct step *step)
{
	if (hook_word(name.text) != NULL) {
		struct diag *d =
		        report(r->c, E0202, name.span, "`%s` is what a hook is called", name.text);

		label(r->c, d, "taken");
		help(r->c, d, "choose another name");
	}
	step->stmt = s;
	step->symbol = scope_declare(&r->scope, SYMBOL_STEP, name, s, r->level);
	step->symbol->step = step;
}

void add_step(struct resolver *r, struct step *step)
{
	step->number = (uint32_t)r->c->program.steps.n;
	vec_push(&r->c->program.steps, step);
	item_add(r, ITEM_STEP)->step = step;
	resolve_publish(r, step);
}

static void resolve_step(struct resolver *r, const struct stmt *s)
{
	struct step *step = arena_new(&r->c->arena, struct step);
	struct level *outside = r->level;

	if (s->step.has_params) {
		resolve_template(r, s);
		return;
	}
	resolve_when(r, s, s->step.body);
	step->level = r->level;
	r->level = outside;
	declare_step(r, s, s->step.name, step);
	r->step = step;
	resolve_settings(r, s->step.body, ATTR_STEP, &step->settings);
	resolve_scripts(r, step, s->step.body);
	r->step = NULL;
	add_step(r, step);
}

static struct symbol *loop_source_let(struct resolver *r, const struct expr *e)
{
	struct binding *b = binding_of(r->c, e);

	return b && b->symbol && (b->symbol->kind == SYMBOL_LET || b->symbol->kind == SYMBOL_PARAM)
	               ? b->symbol
	               : NULL;
}

static void resolve_loop(struct resolver *r, const struct stmt *s, const struct loop *loop)
{
	struct level *l;
	struct symbol *let;

	resolve_expr(r, loop->source);
	l = level_add(r, LEVEL_LOOP, s);
	l->source_expr = loop->source;
	let = loop_source_let(r, loop->source);
	if (let != NULL)
		l->dimension = let;
	l->symbol = scope_declare(&r->scope, SYMBOL_LOOP, loop->var, s, l);
	item_add(r, ITEM_LEVEL)->level = l;
	r->level = l;
}

static void resolve_foreach(struct resolver *r, const struct stmt *s)
{
	struct level *outside = r->level;
	size_t mark = scope_enter(&r->scope);

	for (size_t i = 0; i < s->foreach.n; i++)
		resolve_loop(r, s, &s->foreach.loops[i]);
	if (s->foreach.where != NULL) {
		r->level->where_expr = s->foreach.where;
		resolve_expr(r, s->foreach.where);
	}
	resolve_block(r, s->foreach.body);
	scope_leave(&r->scope, mark);
	r->level = outside;
}

struct level *branch_add(struct resolver *r, const struct stmt *s, bool want)
{
	struct level *l = level_add(r, LEVEL_IF, s);

	l->cond_expr = s->branch.cond;
	l->want = want;
	item_add(r, ITEM_LEVEL)->level = l;
	return l;
}

void resolve_branch(struct resolver *r, struct level *branch, const struct block *b)
{
	struct level *outside = r->level;
	size_t mark = scope_enter(&r->scope);

	r->level = branch;
	resolve_block(r, b);
	scope_leave(&r->scope, mark);
	r->level = outside;
}

static void resolve_if(struct resolver *r, const struct stmt *s)
{
	resolve_expr(r, s->branch.cond);
	/* Without a workflow it is a module that is looked at by itself. */
	if (r->module != NULL || r->workflow == NULL) {
		resolve_choice(r, s);
		return;
	}
	resolve_branch(r, branch_add(r, s, true), s->branch.then);
	if (s->branch.otherwise != NULL)
		resolve_branch(r, branch_add(r, s, false), s->branch.otherwise);
}

static void resolve_stmt(struct resolver *r, const struct stmt *s)
{
	switch (s->kind) {
	case STMT_IMPORT:
		resolve_import(r, s);
		break;
	case STMT_USE:
		resolve_use(r, s);
		break;
	case STMT_THEN:
		resolve_then(r, s);
		break;
	case STMT_PARAM:
		resolve_param(r, s);
		break;
	case STMT_LET:
		resolve_let(r, s);
		break;
	case STMT_ASSERT:
		resolve_assert(r, s);
		break;
	case STMT_WORKFLOW:
		resolve_workflow(r, s);
		break;
	case STMT_RECRUITER:
		resolve_recruiter(r, s);
		break;
	case STMT_STEP:
		resolve_step(r, s);
		break;
	case STMT_HOOK:
		resolve_hook(r, s);
		break;
	case STMT_FOREACH:
		resolve_foreach(r, s);
		break;
	case STMT_IF:
		resolve_if(r, s);
		break;
	default:
		/* The parser has reported a setting outside a block. */
		break;
	}
}

void resolve_block(struct resolver *r, const struct block *b)
{
	for (size_t i = 0; b != NULL && i < b->n; i++)
		resolve_stmt(r, b->items[i]);
}

static void find_workflow(struct resolver *r)
{
	const struct block *b = &r->c->ast->body;

	for (size_t i = 0; i < b->n && r->workflow == NULL; i++) {
		if (b->items[i]->kind == STMT_WORKFLOW)
			r->workflow = b->items[i]->workflow.body;
	}
}

/* Nothing in it runs by itself, and something can be used. */
static bool is_module(const struct compilation *c)
{
	return c->program.drafts.n > 0 && c->program.steps.n == 0 && c->program.hooks.n == 0;
}

void compile_resolve(struct compilation *c)
{
	struct resolver r = {.c = c};
	struct diag *d;

	scope_init(&r.scope, c, c->ast, "");
	r.level = level_add(&r, LEVEL_ROOT, NULL);
	r.level->constant = true;
	find_workflow(&r);
	resolve_test_params(&r);
	resolve_profile_params(&r);
	resolve_block(&r, &c->ast->body);
	resolve_defaults(&r);
	resolve_profiles(&r);
	resolve_test(&r);
	scope_leave(&r.scope, 0);
	scope_release(&r.scope);
	release_modules(c);
	if (c->program.workflow != NULL || c->sink.errors > 0 ||
	    (c->options.module && is_module(c)))
		return;
	d = report(c, E0216, NO_SPAN, "%s has no workflow block", c->options.path);
	if (is_module(c))
		help(c, d, "it is a module: another file may `import` it");
	else
		help(c, d, "give the run a name: workflow \"NAME\" { }");
}
