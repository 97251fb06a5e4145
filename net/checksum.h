/*
 * The checksum of a whole body that the headers of its answer tell: Content-MD5 (RFC 1864), Digest
 * (RFC 3230), Repr-Digest (RFC 9530), and x-goog-hash of Google's store.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stdbool.h>

/* As lower-case hex digits; "" where it was not told. */
struct checksum {
	char md5[33];
	char sha256[65];
};

/*
 * Take what the header says, if it is one of those; other algorithms and what cannot be read say
 * nothing. `whole`: the answer's body is not a part of the file, which Content-MD5 would speak of.
 */
void checksum_take(struct checksum *c, const char *name, const char *value, bool whole);

#endif
