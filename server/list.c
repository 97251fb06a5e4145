#include "server/list.h"

#include "server/core.h"
#include "server/filter.h"
#include "server/known.h"
#include "server/mask.h"
#include "server/server.h"

#include <assert.h>
#include <string.h>

static json_t *member(const struct call *call, const char *name)
{
	json_t *value = json_object_get(call->body, name);

	return json_is_null(value) ? NULL : value;
}

void list_init(struct list *list, struct reader *reader, struct call *call, enum table_id table)
{
	json_t *limit = member(call, "limit"), *after = member(call, "after");
	int64_t n = limit ? json_integer_value(limit) : 0;

	memset(list, 0, sizeof(*list));
	list->reader = reader;
	list->call = call;
	list->table = table_get(table);
	list->view = filter_full(call->body) ? VIEW_FULL : VIEW_V1;
	if (call->ours && n == 0)
		n = LIST_PAGE;
	if (call->ours && n > LIST_PAGE_MAX)
		n = LIST_PAGE_MAX;
	list->query = (struct store_query){
	        .table = table,
	        .filters = list->filters,
	        .reverse = json_is_true(member(call, "reverse")),
	        .limit = n,
	        .after = after ? json_integer_value(after) : INT_NULL,
	};
}

static bool read_status(struct list *list, const struct field *field, const json_t *value,
                        struct store_filter *filter)
{
	size_t n;
	const char *const *words = field_words(field->kind, &n);
	int status = status_parse(words, n, json_string_value(value));
	struct str known = STR_INIT;

	if (status >= 0) {
		filter->number = status;
		return true;
	}
	for (size_t i = 0; i < n; i++)
		str_addf(&known, "%s%s", i ? ", " : "", words[i]);
	problem_set(&list->call->problem, PROBLEM_BAD_VALUE, "%s is \"%.80s\", not one of %s",
	            field->name, json_string_value(value), known.p);
	str_release(&known);
	return false;
}

static void read_numbers(struct list *list, const json_t *value, struct store_filter *filter)
{
	size_t n = json_array_size(value);
	int64_t *numbers = arena_array(&list->call->arena, int64_t, n + 1);

	for (size_t i = 0; i < n; i++)
		numbers[i] = json_integer_value(json_array_get(value, i));
	filter->op = STORE_IN;
	filter->list = numbers;
	filter->n = n;
	list->nothing = list->nothing || n == 0;
}

bool list_where(struct list *list, const char *name, const char *field_name, bool of_task)
{
	const struct table *table = of_task ? table_get(TABLE_TASK) : list->table;
	json_t *value = member(list->call, name);
	struct store_filter *filter = &list->filters[list->query.nfilters];
	const struct field *field;
	size_t words;

	if (value == NULL)
		return true;
	assert(list->query.nfilters < LIST_FILTERS);
	*filter = (struct store_filter){
	        .field = table_field(table, field_name), .op = STORE_EQ, .of_task = of_task};
	assert(filter->field >= 0);
	field = &table->fields[filter->field];
	if (json_is_array(value))
		read_numbers(list, value, filter);
	else if (field_words(field->kind, &words) != NULL) {
		if (!read_status(list, field, value, filter))
			return false;
	} else if (json_is_string(value))
		filter->text = json_string_value(value);
	else if (json_is_boolean(value))
		filter->number = json_is_true(value);
	else
		filter->number = json_integer_value(value);
	list->query.nfilters++;
	return true;
}

void list_print(struct list *list, json_t *object)
{
	struct str *out = &list->call->reply;

	object = mask_apply(list->call, object);
	str_adds(out, list->any ? ",\n" : "[");
	list->any = true;
	json_print(object, out);
	json_decref(object);
}

static bool print_row(void *context, const void *row)
{
	struct list *list = context;

	list_print(list, row_to_json(list->table, row, list->view));
	return true;
}

bool read_failed(struct reader *reader, struct call *call, enum store_result result)
{
	if (result == STORE_TIMEOUT)
		return problem_set(&call->problem, PROBLEM_UNAVAILABLE,
		                   "the answer took too long: ask for less");
	log_error(&reader->server->log, "reader: %s: %s", store_result_word(result),
	          store_reader_error(reader->store));
	if (result == STORE_BUSY || result == STORE_FULL || result == STORE_IO ||
	    result == STORE_LOST)
		return problem_set(&call->problem, PROBLEM_UNAVAILABLE,
		                   "the database cannot be read: %s",
		                   store_reader_error(reader->store));
	return problem_set(&call->problem, PROBLEM_INTERNAL, "the database says %s: %s",
	                   store_result_word(result), store_reader_error(reader->store));
}

