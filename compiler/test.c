/*
 * Tests in the file: `test "NAME" { params { ... }, assert COND }` says what must hold
 * of the plan. One compilation runs one test: its params replace the defaults, and once
 * the tasks are known, the names of steps stand for lists of their tasks.
 */
#include "compiler/check.h"
#include "compiler/resolve.h"

#include <math.h>
#include <string.h>

/* What a test can ask of a task. */
enum task_field {
	TASK_NAME,
	TASK_STEP,
	TASK_COMMAND,
	TASK_CONTAINER,
	TASK_INPUT,
	TASK_RESOURCE,
	TASK_OUTPUT,
	TASK_WAITS,
	TASK_RETRY,
	TASK_PRIORITY,
	TASK_CPU,
	TASK_MEMORY,
	TASK_GPU,
	TASK_RUN_TIMEOUT,
	TASK_FIELDS
};

static const struct {
	const char *name;
	enum vtype_kind kind;
	bool list, optional;
} fields[TASK_FIELDS] = {
        [TASK_NAME] = {"name", VTYPE_STRING, false, false},
        [TASK_STEP] = {"step", VTYPE_STRING, false, false},
        [TASK_COMMAND] = {"command", VTYPE_STRING, false, false},
        [TASK_CONTAINER] = {"container", VTYPE_STRING, false, true},
        [TASK_INPUT] = {"input", VTYPE_STRING, true, false},
        [TASK_RESOURCE] = {"resource", VTYPE_STRING, true, false},
        [TASK_OUTPUT] = {"output", VTYPE_STRING, false, false},
        [TASK_WAITS] = {"waits", VTYPE_STRING, true, false},
        [TASK_RETRY] = {"retry", VTYPE_INT, false, false},
        [TASK_PRIORITY] = {"priority", VTYPE_INT, false, false},
        [TASK_CPU] = {"cpu", VTYPE_FLOAT, false, true},
        [TASK_MEMORY] = {"memory", VTYPE_SIZE, false, true},
        [TASK_GPU] = {"gpu", VTYPE_INT, false, false},
        [TASK_RUN_TIMEOUT] = {"run_timeout", VTYPE_DURATION, false, true},
};

/* The name for all tasks. */
#define ALL "tasks"

static const struct stmt *test_at(const struct compilation *c, size_t i)
{
	const struct block *b = c->ast != NULL ? &c->ast->body : NULL;

	for (size_t k = 0; b != NULL && k < b->n; k++) {
		if (b->items[k]->kind == STMT_TEST && i-- == 0)
			return b->items[k];
	}
	return NULL;
}

size_t compile_test_count(const struct compilation *c)
{
	size_t n = 0;

	while (test_at(c, n) != NULL)
		n++;
	return n;
}

const char *compile_test_name(const struct compilation *c, size_t i)
{
	const struct stmt *s = test_at(c, i);
	const char *name = s != NULL ? expr_plain_string(s->test.name) : NULL;

	return name != NULL ? name : "";
}

/* The test that this compilation runs, or NULL. */
static const struct stmt *running(const struct compilation *c)
{
	return c->options.test > 0 ? test_at(c, c->options.test - 1) : NULL;
}

/* The setting of a test, or NULL. */
static const struct stmt *setting_of(const struct stmt *test, const char *key)
{
	for (size_t i = 0; test != NULL && i < test->test.body->n; i++) {
		const struct stmt *s = test->test.body->items[i];

		if ((s->kind == STMT_ATTR && strcmp(s->attr.key.text, key) == 0) ||
		    (s->kind == STMT_BLOCK && strcmp(s->block.key.text, key) == 0))
			return s;
	}
	return NULL;
}

const struct expr *test_param(const struct compilation *c, const char *name)
{
	const struct stmt *params = setting_of(running(c), "params");

	for (size_t i = 0; params != NULL && i < params->block.body->n; i++) {
		const struct stmt *s = params->block.body->items[i];

		if (s->kind == STMT_ATTR && strcmp(s->attr.key.text, name) == 0)
			return s->attr.value;
	}
	return NULL;
}

/* ---- mistakes in the test itself ---- */

