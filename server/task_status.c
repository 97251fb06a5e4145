/*
 * GET /tasks/status, what clients ask while they wait for many tasks. Where this server
 * leads, the tasks that are not done are known (known.h) and only the rest is read, so
 * that the call takes no longer because of the number of tasks in the database. Any
 * other server reads all of them.
 */
#include "server/known.h"
#include "server/known_show.h"
#include "server/list.h"
#include "server/reader.h"
#include "store/store.h"

struct status_list {
	size_t n, cap;
	struct {
		int64_t id;
		int status;
	} * v; /* ascending by id */
};

static bool add_status(void *context, const void *row)
{
	struct status_list *s = context;
	const struct task *task = row;

	s->v[s->n].id = task->task_id;
	s->v[s->n].status = task->status;
	return ++s->n < s->cap;
}

static const int *find_status(const struct status_list *s, int64_t id)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->v[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && s->v[low].id == id ? &s->v[low].status : NULL;
}

/* The list of ids, NULL with the problem set where there is none. A single one makes a list. */
static json_t *asked_for(struct call *call)
{
	json_t *asked = json_object_get(call->body, "task_id");

	if (json_is_integer(asked)) {
		asked = json_pack("[O]", asked);
		json_object_set_new(call->body, "task_id", asked);
	}
	if (json_is_array(asked))
		return asked;
	problem_set(&call->problem, PROBLEM_MISSING_FIELD, "this call needs task_id");
	return NULL;
}

static void add_number(struct call *call, size_t i, int status)
{
	str_addf(&call->reply, "%s%d", i > 0 ? "," : "[", status);
}

static void end_list(struct call *call)
{
	str_adds(&call->reply, call->reply.len > 0 ? "]\n" : "[]\n");
}

bool known_task_status(struct known *known, struct call *call)
{
	json_t *asked = json_object_get(call->body, "task_id"), *id;
	size_t n = json_array_size(asked), i;
	int64_t *ids = arena_array(&call->arena, int64_t, n + 1);
	signed char *statuses = arena_alloc(&call->arena, n + 1);

	/* What is no list is refused with the rest. */
	if (!json_is_array(asked))
		return false;
	json_array_foreach(asked, i, id)
	{
		ids[i] = json_integer_value(id);
	}
	if (known_statuses(known, ids, n, statuses) > 0) {
		call->known = statuses;
		return false;
	}
	for (i = 0; i < n; i++)
		add_number(call, i, statuses[i]);
	end_list(call);
	call_reply_bytes(call, 200, "application/json");
	return true;
}

/* The ids that are to be read. */
static json_t *unknown_of(json_t *asked, const signed char *known)
{
	json_t *rest = json_array(), *id;
	size_t i;

	json_array_foreach(asked, i, id)
	{
		if (known == NULL || known[i] == KNOWN_NOT)
			json_array_append(rest, id);
	}
	return rest;
}

static bool read_rest(struct reader *reader, struct call *call, struct status_list *found)
{
	const struct table *table = table_get(TABLE_TASK);
	struct list list;
	enum store_result result = STORE_OK;

	list_init(&list, reader, call, TABLE_TASK);
	list_where(&list, "task_id", "task_id", false);
	list.query.limit = 0; /* the list itself is the limit */
	list.query.mask = (uint64_t)1 << table_field(table, "task_id") |
	                  (uint64_t)1 << table_field(table, "status");
	if (!list.nothing)
		result = store_select(reader->store, &list.query, add_status, found);
	return result == STORE_OK || read_failed(reader, call, result);
}

void read_task_status(struct reader *reader, struct call *call)
{
	json_t *asked = asked_for(call), *id;
	struct status_list found = {0};
	size_t i;

	if (asked == NULL) {
		call_problem(call);
		return;
	}
	json_incref(asked);
	json_object_set_new(call->body, "task_id", unknown_of(asked, call->known));
	found.cap = json_array_size(asked);
	found.v = arena_array_size(&call->arena, found.cap + 1, sizeof(found.v[0]));
	if (!read_rest(reader, call, &found))
		goto refuse;
	json_array_foreach(asked, i, id)
	{
		int64_t number = json_integer_value(id);
		const int *status;

		if (call->known != NULL && call->known[i] != KNOWN_NOT) {
			add_number(call, i, call->known[i]);
			continue;
		}
		status = find_status(&found, number);
		if (status == NULL) {
			problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no task %lld",
			            (long long)number);
			goto refuse;
		}
		add_number(call, i, *status);
	}
	json_decref(asked);
	end_list(call);
	call_reply_bytes(call, 200, "application/json");
	return;
refuse:
	json_decref(asked);
	call_problem(call);
}