/* Rows that go on to whoever prints them. */
struct passed {
	store_row *row;
	void *context;
	int64_t n;
	bool ended; /* by that */
};

static bool pass(void *context, const void *row)
{
	struct passed *p = context;

	p->n++;
	p->ended = !p->row(p->context, row);
	return !p->ended;
}

/* Of all tasks those in a status that may be that of most: no index has them, since every task
   would pay for it. */
static bool is_by_status(const struct list *list)
{
	const struct store_filter *filter = list->query.filters;

	return list->query.table == TABLE_TASK && list->query.nfilters == 1 &&
	       !list->query.reverse && filter->field == table_field(list->table, "status") &&
	       filter->op == STORE_EQ &&
	       (filter->number == TASK_WAITING || filter->number == TASK_PENDING ||
	        filter->number == TASK_SUCCEEDED);
}

/* The next of them, by number, in filters behind the first, which tests the status once more.
   False: there are none where it looked. */
static bool next_numbers(struct list *list, struct known_scan *scan, int64_t *ids)
{
	struct known *known = core_known(list->reader->server->core);
	const int field = table_field(list->table, "task_id");
	struct store_filter *filters = list->filters;
	int64_t first, last;

	if (!task_is_done(scan->status)) {
		filters[1] = (struct store_filter){.field = field, .op = STORE_IN, .list = ids};
		filters[1].n = known_scan_ids(known, scan, ids, LIST_PAGE);
		list->query.nfilters = 2;
		return filters[1].n > 0;
	}
	if (!known_scan_range(known, scan, &first, &last))
		return false;
	filters[1] = (struct store_filter){.field = field, .op = STORE_AT_LEAST, .number = first};
	filters[2] = (struct store_filter){.field = field, .op = STORE_LESS, .number = last + 1};
	list->query.nfilters = 3;
	return true;
}

static enum store_result select_by_number(struct list *list, struct known_scan *scan,
                                          store_row *row, void *context)
{
	int64_t *ids = arena_array(&list->call->arena, int64_t, LIST_PAGE);
	struct store_query *query = &list->query;
	const int64_t limit = query->limit;
	struct passed passed = {.row = row, .context = context};
	enum store_result result = STORE_OK;

	query->after = INT_NULL;
	while (scan->at != 0 && result == STORE_OK && !passed.ended &&
	       (limit == 0 || passed.n < limit)) {
		query->limit = limit == 0 ? 0 : limit - passed.n;
		if (next_numbers(list, scan, ids))
			result = store_select(list->reader->store, query, pass, &passed);
	}
	return result;
}

static enum store_result select_rows(struct list *list, store_row *row, void *context)
{
	struct known_scan scan;

	if (list->by_number &&
	    known_scan_begin(core_known(list->reader->server->core), &scan,
	                     (enum task_status)list->filters[0].number, list->query.after))
		return select_by_number(list, &scan, row, context);
	return store_select(list->reader->store, &list->query, row, context);
}

static bool run_query(struct list *list, store_row *row, bool (*end)(void *context), void *context)
{
	struct store_reader *store = list->reader->store;
	struct problem *problem = &list->call->problem;
	enum store_result result;
	bool ok;

	list->by_number = is_by_status(list) && reader_knows(list->reader);
	result = store_reader_begin(store);
	if (result != STORE_OK)
		return read_failed(list->reader, list->call, result);
	if (!list->nothing)
		result = select_rows(list, row, context);
	ok = problem->code == PROBLEM_NONE &&
	     (result == STORE_OK || read_failed(list->reader, list->call, result)) &&
	     (end == NULL || end(context));
	store_reader_end(store);
	return ok;
}

void list_send(struct list *list, store_row *row, bool (*end)(void *context), void *context)
{
	struct call *call = list->call;

	if (row == NULL) {
		row = print_row;
		context = list;
	}
	if (!run_query(list, row, end, context)) {
		call_problem(call);
		return;
	}
	str_adds(&call->reply, list->any ? "]\n" : "[]\n");
	call_reply_bytes(call, 200, "application/json");
}

void row_send(struct reader *reader, struct call *call, enum table_id table, void *row,
              const char *message)
{
	enum store_result result = store_get(reader->store, table, row, STORE_ALL, &call->arena);

	if (result == STORE_OK) {
		call_reply(call, 200,
		           row_to_json(table_get(table), row,
		                       filter_full(call->body) ? VIEW_FULL : VIEW_V1));
		return;
	}
	if (result == STORE_NONE)
		problem_set(&call->problem, PROBLEM_NOT_FOUND, "%s", message);
	else
		read_failed(reader, call, result);
	call_problem(call);
}
