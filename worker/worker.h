/*
 * The program scitq-worker, also part of scitq-run, which starts it as a process
 * of its own binary: main() calls this where argv[0] ends in scitq-worker. It executes
 * /proc/self/exe with argv[0] = "scitq-worker" for its supervisor.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

int worker_main(int argc, char **argv);

#endif
