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

int fd_write_all_at(int fd, const void *data, size_t n, off_t at)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		at += w;
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

		if (!str_reserve(out, 65536))
			return -ENOMEM;
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

int dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		err = -errno;
	close(fd);
	return err;
}

int dir_sync_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL   ? xstrdup(".")
	            : slash == path ? xstrdup("/")
	                            : xstrndup(path, (size_t)(slash - path));
	int err = dir != NULL ? dir_sync(dir) : -ENOMEM;

	free(dir);
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
		err = dir_sync_of(path);
	str_release(&temp);
	return err;
}

const char *temporary_place(void)
{
	const char *place = getenv("TMPDIR");

	return place != NULL && *place != '\0' ? place : "/tmp";
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

/*
 * Removing a tree. Each level below the top holds a descriptor and a frame; what lies
 * deeper than HELD_LEVELS is first moved up into the top directory, under a name of ours,
 * and removed from there in the next round: a task may nest as deep as it likes.
 */
#define HELD_LEVELS 64

struct removal {
	int top;          /* directory that takes what lies too deep; -1 before there is one */
	unsigned hoisted; /* so far, for names */
};

static int remove_at(struct removal *r, int dirfd, const char *name, unsigned level);

/* Move a directory into the top one. 0 or -errno. */
static int hoist(struct removal *r, int dirfd, const char *name)
{
	char to[32];

	for (;;) {
		snprintf(to, sizeof(to), ".removed-%u", r->hoisted++);
		if (renameat(dirfd, name, r->top, to) == 0)
			return 0;
		/* Something of the tree has that name. */
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -errno;
	}
}

static int empty_directory(struct removal *r, int fd, unsigned level)
{
	DIR *d = fdopendir(fd);
	unsigned hoisted = r->hoisted;
	struct dirent *e;
	struct stat st;
	int err = 0;

	if (d == NULL) {
		err = -errno;
		close(fd);
		return err;
	}
	/* Where that does not help, removing what is in it will say so. */
	if (fstat(fd, &st) == 0 && (st.st_mode & 0300) != 0300)
		(void)fchmod(fd, 0700);
	if (level == 0)
		r->top = fd;
	for (;;) {
		int one;

		while ((errno = 0, e = readdir(d)) != NULL) {
			if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
				continue;
			one = remove_at(r, fd, e->d_name, level + 1);
			if (one != 0 && err == 0)
				err = one;
		}
		if (err == 0 && errno != 0)
			err = -errno;
		if (level > 0 || err != 0 || hoisted == r->hoisted)
			break;
		hoisted = r->hoisted;
		rewinddir(d);
	}
	closedir(d);
	return err;
}

static int open_directory(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int remove_at(struct removal *r, int dirfd, const char *name, unsigned level)
{
	int fd, err;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = open_directory(dirfd, name);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = open_directory(dirfd, name);
	if (fd < 0)
		return -errno;
	if (level > HELD_LEVELS) {
		(void)fchmod(fd, 0700); /* to move it is to write its ".." */
		close(fd);
		return hoist(r, dirfd, name);
	}
	err = empty_directory(r, fd, level);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && err == 0)
		err = -errno;
	return err;
}

int tree_remove(const char *path)
{
	struct removal r = {.top = -1};

	return remove_at(&r, AT_FDCWD, path, 0);
}
