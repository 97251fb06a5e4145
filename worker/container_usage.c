#include "worker/container_usage.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "worker/cgroup_file.h"

#include <dirent.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "/container-usage"
#define LOOKS_MOST 20
#define DEPTH_MOST 8

/* The directory below `dir` whose name has the number in it, or NULL. */
static char *find_below(const char *dir, const char *id, unsigned depth)
{
	struct str path = STR_INIT;
	DIR *d = opendir(dir);
	char *found = NULL;
	struct dirent *e;

	while (d != NULL && found == NULL && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		str_reset(&path);
		str_addf(&path, "%s/%s", dir, e->d_name);
		if (strstr(e->d_name, id) != NULL)
			found = xstrdup(path.p);
		else if (depth < DEPTH_MOST)
			found = find_below(path.p, id, depth + 1);
	}
	if (d != NULL)
		closedir(d);
	str_release(&path);
	return found;
}

/* Without the controller a group of version 2 says nothing of memory, also where that of version 1
 * is only about to be made. */
static char *find_unified_memory(const char *dir, const char *id)
{
	char *found = find_below(dir, id, 0);
	struct str file = STR_INIT;

	if (found == NULL)
		return NULL;
	str_addf(&file, "%s/memory.current", found);
	if (access(file.p, F_OK) != 0) {
		free(found);
		found = NULL;
	}
	str_release(&file);
	return found;
}

static void find_in(struct container_usage *u, const struct mntent *m, const char *id)
{
	bool unified = strcmp(m->mnt_type, "cgroup2") == 0;
	bool old = strcmp(m->mnt_type, "cgroup") == 0;

	if (u->memory == NULL && (unified || (old && hasmntopt(m, "memory") != NULL))) {
		u->memory = unified ? find_unified_memory(m->mnt_dir, id)
		                    : find_below(m->mnt_dir, id, 0);
		u->memory_unified = unified;
	}
	if (u->cpu == NULL && (unified || (old && hasmntopt(m, "cpuacct") != NULL))) {
		u->cpu = find_below(m->mnt_dir, id, 0);
		u->cpu_unified = unified;
	}
}

static void find(struct container_usage *u, const char *id)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char text[4096];
	struct mntent m;

	u->looks++;
	if (mounts == NULL)
		return;
	/* Those of version 1 come first on hybrid machines, and are the ones that count there. */
	while (getmntent_r(mounts, &m, text, sizeof(text)) != NULL)
		find_in(u, &m, id);
	endmntent(mounts);
}

static void sample(struct container_usage *u)
{
	uint64_t memory = 0, cpu_us = 0;

	if (u->memory != NULL)
		memory = cgroup_read_held(u->memory, u->memory_unified);
	if (u->cpu != NULL)
		cpu_us = u->cpu_unified ? cgroup_read_number(u->cpu, "cpu.stat", "usage_usec")
		                        : cgroup_read_number(u->cpu, "cpuacct.usage", NULL) / 1000;
	/* Gone, a group says nothing. */
	if (memory > u->peak_memory)
		u->peak_memory = memory;
	if (cpu_us > u->cpu_us)
		u->cpu_us = cpu_us;
}

void container_usage_look(struct container_usage *u, const char *id, int64_t now_ns)
{
	if (u->begun_ns == 0)
		u->begun_ns = now_ns;
	if (*id != '\0' && (u->memory == NULL || u->cpu == NULL) && u->looks < LOOKS_MOST)
		find(u, id);
	sample(u);
	u->next_ns = u->memory == NULL && u->cpu == NULL && u->looks == LOOKS_MOST
	                     ? INT64_MAX
	                     : cgroup_sample_next(u->begun_ns, now_ns);
}

void container_usage_release(struct container_usage *u)
{
	free(u->memory);
	free(u->cpu);
}

int container_usage_write(const struct container_usage *u, const char *directory)
{
	struct str path = STR_INIT, text = STR_INIT;
	int err;

	str_addf(&path, "%s" FILE_NAME, directory);
	str_addf(&text, "%d %" PRIu64 " %" PRIu64 "\n", u->cpu != NULL, u->cpu_us, u->peak_memory);
	err = file_replace(path.p, text.p, text.len, 0600);
	str_release(&path);
	str_release(&text);
	return err;
}

bool container_usage_read(struct container_usage *u, const char *directory)
{
	struct str path = STR_INIT, text = STR_INIT;
	int known = 0;
	bool ok;

	*u = (struct container_usage){0};
	str_addf(&path, "%s" FILE_NAME, directory);
	ok = file_read(path.p, &text) == 0 &&
	     sscanf(text.p, "%d %" SCNu64 " %" SCNu64, &known, &u->cpu_us, &u->peak_memory) == 3;
	u->cpu_known = known != 0;
	str_release(&path);
	str_release(&text);
	return ok;
}
