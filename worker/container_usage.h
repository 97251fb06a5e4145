/*
 * What a container uses, by its control groups, which its engine made and which are gone when it
 * ends: looked at while it runs. Engines tell nothing of it, and what is waited for is only
 * their client.
 */
#ifndef WORKER_CONTAINER_USAGE_H
#define WORKER_CONTAINER_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct container_usage {
	char *memory, *cpu; /* directories of its groups; NULL: none found */
	bool memory_unified, cpu_unified;
	unsigned looks;               /* for them, in vain */
	int64_t begun_ns, next_ns;    /* monotonic; 0: not begun */
	uint64_t cpu_us, peak_memory; /* memory 0: not known */
	bool cpu_known;               /* of what was read */
};

/* The engine's number of the container is known: look for its groups, then at them. */
void container_usage_look(struct container_usage *u, const char *id, int64_t now_ns);
void container_usage_release(struct container_usage *u);
/* To a file of the task's directory, for whoever tells of its end. 0 or -errno. */
int container_usage_write(const struct container_usage *u, const char *directory);
/* False where there is none: it ran in no container. */
bool container_usage_read(struct container_usage *u, const char *directory);

#endif
