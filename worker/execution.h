/*
 * One execution that the server granted, from the grant until the server has
 * acknowledged its end. It owns its place and its output streams.
 *
 * What a new agent needs to go on after a kill -9 is the note: it lies in the supervisor's
 * memory beside the task, which is exactly as durable as the task itself.
 */
#ifndef WORKER_EXECUTION_H
#define WORKER_EXECUTION_H

#include "base/arena.h"
#include "model/field.h"
#include "model/problem.h"
#include "worker/command.h"
#include "worker/mounts.h"
#include "worker/outcome.h"
#include "worker/place.h"
#include "worker/resource.h"
#include "worker/shield.h"
#include "worker/stream.h"

#include <stdbool.h>
#include <stdint.h>

enum phase {
	PHASE_STAGING, /* its inputs are on their way */
	PHASE_HELD,    /* in the supervisor: waiting or running */
	PHASE_OUTPUT,  /* ended well; outputs are listed, permission to publish is asked */
	PHASE_UPLOAD,  /* outputs are being published */
	PHASE_DONE,    /* its end waits to be acknowledged by the server */
};

/* Events, as the protocol numbers them within an execution. */
enum event_bit {
	EVENT_STARTED = 1 << 0,    /* seq 1 */
	EVENT_UPLOADING = 1 << 1,  /* seq 2 */
	EVENT_FINISHED = 1 << 2,   /* seq 3 */
	EVENT_REFUSED = 1 << 3,    /* seq 1: nothing else was said */
	EVENT_PROGRESS = 1 << 4,   /* no seq */
	EVENT_IDENTIFIED = 1 << 5, /* no seq: it asks for the result of an identical task */
};

enum stream_index { STREAM_OUT, STREAM_ERR, STREAMS };

struct job;

struct execution {
	int64_t id, epoch, task_id;
	struct arena arena; /* of the texts below; NULL where the grant has none */
	const char *name, *batch, *command, *script, *input, *output, *resource, *yields;
	const char *container, *container_options;
	bool use_cache;       /* an identical task may have a result */
	const char *identity; /* by which it is found; NULL: to be computed */
	char *identity_parts; /* where we computed it */
	/* Of a removal: the folder whose files are deleted, those that the task of `identity` wrote
	   there; NULL: it is none. */
	const char *removes;
	double weight, cpu; /* cpu NaN: not given */
	int64_t memory;     /* bytes that it may take; INT_NULL: no limit */
	int64_t gpu;        /* GPUs of its own; 0, INT_NULL: none */
	int64_t download_timeout, run_timeout, upload_timeout; /* seconds, INT_NULL: none */

	enum phase phase;
	struct place *place;
	struct lent lent;               /* what its links lead to; until it is held */
	struct resource_list resources; /* that it uses */
	struct stream streams[STREAMS];
	bool started;       /* its command runs or ran */
	pid_t pid;          /* 0: not known */
	int64_t started_ns; /* monotonic, of the first we heard of it */
	bool watched;       /* inotify tells of its output; see agent.c */
	int watches[STREAMS];
	bool held;       /* the supervisor knows it */
	bool strays;     /* its place may still be written to */
	int stop_signal; /* of the server, that is to end it; 0: none */

	/* Staging in or out. */
	struct job *job;       /* on the pool; NULL: none */
	int64_t deadline_ns;   /* of the job; 0: none */
	char *progress;        /* what the job told last; NULL: nothing */
	const char *job_cause; /* why we cancelled it: a reason of the protocol, static */
	bool permitted;        /* uploading was answered */
	bool listed;           /* outputs are listed, and the note has them */
	bool resumed;          /* by an earlier agent, which may have published some */

	struct mounts mounts; /* of its inputs, where it runs in a container */

	unsigned due, flying; /* bits of enum event_bit: to be sent, in a call */
	int64_t due_ns;       /* monotonic: when the oldest event became due */
	int64_t hold_ns;      /* monotonic: not to be sent before; 0: at once */
	bool queued;          /* in the list of those with something due */
	bool forgotten;       /* dropped as soon as its job returns */
	struct outcome outcome;
};

/* From a grant's JSON. NULL, with the problem set, where it is none. */
struct execution *execution_new(json_t *grant, struct problem *problem);
/* The place must have been given back; no job may run. */
void execution_free(struct execution *e);
/* Its place is known: prepare what reads its output. `limit`: bytes kept per stream. */
void execution_settle(struct execution *e, struct place *place, uint64_t limit);
/* Bytes that it may take at most; 0: no limit. */
int64_t execution_memory(const struct execution *e);
/* Of what its command is built, in its place. */
struct command_input execution_command(const struct execution *e, double worker_cpus,
                                       bool plain_shell);

/* What execution_from_note() needs. */
void execution_note(const struct execution *e, struct str *note);
/* The execution without place and command; *place is the number of its place, *resources the names
   of its resources in its arena, NULL where it has none. NULL: no note. */
struct execution *execution_from_note(uint64_t id, const char *note, size_t n, unsigned *place,
                                      const char **resources);

/* An event as the protocol has it; `bit` is one of the due ones. */
json_t *execution_event(const struct execution *e, enum event_bit bit);

/*
 * The list of all that are held: a few hundred at most, in the order of their
 * grants.
 */
struct executions {
	struct execution **v;
	size_t n, cap;
};

struct execution *executions_find(const struct executions *list, int64_t id);
void executions_remove(struct executions *list, const struct execution *e);

#endif
