/*
 * Queries over many rows, made from filters. Statuses enter the SQL as
 * literals, so that partial indexes apply.
 */
#include "base/alloc.h"
#include "store/indexed.h"
#include "store/inside.h"
#include "store/row.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS 16
/* A page of executions is walked for along so many times as many numbers, up to so large a page. */
#define WALK 20
#define WALK_PAGE 10000
#define BIT(n) (1U << (n))

/* Bound in order once the query is prepared. text NULL: the number. */
struct parameter {
	int64_t number;
	const char *text;
};

struct builder {
	struct arena arena;
	struct str sql;
	struct parameter parameters[PARAMETERS];
	int n;
	const char *word; /* " WHERE " or " AND " */
	int64_t until; /* number of an execution up to which is walked (query_walks()); 0: none */
};

static void add_parameter(struct builder *b, int64_t number, const char *text)
{
	assert(b->n < PARAMETERS);
	b->parameters[b->n++] = (struct parameter){number, text};
}

static void add_word(struct builder *b)
{
	str_adds(&b->sql, b->word);
	b->word = " AND ";
}

static const char *word_of(const struct field *f, int64_t number)
{
	size_t n;
	const char *const *words = field_words(f->kind, &n);

	assert(number >= 0 && (size_t)number < n);
	return words[number];
}

static bool is_status(const struct field *f)
{
	size_t n;

	return field_words(f->kind, &n) != NULL;
}

/* Most of all statuses are told by those that are missing: comparing with two words is faster than
   looking up seven. */
static void add_statuses(struct builder *b, const struct field *f,
                         const struct store_filter *filter)
{
	unsigned set = 0;
	size_t n;

	field_words(f->kind, &n);
	for (size_t i = 0; i < filter->n; i++)
		set |= BIT(filter->list[i]);
	if (filter->n + 2 < n) {
		str_addf(&b->sql, "\"%s\" IN (", f->name);
		for (size_t i = 0; i < filter->n; i++)
			str_addf(&b->sql, "%s'%s'", i ? ", " : "", word_of(f, filter->list[i]));
		str_addc(&b->sql, ')');
		return;
	}
	str_addf(&b->sql, "(\"%s\" IS NOT NULL", f->name);
	for (size_t i = 0; i < n; i++) {
		if (!(set & BIT(i)))
			str_addf(&b->sql, " AND \"%s\" <> '%s'", f->name, word_of(f, (int64_t)i));
	}
	str_addc(&b->sql, ')');
}

void add_among(const int64_t *list, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%c%lld", i ? ',' : '[', (long long)list[i]);
	str_adds(out, n ? "]" : "[]");
}

static void add_list(struct builder *b, const struct dialect *d, const struct field *f,
                     const struct store_filter *filter)
{
	struct str json = STR_INIT;

	if (is_status(f)) {
		add_statuses(b, f, filter);
		return;
	}
	str_addf(&b->sql, "\"%s\" %s", f->name, d->among);
	add_among(filter->list, filter->n, &json);
	add_parameter(b, 0, arena_strndup(&b->arena, json.p, json.len));
	str_release(&json);
}

/* `other_index`: this filter, of a number, is to be tested, not to be looked up. */
static void add_filter(struct builder *b, const struct dialect *d, const struct table *t,
                       const struct store_filter *filter, bool other_index)
{
	static const char *const signs[] = {
	        [STORE_EQ] = "=", [STORE_LESS] = "<", [STORE_AT_LEAST] = ">="};
	const struct field *f = &t->fields[filter->field];

	add_word(b);
	switch (filter->op) {
	case STORE_IS_NULL:
		str_addf(&b->sql, "\"%s\" IS NULL", f->name);
		return;
	case STORE_IN:
		add_list(b, d, f, filter);
		return;
	case STORE_EQ:
	case STORE_LESS:
	case STORE_AT_LEAST:
		break;
	}
	if (is_status(f)) {
		str_addf(&b->sql, "\"%s\" %s '%s'", f->name, signs[filter->op],
		         word_of(f, filter->number));
		return;
	}
	str_addf(&b->sql, "\"%s\"%s %s ?", f->name, other_index ? " + 0" : "", signs[filter->op]);
	add_parameter(b, filter->number, f->kind == KIND_TEXT ? filter->text : NULL);
}

