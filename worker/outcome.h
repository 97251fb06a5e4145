/*
 * How an execution ended, as the event `finished` tells it, and how that follows
 * from what the supervisor said of its processes.
 */
#ifndef WORKER_OUTCOME_H
#define WORKER_OUTCOME_H

#include "model/field.h"
#include "worker/message.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Return codes where no command gave one. */
#define CODE_UPLOAD (-1000)
#define CODE_DOWNLOAD (-1001)
#define CODE_NO_PROGRAM 127
#define CODE_NO_EXECUTION 126

struct outcome {
	bool succeeded;
	int64_t return_code; /* INT_NULL: none */
	int64_t signal;
	const char *reason; /* a word of the protocol, static; NULL: none */
	char *message;      /* owned; NULL: none */
	int64_t failed_line;
	double cpu_seconds;  /* NaN: it never ran */
	int64_t peak_memory; /* bytes, INT_NULL: not known */
	json_t *outputs; /* array of path, size, mtime_ns, digest; owned; NULL: none asked for */
};

void outcome_init(struct outcome *o);
void outcome_release(struct outcome *o);

/* It did not succeed; code INT_NULL: none, reason a static word, fmt NULL: no message. */
void outcome_fail(struct outcome *o, int64_t code, const char *reason, const char *fmt, va_list ap)
        __attribute__((format(printf, 4, 0)));
/* It was ended by a signal of the server before it ran, or after; 0: by none. */
void outcome_cancel(struct outcome *o, int sig);
/* "disk" where the error says that there is no space, else the word that is given. */
const char *outcome_reason(int error, const char *otherwise);

/* The task that ended, for messages and for what it left. */
struct outcome_task {
	const char *command;
	const char *directory;
	bool contained;      /* it ran in a container: its runner left files in the directory */
	const char *work;    /* file system that is meant where space ran out */
	int stop_signal;     /* the server's, 0: none */
	int64_t run_timeout; /* seconds; INT_NULL: none, or not known any more */
	int64_t memory;      /* bytes; INT_NULL: no limit */
	bool revocable;      /* who takes the machine away begins by a TERM */
};

/*
 * What the ending means: the outcome is that of a failure, or, where true is
 * returned, its command succeeded and only `succeeded` is left to be set. Reads the file
 * in which a shell's trap noted the line that failed.
 */
bool outcome_of_ending(struct outcome *o, const struct ending *ending,
                       const struct outcome_task *task);

#endif
