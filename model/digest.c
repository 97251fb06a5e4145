#include "model/digest.h"

#include "base/alloc.h"
#include "base/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct digest {
	EVP_MD_CTX *ctx;
};

/* libcrypto fails here only for want of memory or for a broken installation. */
static void must(int ok)
{
	if (ok != 1) {
		fputs("libcrypto cannot compute a digest\n", stderr);
		abort();
	}
}

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL);
}

/* EVP_sha256() would be looked up among the providers again for each digest. */
static const EVP_MD *get_sha256(void)
{
	int err = pthread_once(&sha256_once, find_sha256);

	assert(err == 0);
	(void)err;
	return sha256;
}

static struct digest *begin(const EVP_MD *kind)
{
	struct digest *d = xmalloc(sizeof(*d));

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL);
	must(EVP_DigestInit_ex(d->ctx, kind, NULL));
	return d;
}

struct digest *digest_new(void)
{
	return begin(get_sha256());
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_add_text(struct digest *d, const char *text)
{
	uint64_t len = strlen(text);

	digest_add(d, &len, sizeof(len));
	digest_add(d, text, (size_t)len);
}

static void to_hex(const unsigned char *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * n] = '\0';
}

void digest_finish(struct digest *d, char text[DIGEST_TEXT_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(EVP_DigestFinal_ex(d->ctx, bytes, &n));
	to_hex(bytes, n, text);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digest_bytes(const void *data, size_t len, char text[DIGEST_TEXT_SIZE])
{
	struct digest *d = digest_new();

	digest_add(d, data, len);
	digest_finish(d, text);
}

void digest_keyed(const char *key, const char *text, char mac[DIGEST_TEXT_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(HMAC(get_sha256(), key, (int)strlen(key), (const unsigned char *)text, strlen(text),
	          bytes, &n) != NULL);
	to_hex(bytes, n, mac);
}

/* Of the whole file; ends the digest. */
static int add_file(struct digest *d, const char *path, char text[DIGEST_TEXT_SIZE])
{
	enum { BLOCK = 1 << 18 };
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = -errno;
	char *block;
	ssize_t n;

	if (fd < 0) {
		digest_finish(d, text);
		return err;
	}
	block = xmalloc(BLOCK);
	while ((n = fd_read(fd, block, BLOCK)) > 0)
		digest_add(d, block, (size_t)n);
	free(block);
	close(fd);
	digest_finish(d, text);
	return n < 0 ? (int)n : 0;
}

int digest_file(const char *path, char text[DIGEST_TEXT_SIZE])
{
	return add_file(digest_new(), path, text);
}

int digest_md5_file(const char *path, char text[DIGEST_MD5_SIZE])
{
	char room[DIGEST_TEXT_SIZE];
	int err = add_file(begin(EVP_md5()), path, room);

	memcpy(text, room, DIGEST_MD5_SIZE);
	return err;
}

void random_hex(char *text, size_t n)
{
	unsigned char bytes[64];
	size_t have = 0;

	while (have < n) {
		char hex[2 * sizeof(bytes) + 1];
		size_t take = n - have < 2 * sizeof(bytes) ? n - have : 2 * sizeof(bytes);
		ssize_t got = getrandom(bytes, sizeof(bytes), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof(bytes)) {
			fputs("getrandom failed\n", stderr);
			abort();
		}
		to_hex(bytes, sizeof(bytes), hex);
		memcpy(text + have, hex, take);
		have += take;
	}
	text[n] = '\0';
}
