/*
 * Digests of input files by content, remembered across runs: a file whose size,
 * date (to the nanosecond) and inode are those of the last look is not read
 * again. The memory is a text file in the state directory; losing it costs time
 * only.
 */
#ifndef RUNTIME_DIGESTS_H
#define RUNTIME_DIGESTS_H

#include "base/arena.h"
#include "base/map.h"
#include "model/digest.h"

#include <stdbool.h>

struct digests {
	struct arena arena;
	struct map known; /* path -> struct known_digest */
	char *path;       /* of the memory, NULL for none */
	bool changed;
};

/* Reads the memory at `path` where there is one; a damaged line is dropped. */
void digests_open(struct digests *d, const char *path);
/* The digest of the bytes of a regular file: 0 or -errno. */
int digests_file(struct digests *d, const char *path, char text[DIGEST_TEXT_SIZE]);
/* Writes what was learned: 0 or -errno. Releases everything. */
int digests_close(struct digests *d);

#endif
