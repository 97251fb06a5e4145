#include "stage/place.h"

#include "stage/copy.h"
#include "stage/fault.h"
#include "stage/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directories from the one that was asked for down to the one being copied. */
struct lineage {
	const struct lineage *parent;
	dev_t dev;
	ino_t ino;
};

static enum stage_result source(struct place *p, int at, const char *name, const char *path,
                                const struct lineage *parent);

static enum stage_result taken(struct place *p, const char *name, const char *path)
{
	return fault(p->error, STAGE_CONFLICT, path, "the name '%s' is taken by another input",
	             name);
}

/* The target of a link at `name`, NULL where it is no link (or one of no use to us). */
static const char *link_target(struct place *p, int at, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(at, name, target, sizeof(target));

	return n > 0 && (size_t)n < sizeof(target) ? arena_strndup(p->arena, target, (size_t)n)
	                                           : NULL;
}

static int open_real_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Everything in the user's folder `path` under the same names in the directory `to`. */
static enum stage_result folder_entries(struct place *p, int to, const char *path,
                                        const struct lineage *parent)
{
	struct lineage self = {.parent = parent};
	enum stage_result r = STAGE_OK;
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat st;

	if (d == NULL || fstat(dirfd(d), &st) != 0) {
		r = fault_user(p->error, errno, path);
		if (d != NULL)
			closedir(d);
		return r;
	}
	self.dev = st.st_dev;
	self.ino = st.st_ino;
	for (const struct lineage *up = parent; up != NULL && r == STAGE_OK; up = up->parent)
		if (up->dev == self.dev && up->ino == self.ino)
			r = fault(p->error, STAGE_BAD_URI, path,
			          "a symbolic link leads back to a folder above");
	if (self.dev == p->root.st_dev && self.ino == p->root.st_ino)
		r = fault(p->error, STAGE_BAD_URI, path, "is the destination itself");
	while (r == STAGE_OK && (e = next_name(d)) != NULL) {
		const char *below;

		if (strncmp(e->d_name, PART_PREFIX, strlen(PART_PREFIX)) == 0)
			continue;
		below = arena_printf(p->arena, "%s/%s", path, e->d_name);
		r = source(p, to, e->d_name, below, &self);
	}
	if (r == STAGE_OK && errno != 0)
		r = fault_user(p->error, errno, path);
	closedir(d);
	return r;
}

/*
 * A real directory at `name`: made, or the one that is there. A link to a folder
 * of the user becomes a directory of links, so that we never write into the folder.
 */
static enum stage_result enter(struct place *p, int at, const char *name, const char *path, int *fd)
{
	const char *target;
	struct stat st;

	if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
		return fault_own(p->error, errno, path);
	*fd = open_real_directory(at, name);
	if (*fd >= 0)
		return STAGE_OK;
	if (errno != ENOTDIR && errno != ELOOP)
		return fault_own(p->error, errno, path);
	target = link_target(p, at, name);
	if (target == NULL || target[0] != '/' || stat(target, &st) != 0 || !S_ISDIR(st.st_mode))
		return taken(p, name, path);
	if (unlinkat(at, name, 0) != 0 || mkdirat(at, name, 0777) != 0 ||
	    (*fd = open_real_directory(at, name)) < 0)
		return fault_own(p->error, errno, path);
	return folder_entries(p, *fd, target, NULL);
}

enum stage_result place_parent(struct place *p, int root, const char *name, int *fd,
                               const char **last)
{
	enum stage_result r = STAGE_OK;
	const char *slash;

	*fd = fcntl(root, F_DUPFD_CLOEXEC, 3);
	if (*fd < 0)
		return fault_own(p->error, errno, name);
	while (r == STAGE_OK && (slash = strchr(name, '/')) != NULL) {
		int below = -1;

		r = enter(p, *fd, arena_strndup(p->arena, name, (size_t)(slash - name)), name,
		          &below);
		close(*fd);
		*fd = below;
		name = slash + 1;
	}
	if (r != STAGE_OK && *fd >= 0)
		close(*fd);
	*last = name;
	return r;
}

