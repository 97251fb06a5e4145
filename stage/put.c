/*
 * Publishing. Two passes over the source: links are published first, as copies,
 * because the files that they name are still there; then the files are moved. All
 * paths of the source are walked without following links (stage/below.h): what a
 * task left behind may still change under us.
 */
#include "stage/put.h"

#include "base/fd.h"
#include "stage/below.h"
#include "stage/copy.h"
#include "stage/fault.h"
#include "stage/local.h"
#include "stage/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct names {
	VEC(const char *) list;
};

struct publication {
	struct stage *s;
	struct arena *arena;
	const char *source_real; /* of the source directory, without links */
	const char *place;       /* of the destination */
	struct below from, to;
	struct names files, links; /* relative paths */
	unsigned nparts;
	struct entries *entries;
	struct str *warnings, *error;
};

static void warn(struct publication *p, const char *name, const char *why)
{
	fault(p->warnings, STAGE_OK, name, "%s", why);
}

static enum stage_result collect(struct publication *p, int dir, const char *prefix)
{
	enum stage_result r = STAGE_OK;
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (d == NULL) {
		r = fault_own(p->error, errno, prefix);
		close(dir);
		return r;
	}
	while (r == STAGE_OK && (e = next_name(d)) != NULL) {
		const char *name = arena_printf(p->arena, "%s%s", prefix, e->d_name);
		struct stat st;
		int below;

		if (stage_stopped(p->s)) {
			r = STAGE_CANCELLED;
		} else if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno != ENOENT)
				r = fault_own(p->error, errno, name);
		} else if (S_ISREG(st.st_mode)) {
			vec_push(&p->files.list, name);
		} else if (S_ISLNK(st.st_mode)) {
			vec_push(&p->links.list, name);
		} else if (S_ISDIR(st.st_mode)) {
			below = openat(dir, e->d_name,
			               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			r = below < 0 ? fault_own(p->error, errno, name)
			              : collect(p, below, arena_printf(p->arena, "%s/", name));
		} else {
			warn(p, name, "not published: neither a file nor a folder");
		}
	}
	if (r == STAGE_OK && errno != 0)
		r = fault_own(p->error, errno, prefix);
	closedir(d);
	return r;
}

static void add(struct publication *p, const char *dir, const char *below, const char *name,
                const struct stat *st)
{
	struct stage_entry entry = {
	        .name = name,
	        .place = arena_printf(p->arena, "%s%s%s", dir,
	                              dir[strlen(dir) - 1] == '/' ? "" : "/", below),
	        .size = (uint64_t)st->st_size,
	        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	};

	vec_push(&p->entries->list, entry);
}

/* The final name was given: what is there now goes into the listing. */
static enum stage_result record(struct publication *p, int at, const char *last, const char *name)
{
	struct stat st;

