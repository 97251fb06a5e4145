#include "cli/attend.h"

#include "base/alloc.h"
#include "runtime/carry.h"
#include "runtime/local.h"

#include <stdio.h>
#include <stdlib.h>

void attend_release(struct attend *a)
{
	vec_release(&a->runs);
}

void attend_run(struct attend *a, int64_t run_id)
{
	for (size_t i = 0; i < a->runs.n; i++) {
		if (a->runs.v[i] == run_id)
			return;
	}
	vec_push(&a->runs, run_id);
}

void attend_task(struct attend *a, const json_t *task)
{
	int64_t run_id = json_integer_value(json_object_get(task, "run_id"));

	if (run_id > 0)
		attend_run(a, run_id);
	else
		a->loose = true;
}

int attend_carry(struct attend *a, struct call *c, bool detach)
{
	struct carry_options options = {.program = c->command->program, .detach = detach};
	char *state;
	int code;

	if (!call_private(c) || c->code != EXIT_CODE_OK || a->runs.n == 0)
		return call_close(c);
	if (a->loose)
		attend_tell(&(struct attend){.loose = true}, c);
	state = xstrdup(c->reach.state.p);
	options.state = state;
	code = call_close(c);
	if (code == EXIT_CODE_OK)
		code = (int)carry_runs(&options, a->runs.v, a->runs.n);
	free(state);
	return code;
}

/* The name of a run, the caller's; NULL where the server does not tell. */
static char *run_name(struct call *c, int64_t run_id)
{
	json_t *run = NULL;
	const char *name;
	char path[48], *copy;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)run_id);
	if (client_call(&c->reach.client, "GET", path, NULL, c->timeout_ms, &run) != CLIENT_OK)
		return NULL;
	name = json_string_value(json_object_get(run, "name"));
	copy = name != NULL ? xstrdup(name) : NULL;
	json_decref(run);
	return copy;
}

/* A local worker lives, or a scitq-run is attached to the first of the runs. */
static bool is_attended(const struct attend *a, struct call *c)
{
	struct str error = STR_INIT;
	struct local local;
	char *name = a->runs.n > 0 ? run_name(c, a->runs.v[0]) : NULL;
	bool ok = local_init(&local, c->reach.state.p, &error), found = false;

	for (int i = 0; ok && i < LOCAL_WORKERS; i++)
		found = found || local_worker_runs(&local, i);
	found = found || (ok && name != NULL && !local_is_left(&local, name));
	local_release(&local);
	str_release(&error);
	free(name);
	return found;
}

void attend_tell(struct attend *a, struct call *c)
{
	if (!call_private(c) || c->code != EXIT_CODE_OK || (a->runs.n == 0 && !a->loose) ||
	    is_attended(a, c))
		return;
	if (a->runs.n > 0)
		fprintf(stderr,
		        "nobody works on %s %lld now: scitq resume %lld runs it to its end\n",
		        a->runs.n > 1 ? "runs such as" : "run", (long long)a->runs.v[0],
		        (long long)a->runs.v[0]);
	else
		fprintf(stderr,
		        "nobody works in %s now: the task waits for the next scitq-run there\n",
		        c->reach.state.p);
}
