/*
 * The process between the supervisor and a container: the first process of a task that runs in
 * one, and the parent (or adoptive parent) of all that the engine starts for it.
 *
 *	scitq-worker --container ENGINE NAME DIRECTORY WORD...
 *
 * runs ENGINE WORD..., the first of which is `run`, with the GPUs that SCITQ_GPUS names, hands
 * signals on to the container, pauses and removes it by the engine's own commands, and ends as the
 * container's command ended: with its code, or by its signal. Nothing of the container is left when
 * it has ended; when its supervisor dies, the kernel tells it, and it kills the container.
 */
#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

#define RUNNER_ARGUMENT "--container"
/* In DIRECTORY: the engine's number of the container, once it was made. */
#define RUNNER_ID_FILE "container-id"
/* In DIRECTORY, at the end: one of the words below. Without it the container may be there still. */
#define RUNNER_END_FILE "container-end"
#define RUNNER_END_GONE "gone"
#define RUNNER_END_MEMORY "memory" /* the kernel killed a process of it for lack of memory */
#define RUNNER_END_ENGINE                                                                          \
	"engine" /* the engine could not make a container; it said why on stderr */

/* Which signal to send the runner for one that is meant for the container. */
int runner_signal(int sig);

int runner_main(int argc, char **argv);

#endif
