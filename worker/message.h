/*
 * The words that agent and supervisor exchange over their socket: frames of a
 * length, a type and fields in a fixed order. Both ends are this program on this
 * machine, so numbers have its byte order. What each type carries stands beside
 * it; the other side is holder.c (agent) and supervisor.c.
 *
 * To change a frame or a note, raise MESSAGE_VERSION: an agent that was upgraded may find
 * the supervisor of its predecessor, and must not guess.
 */
#ifndef WORKER_MESSAGE_H
#define WORKER_MESSAGE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_VERSION 7
/* A command line of the size that the kernel takes, and its script. */
#define MESSAGE_MAX ((uint32_t)64 << 20)

enum message_type {
	/* Agent to supervisor. */
	MESSAGE_HELLO = 1, /* version, ns without an agent that it survives at most (0: any), GPUs
	                      that tasks may have, a list of base/gpus.h */
	MESSAGE_START,  /* id, weight, GPUs, run timeout ns, grace ns, memory limit (0: none), cpus,
	                   directory, work directory,
	                   1 where worker/runner.h is to run it, kind of shield, lent paths[],
	                   words[], fallback words[],
	                   environment[], note */
	MESSAGE_SIGNAL, /* id, signal, cause, grace ns: 0 sends it once, else KILL follows */
	MESSAGE_NOTE,   /* id, note */
	MESSAGE_FORGET, /* id: its result arrived, or nobody wants it; what runs is killed */
	MESSAGE_LEASE,  /* boot time ns after which the tasks must not run, length of the lease */
	MESSAGE_END,    /* kill what runs and end */
	/* Supervisor to agent. */
	MESSAGE_WELCOME, /* version, instance, number of TASK frames that follow */
	MESSAGE_TASK,    /* id, state, note, then as STARTED and EXITED have it */
	MESSAGE_STARTED, /* id, pid */
	MESSAGE_EXITED,  /* id, struct ending */
};

/* Where a task stands in the supervisor. */
enum held_state { HELD_WAITING, HELD_RUNNING, HELD_ENDED };

/* Why the supervisor ended a task, or was told to. */
enum stop_cause {
	STOP_NONE,
	STOP_TIMEOUT,  /* its run timeout */
	STOP_CANCEL,   /* a signal from the server */
	STOP_LEASE,    /* no contact with the server for the lease time */
	STOP_SHUTDOWN, /* the worker is ending */
};

/* How a task came to its end. */
struct ending {
	bool started;       /* false: it never ran */
	int start_errno;    /* where it could not be executed; 0: it was stopped before its turn */
	const char *failed; /* which step of the start failed, "" for none; borrowed */
	int status;         /* of wait(2), where it ran */
	enum stop_cause cause;
	bool strays; /* processes that could not be attributed to a task were alive */
	uint64_t cpu_us;
	uint64_t peak_memory; /* bytes; 0: below what could be told */
	uint64_t duration_ns;
	bool oom; /* the kernel killed a process of it for lack of memory */
};

/* Writing: begin, fields, end. */
size_t message_begin(struct str *out, enum message_type type);
void message_add_number(struct str *out, uint64_t value);
void message_add_real(struct str *out, double value);
void message_add_bytes(struct str *out, const void *data, size_t n);
void message_add_text(struct str *out, const char *text);
void message_add_texts(struct str *out, char *const *texts, size_t n);
void message_add_ending(struct str *out, const struct ending *ending);
void message_end(struct str *out, size_t begun);

/* One frame, borrowed from the buffer that it was taken from. */
struct message {
	enum message_type type;
	const char *p, *end;
	bool broken; /* a field was missing; what was read is then 0 or "" */
};

/* 1 and a frame, 0 where more bytes are needed, -1 where these are none of ours. *used grows. */
int message_take(const struct str *in, size_t *used, struct message *m);
uint64_t message_number(struct message *m);
double message_real(struct message *m);
/* NUL-terminated; *n may be NULL. */
const char *message_bytes(struct message *m, size_t *n);
const char *message_text(struct message *m);
/* The number of texts that follow, each read by message_text. */
size_t message_count(struct message *m);
void message_ending(struct message *m, struct ending *ending);

#endif