/* The statuses that a filter lets through, as bits; 0 where it is not about the status. */
static unsigned statuses_of(const struct table *t, const struct store_filter *filter)
{
	unsigned set = 0;

	if (strcmp(t->fields[filter->field].name, "status") != 0)
		return 0;
	if (filter->op == STORE_EQ)
		set = BIT(filter->number);
	for (size_t i = 0; filter->op == STORE_IN && i < filter->n; i++)
		set |= BIT(filter->list[i]);
	return set;
}

/* Is there a filter by a field that has an index of its own? */
static bool has_index(const struct store_query *q)
{
	static const char *const fields[] = {"task_id", "batch", "name", "run_id", "execution_id"};

	for (size_t i = 0; i < q->nfilters; i++) {
		const struct store_filter *filter = &q->filters[i];
		const struct table *t = table_get(filter->of_task ? TABLE_TASK : q->table);

		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
			if ((filter->op == STORE_EQ || filter->op == STORE_IN) &&
			    strcmp(t->fields[filter->field].name, fields[k]) == 0)
				return true;
		}
	}
	return false;
}

/* Are only live executions wanted, which are few whatever the worker? */
static bool only_live(const struct store_query *q)
{
	const unsigned live =
	        BIT(EXECUTION_PENDING) | BIT(EXECUTION_ACCEPTED) | BIT(EXECUTION_RUNNING);

	for (size_t i = 0; i < q->nfilters && q->table == TABLE_EXECUTION; i++) {
		unsigned set = 0;

		if (!q->filters[i].of_task)
			set = statuses_of(table_get(q->table), &q->filters[i]);
		if (set != 0 && !(set & ~live))
			return true;
	}
	return false;
}

/* Name the partial index that holds rows of these statuses. */
static void add_index_of(struct builder *b, enum table_id table, unsigned set, bool other_index)
{
	const unsigned stuck = BIT(TASK_PAUSED) | BIT(TASK_FAILED) | BIT(TASK_DEBUG),
	               out = BIT(TASK_ASSIGNED) | BIT(TASK_ACCEPTED) | BIT(TASK_RUNNING),
	               live = BIT(EXECUTION_PENDING) | BIT(EXECUTION_ACCEPTED) |
	                      BIT(EXECUTION_RUNNING),
	               failed = BIT(EXECUTION_FAILED) | BIT(EXECUTION_REFUSED);

	if (table == TABLE_TASK && !(set & ~stuck))
		str_adds(&b->sql, " AND " TASK_IS_STUCK);
	else if (table == TABLE_TASK && !other_index && !(set & ~out))
		/* A task that is out has a live execution. */
		str_adds(&b->sql, " AND task_id IN (SELECT task_id FROM execution WHERE status IN"
		                  " ('pending', 'accepted', 'running') AND " EXECUTION_IS_LIVE ")");
	else if (table == TABLE_EXECUTION && !(set & ~live))
		str_adds(&b->sql, " AND " EXECUTION_IS_LIVE);
	else if (table == TABLE_EXECUTION && !(set & ~failed))
		str_adds(&b->sql, " AND " EXECUTION_IS_FAILED);
}