static void unknown_setting(struct compilation *c, const struct stmt *s)
{
	const char *key = s->kind == STMT_ATTR ? s->attr.key.text : s->block.key.text;
	const struct attr *attr = attr_find(key, ATTR_TEST);
	static const char *const keys[] = {"params", "fails"};
	const char *nearest = word_nearest(key, keys, 2);
	struct diag *d;

	if (attr == NULL) {
		d = report(c, E0304, s->keyword, "a test has no setting `%s`", key);
		label(c, d, "unknown here");
		if (nearest != NULL)
			fix(c, d, s->keyword, "%s", nearest);
		if (nearest != NULL)
			help(c, d, "write `%s`", nearest);
		else
			help(c, d, "a test holds `params { ... }`, `fails`, `let` and `assert`");
	} else if ((attr->type == ATTR_RECORD) != (s->kind == STMT_BLOCK)) {
		d = report(c, E0327, s->head, "`%s` is not written like this", key);
		help(c, d,
		     attr->type == ATTR_RECORD ? "write `%s { name = value }`"
		                               : "write `%s = \"...\"`",
		     key);
	} else if (s->kind == STMT_ATTR && expr_plain_string(s->attr.value) == NULL) {
		d = report(c, E0301, s->attr.value->span, "`fails` wants a text");
		label(c, d, "is %s", expr_kind_text(s->attr.value->kind));
		help(c, d, "write a code, or words of the message: `fails = \"E0314\"`");
	}
}

void test_params_known(struct compilation *c, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];
		VEC(const char *) names = {0};
		const char *nearest;
		bool known = false;
		struct diag *d;

		if (s->kind != STMT_ATTR)
			continue;
		for (size_t k = 0; k < c->ast->body.n; k++) {
			const struct stmt *p = c->ast->body.items[k];

			if (p->kind != STMT_PARAM)
				continue;
			known |= strcmp(p->param.name.text, s->attr.key.text) == 0;
			vec_push(&names, p->param.name.text);
		}
		nearest = known ? NULL : word_nearest(s->attr.key.text, names.v, names.n);
		vec_release(&names);
		if (known)
			continue;
		d = report(c, E0331, s->attr.key.span, "there is no param `%s`", s->attr.key.text);
		label(c, d, "unknown param");
		if (nearest != NULL) {
			help(c, d, "write `%s`", nearest);
			fix(c, d, s->attr.key.span, "%s", nearest);
		}
	}
}

void resolve_test_params(struct resolver *r)
{
	const struct stmt *params = setting_of(running(r->c), "params");

	if (params == NULL || params->kind != STMT_BLOCK)
		return;
	/* Nothing is in scope yet: they are values written out. */
	for (size_t i = 0; i < params->block.body->n; i++) {
		if (params->block.body->items[i]->kind == STMT_ATTR)
			resolve_expr(r, params->block.body->items[i]->attr.value);
	}
}

/* ---- the names of tasks ---- */

static const struct vtype *task_type(struct arena *arena)
{
	struct vtype *type = arena_new(arena, struct vtype);
	struct shape *shape = arena_new(arena, struct shape);
	const char **names = arena_array(arena, const char *, TASK_FIELDS);

	type->kind = VTYPE_RECORD;
	type->fields = arena_array(arena, const struct vtype *, TASK_FIELDS);
	for (int i = 0; i < TASK_FIELDS; i++) {
		names[i] = fields[i].name;
		type->fields[i] = vtype_of_kind(fields[i].kind);
		if (fields[i].list)
			type->fields[i] = vtype_list(arena, type->fields[i]);
		if (fields[i].optional)
			type->fields[i] = vtype_optional(arena, type->fields[i]);
	}
	shape->names = names;
	shape->n = TASK_FIELDS;
	type->shape = shape;
	return type;
}

static void give_tasks(struct symbol *sym, const struct vtype *type, struct value list)
{
	sym->type = type;
	sym->value = list;
	sym->constant = true;
}

/* The names of the tasks while a test is looked at, and what had them before. */
struct task_names {
	VEC(struct symbol *) shown, hidden;
};

/* A list that is empty until the tasks are known. */
static void show_list(struct resolver *r, struct task_names *names, const char *name,
                      struct span span, struct symbol *step)
{
	struct symbol *hidden, *sym;

	sym = scope_hide(&r->scope, SYMBOL_LET, (struct name){name, span}, r->level, &hidden);
	sym->used = true;
	sym->lists = step != NULL ? step : sym;
	give_tasks(sym, vtype_list(&r->c->arena, task_type(&r->c->arena)),
	           value_list(&r->c->arena, NULL, 0));
	vec_push(&names->shown, sym);
	vec_push(&names->hidden, hidden);
}

