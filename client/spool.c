#include "client/spool.h"

#include "base/fd.h"
#include "client/made.h"
#include "model/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes are numbered from 1, and never come so far. */
#define NUMBER_MOST (INT64_MAX / 2)

/*
 * Those that are open. Global, since nobody else tells a child that fork() made whose it is; the
 * lock is held while one is opened or closed, so that each of them is in the list of a child.
 */
static struct spool *all_open;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t watched = PTHREAD_ONCE_INIT;
static int watch_error;

static void before_fork(void)
{
	pthread_mutex_lock(&all_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&all_lock);
}

/* The lock of a file is given up with its last descriptor. */
static void in_child(void)
{
	for (struct spool *spool = all_open; spool != NULL; spool = spool->next) {
		close(spool->fd);
		spool->fd = -1;
	}
	all_open = NULL;
	pthread_mutex_unlock(&all_lock);
}

static void watch_forks(void)
{
	watch_error = pthread_atfork(before_fork, in_parent, in_child);
}

/* Every whole line; what follows the last newline was being written when its process ended. */
static int read_lines(struct spool *spool, spool_line *each, void *context)
{
	struct str text = STR_INIT;
	struct problem problem;
	size_t at = 0;
	char *newline;
	int err = fd_read_all(spool->fd, &text);

	while (err == 0 && (newline = memchr(text.p + at, '\n', text.len - at)) != NULL) {
		size_t len = (size_t)(newline - text.p) - at;
		json_t *line = json_parse(text.p + at, len, &problem);

		if (!each(context, line))
			err = -EBADMSG;
		json_decref(line);
		at += len + 1;
	}
	/* What could not be read for want of memory stays. */
	if (alloc_failed())
		err = -ENOMEM;
	spool->len = (off_t)at;
	spool->torn = at < text.len;
	str_release(&text);
	return err;
}

/* A file of ours, which nobody else can read. */
static int take_file(struct spool *spool, const char *path)
{
	struct stat st;

	pthread_mutex_lock(&all_lock);
	spool->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	if (spool->fd >= 0) {
		spool->next = all_open;
		all_open = spool;
	}
	pthread_mutex_unlock(&all_lock);
	if (spool->fd < 0 || flock(spool->fd, LOCK_EX | LOCK_NB) < 0 || fstat(spool->fd, &st) < 0)
		return -errno;
	spool->written_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (st.st_uid != geteuid())
		return -EPERM;
	return (st.st_mode & 077) != 0 && fchmod(spool->fd, 0600) < 0 ? -errno : 0;
}

bool spool_open(struct spool *spool, const char *path, spool_line *each, void *context)
{
	int err;

	(void)pthread_once(&watched, watch_forks);
	err = watch_error != 0 ? -watch_error : take_file(spool, path);
	if (err == 0)
		err = read_lines(spool, each, context);
	/* It may be new. A file system that has no such call needs none. */
	if (err == 0)
		err = dir_sync_of(path);
	if (err == -EINVAL)
		err = 0;
	errno = -err;
	return err == 0;
}

void spool_close(struct spool *spool)
{
	struct spool **p = &all_open;

	if (spool->fd < 0)
		return;
	pthread_mutex_lock(&all_lock);
	while (*p != spool)
		p = &(*p)->next;
	*p = spool->next;
	/* A child that has not executed yet, as of posix_spawn(), has the file open too. */
	(void)flock(spool->fd, LOCK_UN);
	close(spool->fd);
	spool->fd = -1;
	pthread_mutex_unlock(&all_lock);
}

static bool write_line(struct spool *spool, json_t *line)
{
	struct str text = STR_INIT;
	int err = 0;

	json_print(line, &text);
	str_addc(&text, '\n');
	/* A line that lacks a part would be replayed without it. */
	if (alloc_failed())
		err = -ENOMEM;
	/* What is left of one that had no room goes: the next would be a part of it. */
	if (err == 0 && spool->torn && ftruncate(spool->fd, spool->len) < 0)
		err = -errno;
	if (err == 0) {
		err = fd_write_all(spool->fd, text.p, text.len);
		spool->torn = err != 0;
	}
	if (err == 0)
		spool->len += (off_t)text.len;
	str_release(&text);
	json_decref(line);
	errno = -err;
	return err == 0;
}

