#include "worker/machine.h"

#include "base/fd.h"
#include "base/gpus.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

/* As many cpus as an affinity mask is asked for at most. */
#define CPUS_MAX 8192

static double count_cpus(void)
{
	cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
	size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int n = online > 0 ? (int)online : 1;

	if (set != NULL && sched_getaffinity(0, size, set) == 0)
		n = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return n;
}

void machine_read(struct machine *m, int64_t gpus)
{
	struct str text = STR_INIT;
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	memset(m, 0, sizeof(*m));
	if (gethostname(m->hostname, sizeof(m->hostname) - 1) != 0)
		m->hostname[0] = '\0';
	if (file_read("/proc/sys/kernel/random/boot_id", &text) == 0)
		memcpy(m->boot_id, text.p,
		       strcspn(text.p, "\n") < sizeof(m->boot_id) ? strcspn(text.p, "\n")
		                                                  : sizeof(m->boot_id) - 1);
	str_release(&text);
	m->cpus = count_cpus();
	m->ram = pages > 0 && size > 0 ? (int64_t)pages * size : 0;
	str_init(&m->gpus);
	if (gpus < 0)
		gpus_find(&m->gpus);
	else
		gpus_first((size_t)gpus, &m->gpus);
}

void machine_release(struct machine *m)
{
	str_release(&m->gpus);
}
