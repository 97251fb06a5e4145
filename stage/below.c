#include "stage/below.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void below_init_fd(struct below *b, int root, bool follow)
{
	b->root = root;
	b->follow = follow;
	b->fd = -1;
	str_init(&b->dir);
}

int below_init(struct below *b, const char *root, bool follow)
{
	below_init_fd(b, open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), follow);
	return b->root < 0 ? -errno : 0;
}

static void forget(struct below *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	str_reset(&b->dir);
}

void below_release(struct below *b)
{
	forget(b);
	str_release(&b->dir);
	if (b->root >= 0)
		close(b->root);
	b->root = -1;
}

static int enter(const struct below *b, int at, const char *name, bool make)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (b->follow ? 0 : O_NOFOLLOW);
	int fd = openat(at, name, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
			return -errno;
		fd = openat(at, name, flags);
	}
	if (fd >= 0)
		return fd;
	/* The kernel says ENOTDIR for a link too. */
	if (errno == ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return -ELOOP;
	return -errno;
}

/* Walk `dir`, whose components are cut out in place. */
static int walk(const struct below *b, char *dir, bool make)
{
	int at = b->root;

	for (char *p = dir, *end; *p != '\0'; p = end) {
		int fd;

		end = strchrnul(p, '/');
		while (*end == '/')
			*end++ = '\0';
		if (*p == '\0' || strcmp(p, ".") == 0)
			continue;
		fd = enter(b, at, p, make);
		if (at != b->root)
			close(at);
		if (fd < 0)
			return fd;
		at = fd;
	}
	if (at == b->root)
		at = fcntl(b->root, F_DUPFD_CLOEXEC, 3); /* "./" and nothing else */
	return at < 0 ? -errno : at;
}

int below_parent(struct below *b, const char *path, bool make, const char **last)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;
	struct str dir = STR_INIT;
	int fd;

	*last = slash != NULL ? slash + 1 : path;
	if (n == 0)
		return b->root;
	if (b->fd >= 0 && b->dir.len == n && memcmp(b->dir.p, path, n) == 0)
		return b->fd;
	forget(b);
	str_add(&dir, path, n);
	fd = walk(b, dir.p, make);
	str_release(&dir);
	if (fd < 0)
		return fd;
	b->fd = fd;
	str_add(&b->dir, path, n);
	return fd;
}

bool below_climbs(const char *path)
{
	for (const char *p = path; *p != '\0'; p = strchrnul(p, '/')) {
		p += strspn(p, "/");
		if (p[0] == '.' && p[1] == '.' && (p[2] == '\0' || p[2] == '/'))
			return true;
	}
	return false;
}
