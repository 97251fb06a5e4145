#include "client/spool.h"

#include "base/fd.h"
#include "client/made.h"
#include "model/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Every whole line; what follows the last newline was being written when its process ended. */
static bool read_lines(struct spool *spool, spool_line *each, void *context)
{
	struct str text = STR_INIT;
	struct problem problem;
	size_t at = 0;
	char *newline;
	int err = fd_read_all(spool->fd, &text);
	bool ok = err == 0;

	while (ok && (newline = memchr(text.p + at, '\n', text.len - at)) != NULL) {
		size_t len = (size_t)(newline - text.p) - at;
		json_t *line = json_parse(text.p + at, len, &problem);

		if (line != NULL)
			each(context, line);
		json_decref(line);
		at += len + 1;
	}
	/* What could not be read for want of memory stays. */
	if (ok && alloc_failed()) {
		ok = false;
		err = -ENOMEM;
	}
	if (ok && ftruncate(spool->fd, (off_t)at) < 0)
		err = -errno;
	str_release(&text);
	errno = -err;
	return err == 0;
}

bool spool_open(struct spool *spool, const char *path, spool_line *each, void *context)
{
	spool->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (spool->fd < 0)
		return false;
	return flock(spool->fd, LOCK_EX | LOCK_NB) == 0 && read_lines(spool, each, context);
}

void spool_close(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	spool->fd = -1;
}

static bool write_line(struct spool *spool, json_t *line)
{
	struct str text = STR_INIT;
	int err;

	json_print(line, &text);
	str_addc(&text, '\n');
	/* A line that lacks a part would be replayed without it. */
	err = alloc_failed() ? -ENOMEM : fd_write_all(spool->fd, text.p, text.len);
	if (err == 0 && fdatasync(spool->fd) < 0)
		err = -errno;
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
	return write_line(spool, line);
}

bool spool_done(struct spool *spool, uint64_t number, const struct scitq_answer *a)
{
	if (spool->fd < 0)
		return true;
	/* Of the answer, what a later write may ask for. */
	return write_line(spool, json_pack("{s:I, s:O?, s:s}", "done", (json_int_t)number, "json",
	                                   a->json, "error", a->error.p));
}

bool spool_empty(struct spool *spool)
{
	return spool->fd < 0 || ftruncate(spool->fd, 0) == 0;
}

bool spool_read(json_t *line, spool_find *find, void *context, struct request *r, struct str *error)
{
	const char *name = json_string_value(json_object_get(line, "call"));
	const char *key = json_string_value(json_object_get(line, "key"));
	const json_t *list = json_object_get(line, "lazy");
	const struct call_row *row = name ? call_find(name) : NULL;
	struct scitq_lazy lazy[1];
	bool ok;

	memset(r, 0, sizeof(*r));
	if (row == NULL || key == NULL || strlen(key) >= sizeof(r->key)) {
		str_adds(error, "a line of the spool is no call");
		return false;
	}
	ok = request_init(r, row, json_incref(json_object_get(line, "arguments")), NULL, 0, error);
	memcpy(r->key, key, strlen(key) + 1);
	for (size_t i = 0; ok && i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);

		lazy[0].argument = json_string_value(json_object_get(j, "argument"));
		lazy[0].index = (size_t)json_integer_value(json_object_get(j, "index"));
		lazy[0].answer =
		        find(context, (uint64_t)json_integer_value(json_object_get(j, "n")));
		ok = lazy[0].argument != NULL && lazy[0].answer != NULL &&
		     request_add_lazy(r, &lazy[0], error);
		if (!ok && error->len == 0)
			str_adds(error, "the spool does not say what a call named");
	}
	return ok;
}
