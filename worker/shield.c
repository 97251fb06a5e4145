#include "worker/shield.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void lent_init(struct lent *l)
{
	*l = (struct lent){0};
}

void lent_release(struct lent *l)
{
	for (size_t i = 0; i < l->paths.n; i++)
		free(l->paths.v[i]);
	vec_release(&l->paths);
	map_release(&l->known);
}

/* Whether it or a folder above it is lent already. */
static bool is_lent(const struct lent *l, const char *path, size_t len)
{
	for (size_t n = len; n > 0; n--) {
		if ((n == len || path[n] == '/') && map_get(&l->known, path, n) != NULL)
			return true;
	}
	return false;
}

/* Links below a lent folder lead to what is lent too. */
static void add_links(struct lent *l, const char *path)
{
	DIR *d = opendir(path);
	struct str below = STR_INIT;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		unsigned char type = e->d_type;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		str_reset(&below);
		str_addf(&below, "%s/%s", path, e->d_name);
		if (type == DT_UNKNOWN && lstat(below.p, &st) == 0)
			type = S_ISLNK(st.st_mode) ? DT_LNK : S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
		if (type == DT_LNK)
			lent_add(l, below.p);
		else if (type == DT_DIR)
			add_links(l, below.p);
	}
	if (d != NULL)
		closedir(d);
	str_release(&below);
}

void lent_add(struct lent *l, const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real == NULL || is_lent(l, real, strlen(real)) || stat(real, &st) != 0) {
		free(real);
		return;
	}
	map_put(&l->known, real, strlen(real), NULL);
	vec_push(&l->paths, real);
	if (S_ISDIR(st.st_mode))
		add_links(l, real);
}

void shield_prepare(struct shield *s, enum shield_kind kind, char *const *paths, size_t npaths,
                    const char *own)
{
	*s = (struct shield){.kind = kind, .paths = paths, .npaths = npaths};
	snprintf(s->uid_map, sizeof(s->uid_map), "%u %u 1", geteuid(), geteuid());
	snprintf(s->gid_map, sizeof(s->gid_map), "%u %u 1", getegid(), getegid());
	for (size_t i = 0; i < npaths; i++) {
		size_t n = strlen(paths[i]);

		if (strncmp(own, paths[i], n) == 0 && (own[n] == '/' || strcmp(paths[i], "/") == 0))
			s->own = own;
	}
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* A user namespace in which we are who we were. */
static int enter_user(const struct shield *s)
{
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	/* Kernels that have no such file want none. */
	if (err == 0 || err == -ENOENT)
		err = write_text("/proc/self/uid_map", s->uid_map);
	return err == 0 ? write_text("/proc/self/gid_map", s->gid_map) : err;
}

/* A mount of its own of what lies at the path. A descriptor or -errno. */
static int clone_tree(const char *path)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	struct stat st;
	int fd;

	if (stat(path, &st) != 0)
		return -errno;
	/* Below a file nothing is mounted, and to look for it takes the longer the more there are. */
	if (S_ISDIR(st.st_mode))
		flags |= AT_RECURSIVE;
	fd = open_tree(AT_FDCWD, path, flags);
	return fd < 0 ? -errno : fd;
}

static int put_tree(int fd, const char *path)
{
	return move_mount(fd, "", AT_FDCWD, path,
	                  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0
	               ? 0
	               : -errno;
}

static int make_read_only(const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int fd = clone_tree(path), err = 0;

	if (fd < 0)
		return fd;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) != 0)
		err = -errno;
	if (err == 0)
		err = put_tree(fd, path);
	close(fd);
	return err;
}

int shield_raise(const struct shield *s)
{
	int own = -1, err = 0;

	if (s->npaths == 0)
		return 0;
	if (s->kind == SHIELD_USER)
		err = enter_user(s);
	else if (unshare(CLONE_NEWNS) != 0)
		err = -errno;
	/* What we mount is nobody else's business; what others mount is still seen. */
	if (err == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
		err = -errno;
	if (err == 0 && s->own != NULL) {
		own = clone_tree(s->own);
		err = own < 0 ? own : 0;
	}
	for (size_t i = 0; i < s->npaths && err == 0; i++)
		err = make_read_only(s->paths[i]);
	if (own >= 0) {
		if (err == 0)
			err = put_tree(own, s->own);
		close(own);
	}
	return err;
}

/* The exit code of the process that tries: 0 where a file below a shield cannot be written. */
static int try_shield(enum shield_kind kind, const char *directory)
{
	char *paths[] = {(char *)directory};
	struct shield s;
	int err;

	shield_prepare(&s, kind, paths, 1, "");
	err = shield_raise(&s);
	if (err != 0)
		return -err > 255 ? 255 : -err;
	if (access(directory, W_OK) == 0)
		return EPERM;
	return errno == EROFS ? 0 : errno;
}

static int try_apart(enum shield_kind kind, const char *directory)
{
	pid_t pid = fork(), got;
	int status;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(try_shield(kind, directory));
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got != pid || !WIFEXITED(status) ? ECHILD : WEXITSTATUS(status);
}

enum shield_kind shield_probe(const char *directory, struct str *why)
{
	int first = try_apart(SHIELD_MOUNT, directory), second;

	if (first == 0)
		return SHIELD_MOUNT;
	second = try_apart(SHIELD_USER, directory);
	if (second == 0)
		return SHIELD_USER;
	str_addf(why, "mount namespace: %s; user namespace: %s", strerror(first), strerror(second));
	return SHIELD_NONE;
}
