#include "stage/copy.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "stage/fault.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KERNEL_CHUNK ((size_t)16 << 20) /* between two looks at the cancellation */
#define CHUNK ((size_t)256 << 10)

static int set_date(int fd, const struct stat *st)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};

	return futimens(fd, times) == 0 ? 0 : -errno;
}

bool copy_reflink(struct stage *s, int from, const struct stat *st, int to)
{
	if (s->no_reflink_known && s->no_reflink == st->st_dev)
		return false;
	if (ioctl(to, FICLONE, from) == 0 && set_date(to, st) == 0) {
		s->bytes += (uint64_t)st->st_size;
		return true;
	}
	/* EINVAL may be this one file's fault, the rest is the file system's. */
	if (errno != EINVAL && errno != EXDEV && errno != EINTR) {
		s->no_reflink = st->st_dev;
		s->no_reflink_known = true;
	}
	return false;
}

static int copy_by_hand(struct stage *s, int from, int to, bool *reading)
{
	char *buffer = xmalloc(CHUNK);
	ssize_t n = 0;

	for (;;) {
		*reading = true;
		n = stage_stopped(s) ? -ECANCELED : fd_read(from, buffer, CHUNK);
		if (n <= 0)
			break;
		*reading = false;
		s->bytes += (uint64_t)n;
		n = fd_write_all(to, buffer, (size_t)n);
		if (n < 0)
			break;
	}
	free(buffer);
	return (int)n;
}

/* 1 where the kernel cannot copy between these two and nothing was copied yet. */
static int copy_in_kernel(struct stage *s, int from, int to)
{
	bool begun = false;

	for (;;) {
		ssize_t n;

		if (stage_stopped(s))
			return -ECANCELED;
		n = copy_file_range(from, NULL, to, NULL, KERNEL_CHUNK, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !begun && errno != ENOSPC && errno != EDQUOT)
			return 1;
		if (n < 0)
			return -errno;
		if (n == 0)
			return begun ? 0 : 1; /* files of /proc say 0 and have bytes */
		begun = true;
		s->bytes += (uint64_t)n;
	}
}

int copy_bytes(struct stage *s, int from, const struct stat *st, int to, bool *reading)
{
	int err;

	*reading = false;
	if (copy_reflink(s, from, st, to))
		return 0;
	err = copy_in_kernel(s, from, to);
	if (err == 1)
		err = copy_by_hand(s, from, to, reading);
	return err != 0 ? err : set_date(to, st);
}