bool spool_add(struct spool *spool, uint64_t number, const struct request *r)
{
	json_t *line, *lazy = json_made(json_array());

	if (spool->fd < 0) {
		json_decref(lazy);
		return true;
	}
	for (size_t i = 0; i < r->lazy.n; i++)
		json_append(lazy, json_pack("{s:s, s:I, s:I}", "argument", r->lazy.v[i].argument,
		                            "index", (json_int_t)r->lazy.v[i].index, "n",
		                            (json_int_t)r->lazy.v[i].answer->number));
	line = json_pack("{s:I, s:s, s:O, s:o, s:s}", "n", (json_int_t)number, "call", r->row->name,
	                 "arguments", r->arguments, "lazy", lazy, "key", r->key);
	return write_line(spool, line) && fdatasync(spool->fd) == 0;
}

bool spool_done(struct spool *spool, uint64_t number, const struct scitq_answer *a)
{
	if (spool->fd < 0)
		return true;
	/* Of the answer, what a later write may ask for. It need not be on disk: a write that is
	 * sent once more after a power cut is known by its key. */
	return write_line(spool, json_pack("{s:I, s:O?, s:s}", "done", (json_int_t)number, "json",
	                                   a->json, "error", a->error.p));
}

bool spool_empty(struct spool *spool)
{
	spool->len = 0;
	spool->torn = false;
	return spool->fd < 0 || ftruncate(spool->fd, 0) == 0;
}

static bool add_lazy(struct request *r, const json_t *j, spool_find *find, void *context,
                     enum spooled *spooled)
{
	const json_t *index = json_object_get(j, "index");
	const json_t *number = json_object_get(j, "n");
	struct str error = STR_INIT;
	struct scitq_lazy lazy = {
	        .argument = json_string_value(json_object_get(j, "argument")),
	        .index = (size_t)json_integer_value(index),
	};
	bool ok = lazy.argument != NULL && json_is_integer(index) && json_is_integer(number) &&
	          call_takes(r->row, lazy.argument);

	*spooled = SPOOLED_UNKNOWN;
	if (ok) {
		lazy.answer = find(context, (uint64_t)json_integer_value(number));
		if (lazy.answer == NULL ||
		    (scitq_ready(lazy.answer) &&
		     answer_number(lazy.answer, lazy.argument) == SCITQ_INT_NULL))
			*spooled = SPOOLED_ORPHAN;
		else if (request_add_lazy(r, &lazy, &error))
			*spooled = SPOOLED_CALL;
	}
	str_release(&error);
	return *spooled == SPOOLED_CALL;
}

enum spooled spool_read(json_t *line, spool_find *find, void *context, struct request *r,
                        uint64_t *number)
{
	const char *name = json_string_value(json_object_get(line, "call"));
	const char *key = json_string_value(json_object_get(line, "key"));
	const json_t *n = json_object_get(line, "n"), *list = json_object_get(line, "lazy");
	const struct call_row *row = name ? call_find(name) : NULL;
	enum spooled spooled = SPOOLED_CALL;
	struct str error = STR_INIT;

	memset(r, 0, sizeof(*r));
	if (row == NULL || call_is_read(row) || key == NULL || *key == '\0' ||
	    strlen(key) >= sizeof(r->key) || json_integer_value(n) <= 0 ||
	    json_integer_value(n) > NUMBER_MOST || !json_is_array(list))
		return SPOOLED_UNKNOWN;
	*number = (uint64_t)json_integer_value(n);
	if (!request_init(r, row, json_incref(json_object_get(line, "arguments")), NULL, 0, &error))
		spooled = SPOOLED_UNKNOWN;
	memcpy(r->key, key, strlen(key) + 1);
	for (size_t i = 0; spooled == SPOOLED_CALL && i < json_array_size(list); i++) {
		if (!add_lazy(r, json_array_get(list, i), find, context, &spooled))
			break;
	}
	str_release(&error);
	return spooled;
}
