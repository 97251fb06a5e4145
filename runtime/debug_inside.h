/*
 * The inside of runtime/debug.h: debug.c reads commands, debug_watch.c tells of the task that was
 * picked, debug_log.c what it writes, debug_tell.c finds tasks and shows what is known of them.
 */
#ifndef RUNTIME_DEBUG_INSIDE_H
#define RUNTIME_DEBUG_INSIDE_H

#include "runtime/debug.h"
#include "model/member.h"

struct debug {
	struct follow *follow;
	struct session *session;
	struct progress *out;
	const struct debug_editor *editor;
	struct follow_poll poll;
	struct str input; /* read and not used yet */
	bool input_ended;
	bool terminal; /* somebody types; else what was read is repeated */
	int64_t task;  /* of which was spoken last, 0: of none */
	bool warned;   /* Ctrl-C was the last thing that was typed */
	bool over;
	bool leaving; /* the run may have ended: what is asked then is not about it */
	bool broken;  /* the session's error is set */
};

/*
 * The answer to a call, the caller's; body is taken over. NULL where it was refused, which is told,
 * or where the dialog is broken.
 */
json_t *debug_call(struct debug *d, const char *method, const char *path, json_t *body);
json_t *debug_get(struct debug *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a task is called here: its name, or "task 12". */
void debug_name(const json_t *task, struct str *out);

/* ---- debug_tell.c ---- */

/* The row of the task that a word names: its number, its name, or its step, of which the first is
   taken that is ready; "": the last one spoken of. NULL, told, where there is none. */
json_t *debug_find(struct debug *d, const char *word);
/* The task that is to be run next, its row; NULL where none is ready. The deepest steps go first.
 */
json_t *debug_next(struct debug *d);
/* Its latest execution; NULL where it had none. */
json_t *debug_execution(struct debug *d, int64_t task_id);
/* How many tasks wait for their user. */
int64_t debug_waiting(const struct debug *d);
void debug_list(struct debug *d, const char *step);
void debug_show(struct debug *d, const json_t *task);
void debug_why(struct debug *d, const json_t *task);

/* ---- debug_log.c ---- */

/* What its latest execution wrote. */
void debug_log(struct debug *d, const json_t *task);

/* One log of an execution that goes on. */
struct debug_tap {
	struct debug_logs *logs;
	size_t stream;
	struct str line;
	uint64_t call; /* 0: none is under way */
	int64_t offset, again_ns;
	bool ended, cr; /* cr: behind a carriage return */
};

/* Both, told line by line as they grow. */
struct debug_logs {
	struct debug *d;
	bool *look; /* set when a call has ended */
	struct debug_tap taps[2];
};

void debug_logs_init(struct debug_logs *l, struct debug *d, bool *look);
void debug_logs_release(struct debug_logs *l);
/* From the beginning, of another execution. */
void debug_logs_clear(struct debug_logs *l);
/* Ask for what is not asked for yet, or was cut off. */
void debug_logs_tend(struct debug_logs *l, int64_t execution);
/* All was told. */
bool debug_logs_ended(const struct debug_logs *l);

/* ---- debug_watch.c ---- */

/* Let the task run, where it does not yet, and tell of it until it has ended or the user wants to
   go on with something else. */
void debug_watch(struct debug *d, const json_t *task);

/* ---- debug.c ---- */

/* What a signal means; true where what is being done ends with it. */
bool debug_signal(struct debug *d, int signal);

#endif