	if (fstatat(at, last, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return fault_publish(p->error, errno, name);
	add(p, p->place, name, name, &st);
	p->s->files++;
	return STAGE_OK;
}

/* A new file under a name that no listing shows; its descriptor or -errno. */
static int make_part(struct publication *p, int at, char part[64], mode_t mode)
{
	for (;;) {
		int fd;

		snprintf(part, 64, PART_PREFIX "%ld-%u", (long)getpid(), p->nparts++);
		fd = openat(at, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
}

/* Copy the open file to its final name. */
static enum stage_result publish_copy(struct publication *p, int from, const char *name)
{
	bool reading = false;
	char part[64];
	const char *last;
	struct stat st;
	int to, err, at = below_parent(&p->to, name, true, &last);

	if (at < 0)
		return fault_publish(p->error, -at, name);
	if (fstat(from, &st) != 0)
		return fault_own(p->error, errno, name);
	to = make_part(p, at, part, st.st_mode & 0777);
	if (to < 0)
		return fault_publish(p->error, -to, name);
	err = copy_bytes(p->s, from, &st, to, &reading);
	if (close(to) != 0 && err == 0)
		err = -errno;
	if (err == 0 && renameat(at, part, at, last) != 0)
		err = -errno;
	if (err == 0)
		return record(p, at, last, name);
	unlinkat(at, part, 0);
	if (err == -ECANCELED)
		return STAGE_CANCELLED;
	return reading ? fault_own(p->error, -err, name) : fault_publish(p->error, -err, name);
}

/* Open a regular file of the source, -1 with errno where it is none (any more). */
static int open_regular(struct publication *p, const char *name)
{
	const char *last;
	struct stat st;
	int fd, at = below_parent(&p->from, name, false, &last);

	if (at < 0) {
		errno = -at;
		return -1;
	}
	fd = openat(at, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* The path below the source that a link leads to; NULL, with a warning, where it leads elsewhere.
 */
static const char *resolve_link(struct publication *p, const char *name)
{
	const char *path = arena_printf(p->arena, "%s/%s", p->source_real, name), *inside = NULL;
	size_t n = strlen(p->source_real);
	char real[PATH_MAX];

	if (realpath(path, real) == NULL) {
		warn(p, name, "not published: the link leads to nothing");
		return NULL;
	}
	if (strncmp(real, p->source_real, n) == 0 && real[n] == '/')
		inside = arena_strdup(p->arena, real + n + 1);
	else
		warn(p, name, "not published: the link leads outside");
	return inside;
}

/*
 * Open the file inside that a link leads to; *target is its name. With *fd -1 it is
 * left out, and a warning says why.
 */
static enum stage_result open_link(struct publication *p, const char *name, const char **target,
                                   int *fd)
{
	*fd = -1;
	*target = resolve_link(p, name);
	if (*target == NULL)
		return STAGE_OK;
	*fd = open_regular(p, *target);
	if (*fd >= 0)
		return STAGE_OK;
	if (errno != EINVAL && errno != ELOOP && errno != ENOENT && errno != ENXIO)
		return fault_own(p->error, errno, name);
	warn(p, name, "not published: the link leads to something else than a file");
	return STAGE_OK;
}

static enum stage_result publish_link(struct publication *p, const char *name)
{
	const char *target;
	int fd;
	enum stage_result r = open_link(p, name, &target, &fd);

	if (fd < 0)
		return r;
	r = publish_copy(p, fd, name);
	close(fd);
	return r;
}

/* To another file system: copy, then give the space back. */
static enum stage_result publish_across(struct publication *p, int from_dir, const char *from_last,
                                        const char *name)
{
	int fd = open_regular(p, name);
	enum stage_result r;

	if (fd < 0)
		return fault_own(p->error, errno, name);
	r = publish_copy(p, fd, name);
	close(fd);
	if (r == STAGE_OK && unlinkat(from_dir, from_last, 0) != 0 && errno != ENOENT)
		r = fault_own(p->error, errno, name);
	return r;
}

static enum stage_result publish_file(struct publication *p, const char *name)
{
	const char *from_last, *to_last;
	int from = below_parent(&p->from, name, false, &from_last);
	int to = below_parent(&p->to, name, true, &to_last);
	struct stat st;

	if (from < 0)
		return fault_own(p->error, -from, name);
	if (to < 0)
		return fault_publish(p->error, -to, name);
	if (fstatat(from, from_last, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return fault_own(p->error, errno, name);
	if (!S_ISREG(st.st_mode)) {
		warn(p, name, "not published: no file any more");
		return STAGE_OK;
	}
	if (renameat(from, from_last, to, to_last) == 0)
		return record(p, to, to_last, name);
	if (errno == EXDEV)
		return publish_across(p, from, from_last, name);
	return fault_publish(p->error, errno, name);
}

static enum stage_result publish(struct publication *p)
{
	enum stage_result r = STAGE_OK;

	for (size_t i = 0; r == STAGE_OK && i < p->links.list.n; i++)
		r = stage_stopped(p->s) ? STAGE_CANCELLED : publish_link(p, p->links.list.v[i]);
	for (size_t i = 0; r == STAGE_OK && i < p->files.list.n; i++)
		r = stage_stopped(p->s) ? STAGE_CANCELLED : publish_file(p, p->files.list.v[i]);
	return r;
}

/*
 * Open the source and collect its names. By a descriptor from here on: its path is
 * asked of the kernel, not of links that a task may have left.
 */
static enum stage_result begin(struct publication *p, const char *source_dir, char real[PATH_MAX])
{
	int fd = open(source_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), again;
	char self[64];

	below_init_fd(&p->from, fd, false);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fault(p->error, STAGE_CONFLICT, source_dir, "is no folder any more");
	if (fd < 0)
		return fault_own(p->error, errno, source_dir);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (realpath(self, real) == NULL)
		return fault_own(p->error, errno, source_dir);
	p->source_real = real;
	again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again < 0)
		return fault_own(p->error, errno, source_dir);
	return collect(p, again, "");
}

static void end(struct publication *p)
{
	below_release(&p->from);
	vec_release(&p->files.list);
	vec_release(&p->links.list);
}

/* Publishing a directory into itself would never end. */
static bool lies_within(const char *source_real, const char *place)
{
	size_t n = strlen(source_real);
	char real[PATH_MAX];

	return realpath(place, real) != NULL && strncmp(real, source_real, n) == 0 &&
	       real[n] == '/';
}

enum stage_result local_put(struct stage *s, const char *source_dir, const struct uri *dest,
                            struct arena *arena, struct entries *entries, struct str *warnings,
                            struct str *error)
{
	struct publication p = {
	        .s = s, .arena = arena, .entries = entries, .warnings = warnings, .error = error};
	char real[PATH_MAX];
	enum stage_result r;
	int err;

	p.place = local_absolute(arena, dest->place);
	err = dir_make(p.place, 0777);
	if (err != 0)
		return fault_publish(error, -err, dest->text);
	r = begin(&p, source_dir, real);
	if (r == STAGE_OK && lies_within(real, p.place))
		r = fault(error, STAGE_BAD_URI, dest->text, "lies within the folder to publish");
	if (r == STAGE_OK) {
		err = below_init(&p.to, p.place, true);
		r = err == 0 ? publish(&p) : fault_publish(error, -err, dest->text);
		below_release(&p.to);
	}
	end(&p);
	return r;
}

static enum stage_result preview_link(struct publication *p, const char *name)
{
	const char *target;
	struct stat st;
	int fd;
	enum stage_result r = open_link(p, name, &target, &fd);

	if (fd < 0)
		return r;
	if (fstat(fd, &st) == 0)
		add(p, p->source_real, target, name, &st);
	else
		r = fault_own(p->error, errno, name);
	close(fd);
	return r;
}

/* Not opened: also a file that we may not read can be moved. */
static enum stage_result preview_file(struct publication *p, const char *name)
{
	const char *last;
	struct stat st;
	int at = below_parent(&p->from, name, false, &last);

	if (at < 0)
		return fault_own(p->error, -at, name);
	if (fstatat(at, last, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return fault_own(p->error, errno, name);
	if (S_ISREG(st.st_mode))
		add(p, p->source_real, name, name, &st);
	return STAGE_OK;
}

enum stage_result stage_put_list(struct stage *s, const char *source_dir, struct arena *arena,
                                 struct stage_listing *listing, struct str *warnings,
                                 struct str *error)
{
	struct entries entries = {0};
	struct publication p = {
	        .s = s, .arena = arena, .entries = &entries, .warnings = warnings, .error = error};
	char real[PATH_MAX];
	enum stage_result r = begin(&p, source_dir, real);

	for (size_t i = 0; r == STAGE_OK && i < p.links.list.n; i++)
		r = preview_link(&p, p.links.list.v[i]);
	for (size_t i = 0; r == STAGE_OK && i < p.files.list.n; i++)
		r = preview_file(&p, p.files.list.v[i]);
	end(&p);
	entries_finish(&entries, arena, listing);
	return r;
}

enum stage_result stage_put(struct stage *s, const char *source_dir, const struct uri *dest,
                            struct arena *arena, struct stage_listing *listing,
                            struct str *warnings, struct str *error)
{
	struct entries entries = {0};
	enum stage_result r;
	const struct scheme *scheme = scheme_find(dest, error, &r);

	if (scheme == NULL)
		;
	else if (scheme->put == NULL)
		r = fault(error, STAGE_DENIED, dest->text, "%s is not writable", dest->scheme);
	else if (!dest->folder || dest->nactions > 0)
		r = fault(error, STAGE_BAD_URI, dest->text,
		          "results go to a folder, which ends in '/' and has no actions");
	else
		r = scheme->put(s, source_dir, dest, arena, &entries, warnings, error);
	entries_finish(&entries, arena, listing);
	return r;
}
