/*
 * What the server tells workers and clients about storage: its rclone.conf and
 * the URI for their files. The file is read anew for each call.
 */
#include "base/fd.h"
#include "server/reader.h"
#include "server/server.h"

#include <errno.h>
#include <string.h>

/* It holds credentials. A submitter may do what a worker may, but not this. */
static bool may_see(struct call *call)
{
	return call->role != ROLE_SUBMITTER ||
	       problem_set(&call->problem, PROBLEM_UNAUTHORIZED,
	                   "the token is a submitter's, the rclone.conf is for workers and "
	                   "operators");
}

static bool read_text(struct call *call, const char *path, json_t **text)
{
	struct str bytes = STR_INIT;
	int err = file_read(path, &bytes);

	*text = err < 0 ? NULL : json_stringn(bytes.p, bytes.len);
	str_release(&bytes);
	if (err == -ENOENT)
		return problem_set(&call->problem, PROBLEM_NOT_FOUND, "the server has no %s", path);
	if (err < 0)
		return problem_set(&call->problem, PROBLEM_INTERNAL, "cannot read %s: %s", path,
		                   strerror(-err));
	return *text != NULL ||
	       problem_set(&call->problem, PROBLEM_INTERNAL, "%s is not UTF-8 text", path);
}

void read_config_rclone(struct reader *reader, struct call *call)
{
	json_t *text;

	if (may_see(call) && read_text(call, reader->server->rclone, &text))
		call_reply(call, 200, text);
	else
		call_problem(call);
}

void read_config_remote(struct reader *reader, struct call *call)
{
	json_t *text = json_string(reader->server->remote);

	if (text != NULL) {
		call_reply(call, 200, text);
		return;
	}
	problem_set(&call->problem, PROBLEM_INTERNAL, "the URI for files is not UTF-8 text");
	call_problem(call);
}
