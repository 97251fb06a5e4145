#include "worker/mounts.h"

#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTS_MAX 128

void mounts_release(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i]);
	vec_release(m);
}

/* The number of the mount of this path, or -E2BIG. */
static long number_of(struct mounts *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i], path) == 0)
			return (long)i;
	}
	if (m->n == MOUNTS_MAX)
		return -E2BIG;
	vec_push(m, xstrdup(path));
	return (long)m->n - 1;
}

/* Where the link leads in the container: a folder is mounted itself, of a file its directory. */
static int new_target(struct mounts *m, char real[PATH_MAX], struct str *target)
{
	struct stat st;
	char *name = NULL;
	long n;

	if (stat(real, &st) != 0)
		return -errno;
	/* Of a file in the root directory only itself: nobody wants to mount that. */
	if (!S_ISDIR(st.st_mode) && strrchr(real, '/') != real) {
		name = strrchr(real, '/');
		*name++ = '\0';
	}
	n = number_of(m, real);
	if (n < 0)
		return (int)n;
	str_addf(target, MOUNTS_PLACE "%ld", n);
	if (name != NULL)
		str_addf(target, "/%s", name);
	return 0;
}

static int lead(struct mounts *m, const char *link)
{
	struct str target = STR_INIT;
	char text[PATH_MAX], real[PATH_MAX];
	ssize_t len = readlink(link, text, sizeof(text));
	int err = len < 0 ? -errno : 0;

	if (err == 0 && len > 0 && text[0] == '/' && realpath(link, real) != NULL) {
		err = new_target(m, real, &target);
		if (err == 0 && (unlink(link) != 0 || symlink(target.p, link) != 0))
			err = -errno;
	}
	str_release(&target);
	return err;
}

int mounts_take(struct mounts *m, const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	int err = 0;

	if (dir == NULL)
		return -errno;
	while (err == 0) {
		struct str path = STR_INIT;
		struct stat st;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL) {
			err = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		str_addf(&path, "%s/%s", directory, entry->d_name);
		if (lstat(path.p, &st) != 0)
			err = -errno;
		else if (S_ISDIR(st.st_mode))
			err = mounts_take(m, path.p);
		else if (S_ISLNK(st.st_mode))
			err = lead(m, path.p);
		str_release(&path);
	}
	closedir(dir);
	return err;
}
