/* Calls of a command to its server: what goes wrong is said on standard error, with what to do. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "cli/command.h"
#include "cli/reach.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define CALL_AWAY (-1) /* no exit code: whoever is patient asks again */

struct call {
	const struct command_call *command;
	struct reach reach;
	int timeout_ms;
	int code;     /* exit code of the command so far */
	bool patient; /* that the server is away is not told: the code is CALL_AWAY then */
	/* Of several calls at a time one starts a private server again; NULL: it is alone. */
	pthread_mutex_t *starting;
	/* Of several, the first that fails says why, and sets it; NULL: it is alone. */
	atomic_bool *told;
};

/* Groups of options: which server, for every command that uses this, and how long to wait for it.
 */
extern const struct command_option call_options[], call_patience[];

/* False with `code` set. Always to be closed; call_close() returns the code. */
bool call_open(struct call *c, const struct command_call *command);
int call_close(struct call *c);
/* The server is that of a scitq-run: there while somebody needs it, with workers while somebody
   waits for them. */
bool call_private(const struct call *c);
/*
 * A private server that has gone, or goes while we ask, is started again: call_json() and
 * call_bytes() ask it anew, and do nothing twice.
 */
/* The answer, the caller's; an answer without a body is null. NULL with `code` set. Takes the body
   over. */
json_t *call_json(struct call *c, const char *method, const char *path, json_t *body);
/* The same without an answer, where a refusal with that HTTP status is no failure: *refused. */
bool call_unless(struct call *c, const char *method, const char *path, json_t *body, int status,
                 bool *refused);
/* The same for an answer that is bytes, appended to `out`. */
bool call_bytes(struct call *c, const char *path, struct str *out);
/* Say what is wrong, set the code; false. `help` may be NULL. */
bool call_fail(struct call *c, int code, const char *help, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

#endif
