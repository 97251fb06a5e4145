/*
 * What may happen to tasks and executions, and what follows. Every change of a
 * status goes through here, along a row of model/status.c; nothing else calls
 * state_task_status(). Retries, losses, requirements met or failed, and their
 * undoing are decided here.
 */
#ifndef SERVER_CHANGE_H
#define SERVER_CHANGE_H

#include "server/core_inside.h"

/* A task is given up after so many executions were lost with their workers. */
#define LOSS_LIMIT 3
/* Machines that were taken away under a task before it fails: it may take longer than any of them
   lasts. Up to 15 fit. */
#define EVICTION_LIMIT 10

/* Why an execution that nobody ends any more was lost. */
enum loss {
	LOSS_COUNTS,   /* its worker died */
	LOSS_FORGIVEN, /* somebody meant it, or it was never there */
	LOSS_EVICTED,  /* its machine was taken away */
};

/* How an execution ended. Texts are borrowed for the call. */
struct outcome {
	enum execution_event event; /* succeed, fail or refuse */
	enum reason reason;
	bool forgiven;       /* a loss that is not counted: an orderly end of the server */
	int64_t return_code; /* INT_NULL: none */
	int64_t failed_line; /* INT_NULL: unknown */
	const char *message; /* may be NULL */
};

/*
 * Apply the event. False, with nothing changed, where no row allows it. Resume
 * and relaunch end in waiting where requirements are not met. What follows for
 * tasks that require this one happens at once.
 */
bool change_task(struct core *core, uint32_t id, struct task_node *task, enum task_event event,
                 enum reason reason);
/* The task's requirements have changed in the database: read them anew. It then waits, is pending
   or fails as they say. */
void change_required(struct core *core, uint32_t id, struct task_node *task);
/* Is what is required of `other` there? That failures are accepted says nothing of a gather with a
   rule of its own. */
bool requirement_met(const struct task_node *other, bool accepts_failure, struct edge_rule rule);
/* Does what it gave lack something? */
bool gives_part(const struct task_node *other);
/* Whether what the task will give, or gave, lacks something. */
void change_partial(struct core *core, uint32_t id, struct task_node *task, bool partial);
/* A task that waits may wait only for what has failed already. */
void change_check(struct core *core, uint32_t id, struct task_node *task);
/* Nobody waits for the task any more: it is about to be deleted. */
void change_release(struct core *core, struct task_node *task);

/* The execution moves on, and its task with it; false where no row allows it. For accept and
   start. */
bool change_execution(struct core *core, struct execution_node *execution,
                      enum execution_event event);
/*
 * The execution ends: its row is written and its node freed. The task ends, is
 * tried again or is pending once more. False where no row allows it.
 */
bool change_end(struct core *core, struct execution_node *execution, const struct outcome *outcome);
/* Its worker is gone; an offer is withdrawn. */
void change_lost(struct core *core, struct execution_node *execution, enum loss loss);
/* The task lets go of its live execution, which is told to stop, or withdrawn where it was an
   offer. The caller moves the task. */
void change_abandon(struct core *core, struct execution_node *execution);
/* The task ends as cancelled, its execution is abandoned. False where it is done. */
bool change_cancel(struct core *core, uint32_t id, struct task_node *task);

#endif
