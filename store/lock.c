/*
 * One process writes a database file. The lock file beside it (FILE.lock) holds
 * the pid of who has it; the flock is what counts, and the kernel drops it with
 * the process.
 */
#include "base/fd.h"
#include "base/network_fs.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool take(int fd, const char *path, struct str *error)
{
	char holder[32];
	struct str pid = STR_INIT;
	ssize_t n;
	int err;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		n = errno == EWOULDBLOCK ? pread(fd, holder, sizeof(holder) - 1, 0) : -1;
		holder[n > 0 ? n : 0] = '\0';
		holder[strcspn(holder, "\n")] = '\0';
		if (errno == EWOULDBLOCK || n >= 0)
			str_addf(error, "another server has this database: process %s holds %s",
			         *holder ? holder : "?", path);
		else
			str_addf(error, "%s: %s", path, strerror(errno));
		return false;
	}
	str_addf(&pid, "%ld\n", (long)getpid());
	err = ftruncate(fd, 0) != 0 ? -errno : fd_write_all(fd, pid.p, pid.len);
	str_release(&pid);
	if (err != 0)
		str_addf(error, "%s: %s", path, strerror(-err));
	return err == 0;
}

int store_lock(const char *database, struct str *error)
{
	struct str path = STR_INIT;
	const char *kind;
	int fd;

	str_addf(&path, "%s.lock", database);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		str_addf(error, "%s: %s", path.p, strerror(errno));
	} else if ((kind = network_fs_of(fd)) != NULL) {
		str_addf(error,
		         "%s is on a network file system (%s), where SQLite cannot be trusted",
		         database, kind);
		close(fd);
		fd = -1;
	} else if (!take(fd, path.p, error)) {
		close(fd);
		fd = -1;
	}
	str_release(&path);
	return fd;
}
