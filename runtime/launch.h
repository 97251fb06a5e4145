/* From a submission to its results: what `scitq-run FILE` does after compiling. */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "model/submission.h"
#include "runtime/debug.h"
#include "runtime/session.h"

struct launch_options {
	struct server_access team; /* server NULL: the private one */
	const char *path;          /* absolute path of the .scitq file */
	const char *arguments; /* with what it was compiled, as a run has it; NULL: nobody says */
	struct session_private own;
	bool fresh;                        /* reuse nothing */
	bool detach;                       /* submit and leave */
	bool debug;                        /* its tasks wait for their user, in a dialog: debug.h */
	const struct debug_editor *editor; /* of that */
	const struct telling *telling;     /* a program that listens; NULL: none does */
};

/* How we parted from the run. */
enum launch_end {
	LAUNCH_ENDED,    /* it ended, or never began */
	LAUNCH_DETACHED, /* it goes on by itself */
	LAUNCH_LEFT,     /* it goes on, and others follow it */
};

/* Runs it, telling on standard error; an exit code. */
enum exit_code launch(const struct launch_options *options, const struct submission *submission,
                      enum launch_end *end);
/* Appends in what the plan differs from a run of the server: see difference.h. An exit code. */
enum exit_code launch_difference(const struct launch_options *options,
                                 const struct submission *submission, int64_t run_id,
                                 struct str *out);

#endif