/* All tasks, then those of each step. */
static void show_tasks(struct resolver *r, struct task_names *names, const struct stmt *test)
{
	struct program *p = &r->c->program;

	show_list(r, names, ALL, test->head, NULL);
	for (size_t i = 0; i < p->steps.n; i++)
		show_list(r, names, p->steps.v[i]->symbol->name, p->steps.v[i]->symbol->span,
		          p->steps.v[i]->symbol);
}

static void hide_tasks(struct resolver *r, struct task_names *names)
{
	for (size_t i = names->shown.n; i-- > 0;)
		scope_unhide(&r->scope, names->shown.v[i]->name, names->hidden.v[i]);
	vec_release(&names->shown);
	vec_release(&names->hidden);
}

/* ---- the pass over names ---- */

/* What the test itself gets wrong, whatever the plan is. */
static void check_form(struct compilation *c, const struct stmt *test)
{
	size_t asserts = 0;
	struct diag *d;

	for (size_t i = 0; i < test->test.body->n; i++) {
		const struct stmt *s = test->test.body->items[i];

		if (s->kind == STMT_ATTR || s->kind == STMT_BLOCK)
			unknown_setting(c, s);
		if (s->kind == STMT_BLOCK && strcmp(s->block.key.text, "params") == 0)
			test_params_known(c, s->block.body);
		asserts += s->kind == STMT_ASSERT;
	}
	if (asserts > 0 || setting_of(test, "fails") != NULL)
		return;
	d = report(c, E0332, test->head, "the test asserts nothing");
	label(c, d, "cannot fail");
	help(c, d, "write `assert count(" ALL ") == ...`, or `fails = \"CODE\"`");
}

/*
 * Where no test runs: names and types of all of them, at a level at which nothing is
 * computed.
 */
static void resolve_all(struct resolver *r)
{
	struct level *outside = r->level, *nowhere;
	const struct stmt *test;

	for (size_t i = 0; (test = test_at(r->c, i)) != NULL; i++) {
		struct task_names names = {0};
		size_t mark = scope_enter(&r->scope);

		nowhere = arena_new(&r->c->arena, struct level);
		nowhere->kind = LEVEL_IF;
		nowhere->outer = outside;
		nowhere->depth = outside->depth + 1;
		nowhere->dead = nowhere->decided = true;
		nowhere->stmt = test;
		nowhere->head = test->head;
		check_form(r->c, test);
		show_tasks(r, &names, test);
		r->level = nowhere;
		resolve_block(r, test->test.body);
		r->level = outside;
		scope_leave(&r->scope, mark);
		hide_tasks(r, &names);
	}
}

void resolve_test(struct resolver *r)
{
	struct program *p = &r->c->program;
	const struct stmt *test = running(r->c);
	size_t before = p->items.n;
	struct task_names names = {0};

	if (test == NULL) {
		resolve_all(r);
		return;
	}
	check_form(r->c, test);
	show_tasks(r, &names, test);
	for (size_t i = 0; i < names.shown.n; i++)
		vec_push(&p->test_lists, names.shown.v[i]);
	resolve_block(r, test->test.body);
	hide_tasks(r, &names);
	/* They are looked at when the tasks are known. */
	for (size_t i = before; i < p->items.n; i++)
		vec_push(&p->test_items, p->items.v[i]);
	p->items.n = before;
}

/* ---- the tasks as values ---- */

/* Without the storage, or the directory of the file, in front of it. */
static struct value short_uri(struct compilation *c, const char *uri)
{
	const char *dir = arena_printf(&c->arena, "file://%s/", c->bases.v[0]);

	if (strncmp(uri, c->storage, strlen(c->storage)) == 0)
		return value_string(uri + strlen(c->storage));
	if (strncmp(uri, dir, strlen(dir)) == 0)
		return value_string(uri + strlen(dir));
	return value_string(uri);
}

static struct value uri_list(struct compilation *c, const struct submission_uri *uris, size_t n)
{
	struct value *items = arena_array(&c->arena, struct value, n);

	for (size_t i = 0; i < n; i++)
		items[i] = short_uri(c, uris[i].uri);
	return value_list(&c->arena, items, n);
}

static struct value name_list(struct compilation *c, const struct submission_task *task)
{
	struct value *items = arena_array(&c->arena, struct value, task->nrequires);
	struct submission_task other;

