/*
 * The supervisor: a small process, parent of every task of a worker, that
 * outlives the agent which speaks to the server. It starts tasks as places
 * become free, enforces run timeouts and the lease, kills what a task leaves behind,
 * and keeps each result until the agent says that it arrived. Tasks die with it.
 *
 * The agent starts it (holder.c) by executing this binary anew with
 * SUPERVISOR_ARGUMENT and the working directory as arguments; descriptor 3 is the
 * listening socket, over which they talk as message.h says.
 */
#ifndef WORKER_SUPERVISOR_H
#define WORKER_SUPERVISOR_H

#define SUPERVISOR_ARGUMENT "--supervisor"
#define SUPERVISOR_SOCKET_FD 3

/* argv[1] is SUPERVISOR_ARGUMENT. The exit code of the process. */
int supervisor_main(int argc, char **argv);

#endif
