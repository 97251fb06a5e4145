/* Runs and identities, read: what scitq-run compares with and reuses. */
#include "server/filter.h"
#include "server/list.h"
#include "server/reader.h"
#include "store/store.h"

#define IDENTITIES_MAX 10000

void read_runs(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_RUN);
	list.view = VIEW_FULL;
	list.query.reverse = true;
	if (list_where(&list, "name", "name", false) &&
	    list_where(&list, "status", "status", false))
		list_send(&list, NULL, NULL, NULL);
	else
		call_problem(call);
}

/* The fields of a task that tell identities apart. */
static const char *const identity_fields[] = {"task_id",        "name",   "identity",
                                              "identity_parts", "status", "partial"};

#define IDENTITY_FIELDS (sizeof(identity_fields) / sizeof(identity_fields[0]))

static void put_field(json_t *object, const char *name, const struct task *task)
{
	const struct table *table = table_get(TABLE_TASK);

	json_object_set_new(object, name,
	                    field_to_json(&table->fields[table_field(table, name)], task));
}

static json_t *identity_json(const struct task *task)
{
	json_t *object = json_object();

	for (size_t i = 0; i < IDENTITY_FIELDS; i++)
		put_field(object, identity_fields[i], task);
	return object;
}

static void print(struct call *call, json_t *object, bool *any)
{
	if (*any)
		str_adds(&call->reply, ",\n");
	*any = true;
	json_print(object, &call->reply);
	json_decref(object);
}

struct identity_list {
	struct call *call;
	bool any;
};

static bool add_identity(void *context, const void *row)
{
	struct identity_list *l = context;

	print(l->call, identity_json(row), &l->any);
	return true;
}

static void answer(struct reader *reader, struct call *call, enum store_result result)
{
	if (result == STORE_OK) {
		str_adds(&call->reply, "]}\n");
		call_reply_bytes(call, 200, "application/json");
		return;
	}
	read_failed(reader, call, result);
	call_problem(call);
}

void read_run_identities(struct reader *reader, struct call *call)
{
	const struct table *table = table_get(TABLE_TASK);
	struct identity_list l = {.call = call};
	struct run run = {.run_id = call->ids[0]};
	struct store_filter filter = {
	        .field = table_field(table, "run_id"), .op = STORE_EQ, .number = call->ids[0]};
	struct store_query query = {.table = TABLE_TASK, .filters = &filter, .nfilters = 1};
	enum store_result result;

	result = store_get(reader->store, TABLE_RUN, &run, 1, &call->arena);
	if (result == STORE_NONE) {
		problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no run %lld",
		            (long long)call->ids[0]);
		call_problem(call);
		return;
	}
	for (size_t i = 0; i < IDENTITY_FIELDS; i++)
		query.mask |= (uint64_t)1 << table_field(table, identity_fields[i]);
	str_adds(&call->reply, "{\"tasks\":[");
	if (result == STORE_OK)
		result = store_select(reader->store, &query, add_identity, &l);
	answer(reader, call, result);
}

/* The strings of an array member, null too where `gaps`; false with the problem set. */
static bool read_texts(struct call *call, const char *name, bool gaps, const char *const **texts,
                       size_t *n)
{
	json_t *array = json_object_get(call->body, name), *item;
	const char **v;
	size_t i;

	if (array == NULL || json_is_null(array))
		return problem_set(&call->problem, PROBLEM_MISSING_FIELD, "this call needs %s",
		                   name);
	if (!json_is_array(array))
		return problem_set(&call->problem, PROBLEM_BAD_TYPE,
		                   "%s must be an array of strings, not %s", name,
		                   json_type_words(array));
	*n = json_array_size(array);
	if (*n > IDENTITIES_MAX)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "%s has %zu members, more than %d", name, *n, IDENTITIES_MAX);
	v = arena_array(&call->arena, const char *, *n + 1);
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item) && !(gaps && json_is_null(item)))
			return problem_set(&call->problem, PROBLEM_BAD_TYPE,
			                   "%s[%zu] must be a string, not %s", name, i,
			                   json_type_words(item));
		v[i] = json_string_value(item);
	}
	*texts = v;
	return true;
}

static bool add_found(void *context, size_t i, const struct task *task, const char *outputs)
{
	struct identity_list *l = context;
	json_t *object = json_object(), *files = outputs ? json_loads(outputs, 0, NULL) : NULL;

	(void)i;
	put_field(object, "identity", task);
	put_field(object, "task_id", task);
	put_field(object, "name", task);
	put_field(object, "output", task);
	json_object_set_new(object, "outputs", files ? files : json_array());
	print(l->call, object, &l->any);
	return true;
}

void read_identities_find(struct reader *reader, struct call *call)
{
	struct identity_list l = {.call = call};
	const char *const *identities = NULL, *const *places = NULL;
	json_t *given = json_object_get(call->body, "places");
	size_t n = 0, nplaces = 0;
	bool ok = filter_known(&filter_identities_find, call->body, &call->problem) &&
	          read_texts(call, "identities", false, &identities, &n);

	if (ok && given != NULL && !json_is_null(given)) {
		ok = read_texts(call, "places", true, &places, &nplaces);
		if (ok && nplaces != n)
			ok = problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                 "places has %zu members, identities has %zu", nplaces, n);
	}
	if (!ok) {
		call_problem(call);
		return;
	}
	str_adds(&call->reply, "{\"found\":[");
	answer(reader, call,
	       store_find_identities(reader->store, identities, places, n, add_found, &l));
}

static bool add_latest(void *context, size_t i, const struct task *task, const char *outputs)
{
	struct identity_list *l = context;
	json_t *object = identity_json(task);

	(void)i;
	(void)outputs;
	put_field(object, "output", task);
	print(l->call, object, &l->any);
	return true;
}

void read_identities_latest(struct reader *reader, struct call *call)
{
	struct identity_list l = {.call = call};
	const char *workflow = NULL, *const *names = NULL;
	size_t n = 0;

	if (!filter_known(&filter_identities_latest, call->body, &call->problem) ||
	    !json_member_text(call->body, "workflow", &workflow, &call->problem) ||
	    !read_texts(call, "names", false, &names, &n)) {
		call_problem(call);
		return;
	}
	if (workflow == NULL) {
		problem_set(&call->problem, PROBLEM_MISSING_FIELD, "this call needs workflow");
		call_problem(call);
		return;
	}
	str_adds(&call->reply, "{\"tasks\":[");
	answer(reader, call, store_find_names(reader->store, workflow, names, n, add_latest, &l));
}
