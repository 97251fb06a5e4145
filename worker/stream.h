/*
 * One of the two output files of a task on its way to the server: how long it
 * is, what the server has, what is in a call that travels. Offsets count the bytes as
 * the server keeps them: a file beyond the limit ends there with a line that says so.
 */
#ifndef WORKER_STREAM_H
#define WORKER_STREAM_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct stream {
	char *path;
	int fd;          /* -1 until there is something to read */
	uint64_t limit;  /* bytes of the file that are kept */
	uint64_t size;   /* as last looked at */
	uint64_t stored; /* the server has them */
	uint64_t sent;   /* stored, or in a call that has no answer yet */
	unsigned apart;  /* calls of their own that have what lies between stored and sent */
	bool unsure;     /* an earlier agent sent some: the server is asked how much it has */
	bool closed;     /* no more of it is sent */
};

/* `name` is "stdout" or "stderr" in the directory. */
void stream_init(struct stream *s, const char *directory, const char *name, uint64_t limit);
void stream_release(struct stream *s);
/* See how long it is now. 0 or -errno; a file that is not there is empty. */
int stream_look(struct stream *s);
/* Whether something is to be said about it. */
bool stream_is_due(const struct stream *s);
/* Whether that is so much that it is worth a call of its own, beside those that are on their way.
 */
bool stream_is_long(const struct stream *s);
/* At most n bytes from `offset` on; bytes read, or -errno. What is missing in the file (a task may
   cut it) reads as NULs. */
int64_t stream_read(struct stream *s, uint64_t offset, char *buf, size_t n);
/* The call was not answered, or the server wants them from `stored` on. */
void stream_rewind(struct stream *s, uint64_t stored);
/* The same of one of several calls on their way: what it had begins at `offset`. */
void stream_resend(struct stream *s, uint64_t offset);
/* No more of it can be read, or is wanted: it ends with what is stored. */
void stream_close(struct stream *s);
/* Everything up to the size is stored. */
bool stream_is_stored(const struct stream *s);

#endif
