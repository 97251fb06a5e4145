#include "worker/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER_SIZE 128
#define LONG_BYTES ((uint64_t)256 << 10)

static size_t make_marker(const struct stream *s, char marker[MARKER_SIZE])
{
	return (size_t)snprintf(marker, MARKER_SIZE,
	                        "\n[scitq: output beyond %" PRIu64 " bytes was not kept]\n",
	                        s->limit);
}

void stream_init(struct stream *s, const char *directory, const char *name, uint64_t limit)
{
	struct str path = STR_INIT;

	memset(s, 0, sizeof(*s));
	str_addf(&path, "%s/%s", directory, name);
	s->path = str_detach(&path);
	s->limit = limit;
	s->fd = -1;
}

void stream_release(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	s->fd = -1;
	s->path = NULL;
}

int stream_look(struct stream *s)
{
	char marker[MARKER_SIZE];
	uint64_t size;
	struct stat st;

	if (s->closed)
		return 0;
	if ((s->fd >= 0 ? fstat(s->fd, &st) : lstat(s->path, &st)) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	size = (uint64_t)st.st_size;
	if (size > s->limit)
		size = s->limit + make_marker(s, marker);
	/* What was sent stays said, also when a task cuts its own output. */
	if (size > s->size)
		s->size = size;
	return 0;
}

void stream_close(struct stream *s)
{
	s->closed = true;
	s->unsure = false;
	s->size = s->sent = s->stored;
}

bool stream_is_due(const struct stream *s)
{
	return !s->closed && (s->unsure ? s->sent == 0 && s->size > 0 : s->sent < s->size);
}

bool stream_is_long(const struct stream *s)
{
	return stream_is_due(s) && !s->unsure && (s->apart > 0 || s->sent == s->stored) &&
	       s->size - s->sent >= LONG_BYTES;
}

bool stream_is_stored(const struct stream *s)
{
	return s->closed || (!s->unsure && s->stored >= s->size) || s->size == 0;
}

int64_t stream_read(struct stream *s, uint64_t offset, char *buf, size_t n)
{
	char marker[MARKER_SIZE];
	uint64_t file_end;
	size_t got = 0;

	if (s->fd < 0) {
		s->fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (s->fd < 0)
			return -errno;
	}
	if (offset >= s->size)
		return 0;
	if (n > s->size - offset)
		n = (size_t)(s->size - offset);
	file_end = s->size < s->limit ? s->size : s->limit;
	while (got < n && offset + got < file_end) {
		size_t want = n - got;
		ssize_t r;

		if (want > file_end - offset - got)
			want = (size_t)(file_end - offset - got);
		r = pread(s->fd, buf + got, want, (off_t)(offset + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0) {
			memset(buf + got, 0, want);
			r = (ssize_t)want;
		}
		got += (size_t)r;
	}
	if (got < n) {
		(void)make_marker(s, marker);
		memcpy(buf + got, marker + (offset + got - s->limit), n - got);
		got = n;
	}
	return (int64_t)got;
}

void stream_rewind(struct stream *s, uint64_t stored)
{
	s->stored = s->sent = stored;
	s->unsure = false;
	if (stored > s->size || s->closed)
		s->size = stored;
}

void stream_resend(struct stream *s, uint64_t offset)
{
	if (offset < s->stored)
		offset = s->stored;
	if (offset < s->sent)
		s->sent = offset;
}
