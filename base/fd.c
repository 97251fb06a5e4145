#include "base/fd.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t fd_read(int fd, void *buf, size_t n)
{
	ssize_t r;

	do
		r = read(fd, buf, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int fd_read_all(int fd, struct str *out)
{
	for (;;) {
		ssize_t r;

		str_reserve(out, 65536);
		r = fd_read(fd, out->p + out->len, 65536);
		if (r <= 0)
			return (int)r;
		out->len += (size_t)r;
		out->p[out->len] = '\0';
	}
}

int file_read(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fd_read_all(fd, out);
	close(fd);
	return err;
}

static int sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL   ? xstrdup(".")
	            : slash == path ? xstrdup("/")
	                            : xstrndup(path, (size_t)(slash - path));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	free(dir);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		err = -errno;
	close(fd);
	return err;
}

int file_replace(const char *path, const void *data, size_t n, mode_t mode)
{
	struct str temp = STR_INIT;
	int fd, err;

	str_addf(&temp, "%s.%ld.tmp", path, (long)getpid());
	fd = open(temp.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0) {
		err = -errno;
		str_release(&temp);
		return err;
	}
	err = fd_write_all(fd, data, n);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	if (err == 0 && rename(temp.p, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(temp.p);
	else
		err = sync_directory_of(path);
	str_release(&temp);
	return err;
}

int dir_make(const char *path, mode_t mode)
{
	char *copy = xstrdup(path);
	struct stat st;
	int err = 0;

	for (char *p = copy + 1; *p != '\0' && err == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) != 0 && errno != EEXIST)
			err = -errno;
		*p = '/';
	}
	if (err == 0 && mkdir(copy, mode) != 0) {
		err = -errno;
		if (err == -EEXIST)
			err = stat(copy, &st) != 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	}
	free(copy);
	return err;
}

static int remove_at(int dirfd, const char *name);

static int empty_directory(int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int err = 0;

	if (d == NULL) {
		err = -errno;
		close(fd);
		return err;
	}
	while ((errno = 0, e = readdir(d)) != NULL) {
		int r;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = remove_at(fd, e->d_name);
		if (r != 0 && err == 0)
			err = r;
	}
	if (err == 0 && errno != 0)
		err = -errno;
	closedir(d);
	return err;
}

static int remove_at(int dirfd, const char *name)
{
	int fd, err;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = empty_directory(fd);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && err == 0)
		err = -errno;
	return err;
}

int tree_remove(const char *path)
{
	return remove_at(AT_FDCWD, path);
}
