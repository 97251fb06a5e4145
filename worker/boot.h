/*
 * Time since the machine was booted, in nanoseconds, which goes on while it is
 * suspended: leases run out during that too.
 */
#ifndef WORKER_BOOT_H
#define WORKER_BOOT_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

#endif