static void add_where(struct builder *b, const struct dialect *d, const struct store_query *q)
{
	bool other_index = has_index(q), few = only_live(q);
	unsigned set;
	bool of_task = false;

	for (size_t i = 0; i < q->nfilters; i++) {
		if (q->filters[i].of_task) {
			of_task = true;
			continue;
		}
		add_filter(b, d, table_get(q->table), &q->filters[i],
		           few && strcmp(table_get(q->table)->fields[q->filters[i].field].name,
		                         "worker_id") == 0);
		set = statuses_of(table_get(q->table), &q->filters[i]);
		if (set != 0)
			add_index_of(b, q->table, set, other_index);
		/* Others have none. */
		else if (strcmp(table_get(q->table)->fields[q->filters[i].field].name,
		                "resume_status") == 0)
			str_adds(&b->sql, " AND " TASK_IS_STUCK);
	}
	if (!of_task)
		return;
	add_word(b);
	if (b->until > 0) {
		str_adds(&b->sql, "execution_id <= ?");
		add_parameter(b, b->until, NULL);
		add_word(b);
		str_adds(&b->sql,
		         "EXISTS (SELECT 1 FROM task WHERE task.task_id = execution.task_id");
	} else {
		str_adds(&b->sql, "task_id IN (SELECT task_id FROM task");
		b->word = " WHERE ";
	}
	for (size_t i = 0; i < q->nfilters; i++) {
		if (q->filters[i].of_task)
			add_filter(b, d, table_get(TABLE_TASK), &q->filters[i], false);
	}
	str_addc(&b->sql, ')');
	b->word = " AND ";
}

static void add_order(struct builder *b, const struct table *t, const struct store_query *q)
{
	const char *word = " ORDER BY ";

	if (q->after != INT_NULL && q->after != 0) {
		add_word(b);
		str_addf(&b->sql, "\"%s\" %s ?", t->fields[0].name, q->reverse ? "<" : ">");
		add_parameter(b, q->after, NULL);
	}
	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY) {
			str_addf(&b->sql, "%s\"%s\"%s", word, t->fields[i].name,
			         q->reverse ? " DESC" : "");
			word = ", ";
		}
	}
	if (q->limit > 0) {
		str_adds(&b->sql, " LIMIT ?");
		add_parameter(b, q->limit, NULL);
	}
}

static void build(struct builder *b, const struct dialect *d, const struct store_query *q,
                  int64_t until)
{
	const struct table *t = table_get(q->table);

	*b = (struct builder){.sql = STR_INIT, .word = " WHERE ", .until = until};
	arena_init(&b->arena);
	row_add_select(t, q->mask, &b->sql);
	add_where(b, d, q);
	add_order(b, t, q);
}

void query_text(const struct dialect *d, const struct store_query *q, int64_t until,
                struct str *sql)
{
	struct builder b;

	build(&b, d, q, until);
	str_adds(sql, b.sql.p);
	arena_release(&b.arena);
	str_release(&b.sql);
}

bool query_walks(const struct store_query *q)
{
	const unsigned live =
	        BIT(EXECUTION_PENDING) | BIT(EXECUTION_ACCEPTED) | BIT(EXECUTION_RUNNING);
	const unsigned failed = BIT(EXECUTION_FAILED) | BIT(EXECUTION_REFUSED);
	bool of_task = false;

	if (q->table != TABLE_EXECUTION || q->reverse || q->limit <= 0 || q->limit > WALK_PAGE ||
	    q->after > INT64_MAX / 2)
		return false;
	for (size_t i = 0; i < q->nfilters; i++) {
		const struct store_filter *filter = &q->filters[i];
		const struct table *t = table_get(filter->of_task ? TABLE_TASK : q->table);
		const char *name = t->fields[filter->field].name;
		unsigned set = statuses_of(t, filter);

		/* What has an index of its own, and few rows, is looked up. */
		if (filter->of_task
		            ? strcmp(name, "name") == 0
		            : strcmp(name, "latest") != 0 && (!(set & ~live) || !(set & ~failed)))
			return false;
		of_task |= filter->of_task;
	}
	return of_task;
}

