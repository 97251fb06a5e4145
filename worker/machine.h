/* What a worker tells of its machine when it registers. */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include "base/str.h"

#include <stdint.h>

struct machine {
	char hostname[256];
	char boot_id[64]; /* "" where the kernel does not tell */
	double cpus;      /* that we may run on */
	int64_t ram;      /* bytes */
	struct str gpus;  /* that tasks may have, a list of base/gpus.h */
};

/* gpus: how many there are said to be, -1: those that are found. */
void machine_read(struct machine *m, int64_t gpus);
void machine_release(struct machine *m);

#endif
