/* What a worker tells of its machine when it registers. */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include <stdint.h>

struct machine {
	char hostname[256];
	char boot_id[64]; /* "" where the kernel does not tell */
	double cpus;      /* that we may run on */
	int64_t ram;      /* bytes */
};

void machine_read(struct machine *m);

#endif
