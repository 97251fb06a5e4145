#include "worker/place.h"

#include "base/clock.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* File times have the kernel's tick: a change so soon after the last one may show the same. */
#define SETTLE_NS (50 * INT64_C(1000000))
/* A longer output is removed rather than kept allocated. */
#define KEEP_OUTPUT ((off_t)1 << 20)
#define NAME_TRIES 100

static const char *const part_names[PLACE_PARTS] = {"", "/input", "/output", "/resource", "/tmp"};
static const char *const file_names[] = {"/stdout", "/stderr"};

int places_init(struct places *p, const char *work)
{
	struct str root = STR_INIT;

	memset(p, 0, sizeof(*p));
	str_addf(&root, "%s/task", work);
	p->root = str_detach(&root);
	return dir_make(p->root, 0700);
}

void places_release(struct places *p)
{
	for (size_t i = 0; i < p->idle.n; i++)
		place_free(p->idle.v[i]);
	vec_release(&p->idle);
	free(p->root);
	p->root = NULL;
}

void place_free(struct place *place)
{
	if (place != NULL)
		free(place->path);
	free(place);
}

static struct place *new_place(const struct places *p, unsigned number)
{
	struct place *place = xcalloc(1, sizeof(*place));
	struct str path = STR_INIT;

	str_addf(&path, "%s/%u", p->root, number);
	place->number = number;
	place->path = str_detach(&path);
	return place;
}

struct place *places_adopt(struct places *p, unsigned number)
{
	if (number >= p->next)
		p->next = number + 1;
	return new_place(p, number);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Remember how the empty directories look, and since when. */
static int settle(struct place *place)
{
	struct str path = STR_INIT;
	bool same = place->settled_ns != 0;
	int err = 0;

	str_adds(&path, place->path);
	for (int i = 0; i < PLACE_PARTS && err == 0; i++) {
		size_t len = path.len;
		struct stat st;

		str_adds(&path, part_names[i]);
		if (lstat(path.p, &st) != 0)
			err = -errno;
		else
			same = same && same_time(st.st_ctim, place->changed[i]);
		if (err == 0)
			place->changed[i] = st.st_ctim;
		path.len = len;
		path.p[len] = '\0';
	}
	str_release(&path);
	if (err != 0)
		place->settled_ns = 0;
	else if (!same)
		place->settled_ns = clock_monotonic_ns();
	return err;
}

static int make(struct place *place)
{
	struct str path = STR_INIT;
	size_t len;
	int err = 0;

	str_adds(&path, place->path);
	len = path.len;
	for (int i = 0; i < PLACE_PARTS && err == 0; i++) {
		str_adds(&path, part_names[i]);
		if (mkdir(path.p, 0700) != 0)
			err = -errno;
		path.len = len;
		path.p[len] = '\0';
	}
	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]) && err == 0; i++) {
		int fd;

		str_adds(&path, file_names[i]);
		fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			err = -errno;
		else
			close(fd);
		path.len = len;
		path.p[len] = '\0';
	}
	str_release(&path);
	return err == 0 ? settle(place) : err;
}

struct place *places_take(struct places *p, int *err)
{
	struct place *place;

	*err = 0;
	if (p->idle.n > 0) {
		place = p->idle.v[--p->idle.n];
		place->taken_ns = clock_monotonic_ns();
		return place;
	}
	for (int tries = 0; tries < NAME_TRIES; tries++) {
		place = new_place(p, p->next++);
		*err = make(place);
		if (*err == 0) {
			place->taken_ns = clock_monotonic_ns();
			return place;
		}
		if (*err != -EEXIST)
			(void)tree_remove(place->path);
		place_free(place);
		if (*err != -EEXIST)
			return NULL;
	}
	return NULL;
}

