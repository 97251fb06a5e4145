/* The backup of the database while it is served: long for a reader, so one at a time. */
#include "model/json.h"
#include "server/filter.h"
#include "server/reader.h"
#include "server/server.h"
#include "store/store.h"

static bool is_going(void *context)
{
	const struct reader *reader = context;

	return !readers_stopping(reader->server->readers);
}

static bool read_target(struct call *call, const char **target)
{
	struct problem *problem = &call->problem;

	*target = NULL;
	if (!filter_known(&filter_backup, call->body, problem) ||
	    !json_member_text(call->body, "target", target, problem))
		return false;
	if (*target == NULL)
		return problem_set(problem, PROBLEM_MISSING_FIELD, "a backup needs target");
	if (**target != '/')
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "target is \"%.200s\", not an absolute path of the server's "
		                   "machine",
		                   *target);
	return true;
}

void read_backup(struct reader *reader, struct call *call)
{
	struct server *server = reader->server;
	const char *target;
	bool ok = read_target(call, &target);

	if (ok && atomic_exchange(&server->backing_up, true)) {
		ok = problem_set(&call->problem, PROBLEM_CONFLICT, "a backup is being made");
	} else if (ok) {
		log_info(&server->log, "backup into %s, asked for by %s", target, call->user);
		ok = store_backup(server->store, target, is_going, reader, &call->problem);
		atomic_store(&server->backing_up, false);
		if (ok)
			log_info(&server->log, "backup into %s: done", target);
		else
			log_error(&server->log, "%s", call->problem.message);
	}
	if (ok)
		call_reply(call, 201, json_pack("{s:s}", "target", target));
	else
		call_problem(call);
}
