/* Deleting files of this machine. No link is followed that the user did not write down. */
#include "base/fd.h"
#include "stage/fault.h"
#include "stage/local.h"
#include "stage/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

/* As rclone takes patterns: one without '/' is for the last component alone, "**" crosses '/'. */
static bool selected(const char *name, const char *last, const char *const *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *p = patterns[i];
		bool whole = strchr(p, '/') != NULL;

		if (fnmatch(p + (*p == '/'), whole ? name : last,
		            strstr(p, "**") != NULL ? 0 : FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

struct selection {
	struct stage *s;
	const char *root; /* for messages */
	const char *const *patterns;
	size_t n;
	struct arena *arena;
	struct str *error;
};

static enum stage_result refused(const struct selection *x, const char *name)
{
	int err = errno;

	return fault_user(x->error, err, arena_printf(x->arena, "%s/%s", x->root, name));
}

/* `at` is the caller's and closed here; `below` its path from the folder, "" or with '/' at its
 * end. */
static enum stage_result remove_selected(const struct selection *x, int at, const char *below)
{
	DIR *d = fdopendir(at);
	enum stage_result r = STAGE_OK;
	struct dirent *e;

	if (d == NULL) {
		r = refused(x, below);
		close(at);
		return r;
	}
	while (r == STAGE_OK && (e = next_name(d)) != NULL) {
		const char *name = arena_printf(x->arena, "%s%s", below, e->d_name);
		int fd = openat(at, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (stage_stopped(x->s))
			r = STAGE_CANCELLED;
		if (fd >= 0 && r == STAGE_OK)
			r = remove_selected(x, fd, arena_printf(x->arena, "%s/", name));
		else if (fd >= 0)
			close(fd);
		else if (errno != ENOTDIR && errno != ELOOP)
			r = refused(x, name);
		else if (selected(name, e->d_name, x->patterns, x->n) &&
		         unlinkat(at, e->d_name, 0) != 0)
			r = refused(x, name);
	}
	if (r == STAGE_OK && errno != 0)
		r = refused(x, below);
	closedir(d);
	return r;
}

/* A file, or the matches of a glob. */
static enum stage_result remove_files(struct stage *s, const struct uri *uri, struct arena *arena,
                                      struct str *error)
{
	struct local_files files = {0};
	enum stage_result r = local_match(s, uri, arena, &files, error);

	for (size_t i = 0; r == STAGE_OK && i < files.list.n; i++) {
		if (unlink(files.list.v[i].path) != 0)
			r = fault_user(error, errno, files.list.v[i].path);
	}
	vec_release(&files.list);
	return r;
}

enum stage_result local_remove(struct stage *s, const struct uri *uri, const char *const *patterns,
                               size_t n, struct arena *arena, struct str *error)
{
	int err;

	if (!uri->folder)
		return remove_files(s, uri, arena, error);
	if (n > 0) {
		struct selection x = {s, uri->place, patterns, n, arena, error};
		int fd = open(uri->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		return fd >= 0 ? remove_selected(&x, fd, "") : fault_user(error, errno, uri->text);
	}
	if (strcmp(uri->place, "/") == 0)
		return fault(error, STAGE_DENIED, uri->text, "is everything");
	if (access(uri->place, F_OK) != 0)
		return fault_user(error, errno, uri->text);
	err = tree_remove(uri->place);
	return err == 0 ? STAGE_OK : fault_user(error, -err, uri->text);
}
