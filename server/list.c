#include "server/list.h"

#include "server/filter.h"
#include "server/known_list.h"
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

static bool run_query(struct list *list, store_row *row, bool (*end)(void *context), void *context)
{
	struct store_reader *store = list->reader->store;
	struct problem *problem = &list->call->problem;
	struct known_scan scan;
	bool by_number = known_list_begin(list, &scan), ok;
	enum store_result result = store_reader_begin(store);

	if (result != STORE_OK)
		return read_failed(list->reader, list->call, result);
	if (by_number)
		result = known_list_select(list, &scan, row, context);
	else if (!list->nothing)
		result = store_select(store, &list->query, row, context);
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
