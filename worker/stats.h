/*
 * What the machine is doing, as a worker tells its server: load, memory, disk and network in
 * the texts of scitq v1, and beside these as numbers. Speeds and the cpu's share are since the
 * sample before. The agent's loop samples when it polls.
 */
#ifndef WORKER_STATS_H
#define WORKER_STATS_H

#include <jansson.h>
#include <stdint.h>

struct stats {
	int64_t at_ns;              /* monotonic, of the last sample; 0: none */
	uint64_t total, idle, wait; /* ticks of all cpus */
	uint64_t disk_read, disk_written, received, sent; /* bytes since the machine was booted */
	double busy; /* percent of the cpus at the last sample, -1: not known */
};

/*
 * A new object: "load" ("19.0↑ / 2.0": percent of cpu and of waiting for disks), "memory" (percent
 * in use) and "stats", a JSON text of
 *	load     "1.5 0.8 0.4"
 *	disk     speed "read/written Mb/s", usage ["/:20"] in percent, counter "read/written Gb"
 *	network  speed and counter, received/sent
 *	numbers  the same in bytes, bytes a second and percent
 * What the kernel does not tell is left out, or "-" where v1 has a text.
 */
json_t *stats_sample(struct stats *s, int64_t now_ns);

#endif
