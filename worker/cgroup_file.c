#include "worker/cgroup_file.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_LEAST_NS INT64_C(100000000)
#define SAMPLE_MOST_NS INT64_C(1000000000)

int cgroup_write_file(const char *dir, const char *name, const char *text)
{
	struct str path = STR_INIT;
	int fd, err = 0;

	str_addf(&path, "%s/%s", dir, name);
	fd = open(path.p, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	str_release(&path);
	return err;
}

int cgroup_write_number(const char *dir, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return cgroup_write_file(dir, name, text);
}

bool cgroup_read_text(const char *dir, const char *name, struct str *text)
{
	struct str path = STR_INIT;
	bool ok;

	str_reset(text);
	str_addf(&path, "%s/%s", dir, name);
	ok = file_read(path.p, text) == 0;
	str_release(&path);
	return ok;
}

uint64_t cgroup_read_number(const char *dir, const char *name, const char *key)
{
	struct str text = STR_INIT;
	uint64_t value = 0;
	const char *p = NULL;

	if (cgroup_read_text(dir, name, &text)) {
		size_t n = key != NULL ? strlen(key) : 0;

		p = text.p;
		while (p != NULL && n > 0 && (strncmp(p, key, n) != 0 || p[n] != ' ')) {
			p = strchr(p, '\n');
			p = p != NULL ? p + 1 : NULL;
		}
		value = p != NULL ? strtoull(p + n, NULL, 10) : 0;
	}
	str_release(&text);
	return value;
}

uint64_t cgroup_read_held(const char *dir, bool unified)
{
	/* Of version 1 those that say what is below, too. */
	return cgroup_read_number(dir, "memory.stat", unified ? "anon" : "total_rss") +
	       cgroup_read_number(dir, "memory.stat", unified ? "shmem" : "total_shmem");
}

int64_t cgroup_sample_next(int64_t begun_ns, int64_t now_ns)
{
	int64_t wait = (now_ns - begun_ns) / 4;

	return now_ns + (wait < SAMPLE_LEAST_NS  ? SAMPLE_LEAST_NS
	                 : wait > SAMPLE_MOST_NS ? SAMPLE_MOST_NS
	                                         : wait);
}