/* Whether this very file was put there before: by a link, or a copy with its date. */
static bool already_there(struct place *p, int at, const char *name, const char *path,
                          const struct stat *st)
{
	struct stat there;

	if (fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (S_ISLNK(there.st_mode)) {
		const char *target = link_target(p, at, name);

		return target != NULL && strcmp(target, path) == 0;
	}
	return S_ISREG(there.st_mode) && S_ISREG(st->st_mode) && there.st_size == st->st_size &&
	       there.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       there.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* 0, or -errno with nothing there: -ECANCELED, -EEXIST; *reading: the source failed. */
static int make_copy(struct place *p, int from, const struct stat *st, int at, const char *name,
                     bool whole, bool *reading)
{
	mode_t mode = 0600 | (st->st_mode & 0777);
	int to = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int err = 0;

	*reading = false;
	if (to < 0)
		return -errno;
	if (whole)
		err = copy_bytes(p->s, from, st, to, reading);
	else if (!copy_reflink(p->s, from, st, to))
		err = -EOPNOTSUPP;
	if (close(to) != 0 && err == 0)
		err = -errno;
	if (err != 0)
		unlinkat(at, name, 0);
	return err;
}

/* Opening shows that it can be read, which a link alone would leave to the task to find out. */
static int open_source(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, st) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* 0 or -errno. */
static int make_link(struct place *p, int at, const char *name, const char *path)
{
	int err = symlinkat(path, at, name) == 0 ? 0 : -errno;

	if (err == 0 && p->s->linked != NULL)
		p->s->linked(p->s->linked_ctx, path);
	return err;
}

static enum stage_result source_file(struct place *p, int at, const char *name, const char *path)
{
	bool reading = false;
	struct stat st;
	int err, from = open_source(path, &st);

	if (from < 0)
		return fault_user(p->error, errno, path);
	err = -EOPNOTSUPP;
	if (p->mode == STAGE_COPY)
		err = make_copy(p, from, &st, at, name, true, &reading);
	else if (st.st_dev == p->root.st_dev &&
	         !(p->s->no_reflink_known && p->s->no_reflink == st.st_dev))
		err = make_copy(p, from, &st, at, name, false, &reading);
	close(from);
	if (p->mode == STAGE_LINK && err != 0 && err != -EEXIST)
		err = make_link(p, at, name, path);
	if (err == 0) {
		p->s->files++;
		return STAGE_OK;
	}
	if (err == -ECANCELED)
		return STAGE_CANCELLED;
	if (err == -EEXIST)
		return already_there(p, at, name, path, &st) ? STAGE_OK : taken(p, name, path);
	return reading ? fault_user(p->error, -err, path) : fault_own(p->error, -err, path);
}

static enum stage_result source_folder(struct place *p, int at, const char *name, const char *path,
                                       const struct stat *st, const struct lineage *parent)
{
	enum stage_result r;
	int fd = -1;

	if (p->mode == STAGE_LINK) {
		if (access(path, R_OK | X_OK) != 0)
			return fault_user(p->error, errno, path);
		int err = make_link(p, at, name, path);

		if (err == 0) {
			p->s->files++;
			return STAGE_OK;
		}
		if (err != -EEXIST)
			return fault_own(p->error, -err, path);
		if (already_there(p, at, name, path, st))
			return STAGE_OK;
	}
	r = enter(p, at, name, path, &fd);
	if (r == STAGE_OK)
		r = folder_entries(p, fd, path, parent);
	if (fd >= 0)
		close(fd);
	return r;
}

static enum stage_result source(struct place *p, int at, const char *name, const char *path,
                                const struct lineage *parent)
{
	struct stat st;

	if (stage_stopped(p->s))
		return STAGE_CANCELLED;
	if (stat(path, &st) != 0)
		return fault_user(p->error, errno, path);
	if (S_ISDIR(st.st_mode))
		return source_folder(p, at, name, path, &st, parent);
	/* Sockets and the like in a folder are nothing to compute with. */
	return S_ISREG(st.st_mode) ? source_file(p, at, name, path) : STAGE_OK;
}

enum stage_result place_source(struct place *p, int at, const char *name, const char *path)
{
	return source(p, at, name, path, NULL);
}

static enum stage_result move_entries(struct place *p, int to, const char *path)
{
	enum stage_result r = STAGE_OK;
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		return fault_own(p->error, errno, p->subject);
	while (r == STAGE_OK && (e = next_name(d)) != NULL)
		r = place_move(p, to, e->d_name, arena_printf(p->arena, "%s/%s", path, e->d_name));
	if (r == STAGE_OK && errno != 0)
		r = fault_own(p->error, errno, p->subject);
	closedir(d);
	return r;
}

/* 0 or errno: EEXIST where something has the name. */
static int rename_new(const char *path, int at, const char *name)
{
	struct stat st;

	if (renameat2(AT_FDCWD, path, at, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* A file system without NOREPLACE; nobody else writes in our directory. */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return errno == ENOENT && renameat(AT_FDCWD, path, at, name) == 0 ? 0 : errno;
}

enum stage_result place_move(struct place *p, int at, const char *name, const char *path)
{
	int fd = -1, err = rename_new(path, at, name);
	enum stage_result r;
	struct stat st;

	if (err == 0)
		return STAGE_OK;
	if (err != EEXIST)
		return fault_own(p->error, err, p->subject);
	if (lstat(path, &st) != 0)
		return fault_own(p->error, errno, p->subject);
	if (!S_ISDIR(st.st_mode))
		return taken(p, name, p->subject);
	r = enter(p, at, name, p->subject, &fd);
	if (r == STAGE_OK)
		r = move_entries(p, fd, path);
	if (fd >= 0)
		close(fd);
	return r;
}