int place_open_up(const struct place *place)
{
	struct str path = STR_INIT;
	int fd, err = 0;

	for (int i = PLACE_INPUT; i < PLACE_PARTS && err == 0; i++) {
		str_reset(&path);
		str_addf(&path, "%s%s", place->path, part_names[i]);
		if (chmod(path.p, i == PLACE_TEMP ? 01777 : 0777) != 0)
			err = -errno;
	}
	/* A file to be mounted: a shell's trap writes the line that failed to it. */
	str_reset(&path);
	str_addf(&path, "%s/line", place->path);
	fd = err == 0 ? open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
	if (err == 0 && (fd < 0 || fchmod(fd, 0666) != 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	str_release(&path);
	return err;
}

/* Whether the directory holds nothing, or, where `own` is set, only what make() put there. */
static int holds_nothing(const char *path, bool own)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int clean = 1;

	if (dir == NULL)
		return -errno;
	while (clean == 1 && (errno = 0, entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		bool known = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;

		for (int i = 1; own && !known && i < PLACE_PARTS; i++)
			known = strcmp(name, part_names[i] + 1) == 0;
		for (int i = 0; own && !known && i < 2; i++)
			known = strcmp(name, file_names[i] + 1) == 0;
		clean = known;
	}
	if (clean == 1 && errno != 0)
		clean = -errno;
	closedir(dir);
	return clean;
}

/* The times of its directories tell whether the task changed them. */
static bool is_settled(const struct place *place)
{
	return place->settled_ns != 0 && place->settled_ns + SETTLE_NS < place->taken_ns;
}

int place_output_is_empty(const struct place *place)
{
	struct str path = STR_INIT;
	struct stat st;
	int empty;

	str_addf(&path, "%s%s", place->path, part_names[PLACE_OUTPUT]);
	if (is_settled(place) && lstat(path.p, &st) == 0 &&
	    same_time(st.st_ctim, place->changed[PLACE_OUTPUT]))
		empty = 1;
	else
		empty = holds_nothing(path.p, false);
	str_release(&path);
	return empty;
}

int place_make_output(const struct place *place)
{
	struct str path = STR_INIT;
	int err;

	str_addf(&path, "%s%s", place->path, part_names[PLACE_OUTPUT]);
	err = mkdir(path.p, 0700) == 0 ? 0 : -errno;
	str_release(&path);
	return err;
}

/* Whether the directories are as they were; *anew where that was read from the disk anew. */
static bool directories_are_clean(const struct place *place, struct str *path, bool *anew)
{
	bool settled = is_settled(place);
	size_t len = path->len;

	for (int i = 0; i < PLACE_PARTS; i++) {
		struct stat st;
		bool clean;

		str_adds(path, part_names[i]);
		clean = lstat(path->p, &st) == 0 && S_ISDIR(st.st_mode) &&
		        (st.st_mode & 07777) == 0700;
		if (clean && !(settled && same_time(st.st_ctim, place->changed[i]))) {
			*anew = true;
			clean = holds_nothing(path->p, i == PLACE_ROOT) == 1;
		}
		path->len = len;
		path->p[len] = '\0';
		if (!clean)
			return false;
	}
	return true;
}

/* Empties stdout and stderr; false where they are not the files that they were. */
static bool empty_files(struct str *path)
{
	size_t len = path->len;
	bool clean = true;

	for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]) && clean; i++) {
		struct stat st;

		str_adds(path, file_names[i]);
		clean = lstat(path->p, &st) == 0 && S_ISREG(st.st_mode) &&
		        (st.st_mode & 07777) == 0600 && st.st_nlink == 1 &&
		        st.st_size <= KEEP_OUTPUT && (st.st_size == 0 || truncate(path->p, 0) == 0);
		path->len = len;
		path->p[len] = '\0';
	}
	return clean;
}

bool places_give_back(struct places *p, struct place *place)
{
	struct str path = STR_INIT;
	bool anew = false, clean;

	str_adds(&path, place->path);
	clean = place->settled_ns != 0 && directories_are_clean(place, &path, &anew) &&
	        empty_files(&path) && (!anew || settle(place) == 0);
	str_release(&path);
	if (clean)
		vec_push(&p->idle, place);
	return clean;
}

void places_trim(struct places *p)
{
	while (p->idle.n > 0) {
		struct place *place = p->idle.v[--p->idle.n];

		(void)tree_remove(place->path);
		place_free(place);
	}
	vec_release(&p->idle);
}

bool places_any(const struct places *p)
{
	DIR *dir = opendir(p->root);
	const struct dirent *entry;
	bool any = false;

	while (dir != NULL && !any && (entry = readdir(dir)) != NULL)
		any = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir != NULL)
		closedir(dir);
	return any;
}

void places_sweep(struct places *p, struct place *const *known, size_t n)
{
	DIR *dir = opendir(p->root);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		struct str path = STR_INIT;
		bool is_known = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;

		str_addf(&path, "%s/%s", p->root, entry->d_name);
		for (size_t i = 0; i < n && !is_known; i++)
			is_known = strcmp(known[i]->path, path.p) == 0;
		if (!is_known)
			(void)tree_remove(path.p);
		str_release(&path);
	}
	closedir(dir);
}