	for (size_t i = 0; i < task->nrequires; i++) {
		c->submission->task(c->submission, task->requires[i], &c -> arena, &other);
		items[i] = value_string(other.row.name);
	}
	return value_list(&c->arena, items, task->nrequires);
}

static struct value number_or_none(enum value_kind kind, int64_t n)
{
	return n == INT_NULL ? value_none() : value_number(kind, n);
}

static struct value task_record(struct compilation *c, const struct shape *shape, const char *step,
                                uint32_t i)
{
	struct record *r = arena_new(&c->arena, struct record);
	struct value *v = arena_array(&c->arena, struct value, TASK_FIELDS);
	struct submission_task task;

	c->submission->task(c->submission, i, &c->arena, &task);
	v[TASK_NAME] = value_string(task.row.name);
	v[TASK_STEP] = value_string(step);
	v[TASK_COMMAND] = value_string(task.identity_command);
	v[TASK_CONTAINER] =
	        task.row.container != NULL ? value_string(task.row.container) : value_none();
	v[TASK_INPUT] = uri_list(c, task.inputs, task.ninputs);
	v[TASK_RESOURCE] = uri_list(c, task.resources, task.nresources);
	v[TASK_OUTPUT] = short_uri(c, task.row.output);
	v[TASK_WAITS] = name_list(c, &task);
	v[TASK_RETRY] = value_int(task.row.retry);
	v[TASK_PRIORITY] = value_int(task.row.priority);
	v[TASK_CPU] = isnan(task.row.cpu) ? value_none() : value_float(task.row.cpu);
	v[TASK_MEMORY] = number_or_none(VALUE_SIZE, task.row.memory);
	v[TASK_GPU] = value_int(task.row.gpu > 0 ? task.row.gpu : 0);
	v[TASK_RUN_TIMEOUT] = number_or_none(VALUE_DURATION, task.row.run_timeout == INT_NULL
	                                                             ? INT_NULL
	                                                             : task.row.run_timeout * 1000);
	for (int k = 0; k < TASK_FIELDS; k++)
		r->total += value_total(&v[k]);
	r->shape = shape;
	r->fields = v;
	r->key = v[TASK_NAME];
	return (struct value){.kind = VALUE_RECORD, .record = r};
}

void compile_test(struct compilation *c)
{
	struct program *p = &c->program;
	const struct submission *s = c->submission;
	const struct vtype *type = task_type(&c->arena), *list = vtype_list(&c->arena, type);
	struct value *all;

	if (running(c) == NULL)
		return;
	all = arena_array(&c->arena, struct value, s->first_removal);
	/* What deletes the outputs of others is no step of the file. */
	for (uint32_t i = 0; i < p->steps.n; i++) {
		const struct submission_step *step = &s->steps[i];

		for (uint32_t t = 0; t < step->task_count; t++)
			all[step->first_task + t] =
			        task_record(c, type->shape, step->name, step->first_task + t);
		give_tasks(p->test_lists.v[1 + i], list,
		           value_list(&c->arena, all + step->first_task, step->task_count));
	}
	give_tasks(p->test_lists.v[0], list, value_list(&c->arena, all, s->first_removal));
	for (size_t i = 0; i < p->test_items.n; i++)
		check_item(c, &p->test_items.v[i]);
}

/* ---- the verdict ---- */

static bool is_expected(const struct diag *d, const char *expected)
{
	return d->code->severity == SEVERITY_ERROR &&
	       (strcmp(d->code->code, expected) == 0 || strstr(d->message, expected) != NULL);
}

bool compile_test_passed(struct compilation *c)
{
	const struct stmt *fails = setting_of(running(c), "fails");
	const char *expected = fails != NULL && fails->kind == STMT_ATTR
	                               ? expr_plain_string(fails->attr.value)
	                               : NULL;
	struct diag *d;

	if (expected == NULL)
		return compile_ok(c);
	for (size_t i = 0; i < c->sink.n; i++) {
		if (is_expected(&c->sink.list[i], expected))
			return true;
	}
	d = report(c, E0332, fails->attr.value->span, "no mistake is `%s`", expected);
	label(c, d, "expected by this test");
	if (c->sink.errors == 1)
		help(c, d, "the file compiles with these params");
	diag_sort(&c->sink);
	return false;
}
