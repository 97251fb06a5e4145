#include "runtime/digests.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct known_digest {
	int64_t size, mtime_ns;
	uint64_t inode;
	char text[DIGEST_TEXT_SIZE];
};

/* One line: digest size mtime_ns inode path. A path with a newline is not remembered. */
static void learn(struct digests *d, const char *path, size_t len, const struct known_digest *k)
{
	bool is_new;
	uint64_t *slot = map_put(&d->known, path, len, &is_new);
	struct known_digest *copy;

	if (is_new) {
		/* The map borrows its key: insert again under a copy that lives long enough. */
		char *key = arena_strndup(&d->arena, path, len);

		map_delete(&d->known, path, len);
		slot = map_put(&d->known, key, len, NULL);
		*slot = (uint64_t)(uintptr_t)arena_new(&d->arena, struct known_digest);
	}
	copy = (struct known_digest *)(uintptr_t)*slot;
	*copy = *k;
}

static void read_line(struct digests *d, const char *line, size_t len)
{
	struct known_digest k;
	int at = 0;

	if (len <= DIGEST_TEXT_SIZE || strspn(line, "0123456789abcdef") != DIGEST_TEXT_SIZE - 1)
		return;
	memcpy(k.text, line, DIGEST_TEXT_SIZE - 1);
	k.text[DIGEST_TEXT_SIZE - 1] = '\0';
	if (sscanf(line + DIGEST_TEXT_SIZE - 1, " %" SCNd64 " %" SCNd64 " %" SCNu64 " %n", &k.size,
	           &k.mtime_ns, &k.inode, &at) != 3 ||
	    at == 0)
		return;
	at += DIGEST_TEXT_SIZE - 1;
	if ((size_t)at < len)
		learn(d, line + at, len - (size_t)at, &k);
}

void digests_open(struct digests *d, const char *path)
{
	struct str text = STR_INIT;

	memset(d, 0, sizeof(*d));
	arena_init(&d->arena);
	if (path == NULL)
		return;
	d->path = xstrdup(path);
	if (file_read(path, &text) == 0) {
		for (char *line = text.p, *end; (end = strchr(line, '\n')) != NULL;
		     line = end + 1) {
			*end = '\0';
			read_line(d, line, (size_t)(end - line));
		}
	}
	str_release(&text);
}

int digests_file(struct digests *d, const char *path, char text[DIGEST_TEXT_SIZE])
{
	const uint64_t *slot = map_get(&d->known, path, strlen(path));
	struct known_digest k;
	struct stat st;
	int err;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	k.size = st.st_size;
	k.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	k.inode = st.st_ino;
	if (slot != NULL) {
		const struct known_digest *old = (const struct known_digest *)(uintptr_t)*slot;

		if (old->size == k.size && old->mtime_ns == k.mtime_ns && old->inode == k.inode) {
			memcpy(text, old->text, DIGEST_TEXT_SIZE);
			return 0;
		}
	}
	err = digest_file(path, k.text);
	if (err != 0)
		return err;
	memcpy(text, k.text, DIGEST_TEXT_SIZE);
	learn(d, path, strlen(path), &k);
	d->changed = true;
	return 0;
}

int digests_close(struct digests *d)
{
	struct str text = STR_INIT;
	int err = 0;

	if (d->path != NULL && d->changed) {
		for (size_t i = 0; i < d->known.cap; i++) {
			const struct map_slot *s = &d->known.slots[i];
			const struct known_digest *k;

			if (s->key == NULL || memchr(s->key, '\n', s->len) != NULL)
				continue;
			k = (const struct known_digest *)(uintptr_t)s->value;
			str_addf(&text, "%s %" PRId64 " %" PRId64 " %" PRIu64 " %s\n", k->text,
			         k->size, k->mtime_ns, k->inode, s->key);
		}
		err = file_replace(d->path, text.p, text.len, 0600);
	}
	str_release(&text);
	free(d->path);
	map_release(&d->known);
	arena_release(&d->arena);
	return err;
}