static enum store_result select_part(struct store_reader *r, const struct store_query *q,
                                     int64_t until, store_row *each, void *context)
{
	const struct table *t = table_get(q->table);
	struct builder b;
	enum store_result result;
	struct statement *st;
	void *row, *blank;

	build(&b, r->driver->dialect, q, until);
	st = reader_ready(r, b.sql.p, &result);
	for (int i = 0; st != NULL && i < b.n; i++) {
		if (b.parameters[i].text != NULL)
			r->driver->bind_text(st, i + 1, b.parameters[i].text);
		else
			r->driver->bind_integer(st, i + 1, b.parameters[i].number);
	}
	if (st != NULL) {
		row = xmalloc(t->row_size);
		blank = xmalloc(t->row_size);
		row_clear(t, blank);
		while ((result = r->driver->step(st)) == STORE_OK) {
			memcpy(row, blank, t->row_size);
			row_read_columns(r->driver, st, t, q->mask, row, NULL);
			if (!each(context, row))
				break;
		}
		result = reader_done(r, st, result);
		free(row);
		free(blank);
	}
	arena_release(&b.arena);
	str_release(&b.sql);
	return result;
}

bool store_passed_on(void *passed, const void *row)
{
	struct store_passed *p = passed;

	p->n++;
	p->ended = !p->each(p->context, row);
	return !p->ended;
}

enum store_result store_select(struct store_reader *r, const struct store_query *q, store_row *each,
                               void *context)
{
	struct store_passed passed = {.each = each, .context = context};
	struct store_query rest = *q;
	enum store_result result;
	int64_t until;

	if (!query_walks(q))
		return select_part(r, q, 0, each, context);
	until = (q->after == INT_NULL ? 0 : q->after) + q->limit * WALK;
	result = select_part(r, q, until, store_passed_on, &passed);
	if (result != STORE_OK || passed.ended || passed.n == q->limit)
		return result;
	rest.after = until;
	rest.limit -= passed.n;
	return select_part(r, &rest, 0, each, context);
}

/* The masks of what is loaded at start are made from names, once per load. */
static uint64_t mask_of(enum table_id table, const char *const *names)
{
	uint64_t mask = 0;

	for (; *names != NULL; names++) {
		int i = table_field(table_get(table), *names);

		assert(i >= 0);
		mask |= (uint64_t)1 << i;
	}
	return mask;
}

enum store_result store_load_tasks(struct store_reader *r, unsigned statuses, store_row *row,
                                   void *context)
{
	static const char *const names[] = {
	        "task_id",          "batch",   "status",         "priority",
	        "run_id",           "retry",   "attempts",       "losses",
	        "evictions",        "epoch",   "accept_failure", "cpu",
	        "memory",           "gpu",     "resume_status",  "reason",
	        "attempt_settings", "partial", "run_timeout",    "download_timeout",
	        "upload_timeout",   NULL};
	int64_t list[TASK_STATUS_COUNT];
	struct store_filter filters[2] = {{.op = STORE_IN, .list = list}};
	struct store_query q = {.table = TABLE_TASK, .filters = filters, .nfilters = 1};

	filters[0].field = table_field(table_get(TABLE_TASK), "status");
	for (int i = 0; i < TASK_STATUS_COUNT; i++) {
		if (statuses >> i & 1)
			list[filters[0].n++] = i;
	}
	q.mask = mask_of(TABLE_TASK, names);
	return filters[0].n ? store_select(r, &q, row, context) : STORE_OK;
}

enum store_result store_load_executions(struct store_reader *r, store_row *row, void *context)
{
	static const char *const names[] = {"execution_id",
	                                    "worker_id",
	                                    "task_id",
	                                    "status",
	                                    "pid",
	                                    "epoch",
	                                    "creation_date",
	                                    "start_date",
	                                    "latest",
	                                    "modification_date",
	                                    NULL};
	static const int64_t list[] = {EXECUTION_PENDING, EXECUTION_ACCEPTED, EXECUTION_RUNNING};
	struct store_filter filter = {.op = STORE_IN, .list = list, .n = 3};
	struct store_query q = {.table = TABLE_EXECUTION, .filters = &filter, .nfilters = 1};

	filter.field = table_field(table_get(TABLE_EXECUTION), "status");
	q.mask = mask_of(TABLE_EXECUTION, names);
	return store_select(r, &q, row, context);
}
