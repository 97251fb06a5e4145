#include "server/owner.h"

#include "server/record.h"
#include "server/route.h"

#include <string.h>

enum subject {
	SUBJECT_NAME,      /* body: name */
	SUBJECT_WORKER,    /* path: the first number; and body: name, where it is to have another */
	SUBJECT_WORKER_ID, /* body: worker_id */
	SUBJECT_EXECUTION, /* path: the first number */
	SUBJECT_EXECUTION_2 /* path: the second number */
};

/* Every call whose least role is worker and that the core answers. To add one: a row here. */
static const struct row {
	const char *method, *pattern;
	enum subject subject;
} rows[] = {
        {"POST", "/workers/", SUBJECT_NAME},
        {"POST", "/workers/register", SUBJECT_NAME},
        {"PUT", "/workers/{id}", SUBJECT_WORKER},
        {"PUT", "/workers/{id}/ping", SUBJECT_WORKER},
        {"PUT", "/workers/{id}/callback", SUBJECT_WORKER},
        {"POST", "/workers/{id}/lease", SUBJECT_WORKER},
        {"GET", "/workers/{id}/executions", SUBJECT_WORKER},
        {"GET", "/workers/{id}/executions/{status}", SUBJECT_WORKER},
        {"GET", "/workers/{id}/signals", SUBJECT_WORKER},
        {"POST", "/executions/", SUBJECT_WORKER_ID},
        {"POST", "/executions/events", SUBJECT_WORKER_ID},
        {"PUT", "/executions/{id}", SUBJECT_EXECUTION},
        {"PUT", "/executions/{id}/output", SUBJECT_EXECUTION},
        {"PUT", "/executions/{id}/error", SUBJECT_EXECUTION},
        {"PUT", "/executions/{id}/output_files", SUBJECT_EXECUTION},
        {"PUT", "/executions/{id}/log/{stream}", SUBJECT_EXECUTION},
        {"GET", "/tasks/{id}/freeze/{execution_id}", SUBJECT_EXECUTION_2},
};

static const struct row *find(const char *method, const char *pattern)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].method, method) == 0 && strcmp(rows[i].pattern, pattern) == 0)
			return &rows[i];
	}
	return NULL;
}

bool owner_knows(const char *method, const char *pattern)
{
	return find(method, pattern) != NULL;
}

static bool refuse(struct call *call, const char *name)
{
	return problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
	                   "the token is for worker %.200s, not for %.200s", call->worker, name);
}

static bool may_be(struct call *call, const char *name)
{
	return pattern_matches(call->worker, name) || refuse(call, name);
}

static bool may_speak_for(struct core *core, struct call *call, int64_t id)
{
	const struct worker_node *worker = state_worker(&core->state, id);

	return worker == NULL || may_be(call, worker->name);
}

static bool may_touch(struct core *core, struct call *call, int64_t id)
{
	const struct execution_node *live = state_execution(&core->state, id);
	struct execution row;

	if (live != NULL)
		return may_be(call, live->worker->name);
	if (!record_find_execution(core, id, &row))
		return true;
	if (state_worker(&core->state, row.worker_id) == NULL)
		return refuse(call, "one that is gone");
	return may_speak_for(core, call, row.worker_id);
}

bool owner_allows(struct core *core, struct call *call)
{
	const struct row *row;
	const char *name;

	if (call->route == NULL || call->role != ROLE_WORKER || call->route->role != ROLE_WORKER)
		return true;
	row = find(call->route->method, call->route->pattern);
	if (row == NULL)
		return refuse(call, "this call");
	name = json_string_value(json_object_get(call->body, "name"));
	switch (row->subject) {
	case SUBJECT_NAME:
		return name == NULL || may_be(call, name);
	case SUBJECT_WORKER:
		return may_speak_for(core, call, call->ids[0]) &&
		       (name == NULL || may_be(call, name));
	case SUBJECT_WORKER_ID:
		return may_speak_for(core, call,
		                     json_integer_value(json_object_get(call->body, "worker_id")));
	case SUBJECT_EXECUTION:
		return may_touch(core, call, call->ids[0]);
	case SUBJECT_EXECUTION_2:
		return may_touch(core, call, call->ids[1]);
	}
	return false;
}
