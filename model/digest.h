/*
 * SHA-256 (FIPS 180-4) of bytes and of files, as 64 lower-case hex digits. Used
 * for identities, tokens and idempotency.
 */
#ifndef MODEL_DIGEST_H
#define MODEL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT_SIZE 65

struct digest; /* a running computation */

struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
/* Length first, so that ("ab", "c") and ("a", "bc") differ. */
void digest_add_text(struct digest *d, const char *text);
/* Ends and frees it. */
void digest_finish(struct digest *d, char text[DIGEST_TEXT_SIZE]);

void digest_bytes(const void *data, size_t len, char text[DIGEST_TEXT_SIZE]);
/* HMAC-SHA-256 (RFC 2104) of a text: who has not the key can neither make it nor learn the key. */
void digest_keyed(const char *key, const char *text, char mac[DIGEST_TEXT_SIZE]);
/* 0 or -errno. */
int digest_file(const char *path, char text[DIGEST_TEXT_SIZE]);
/* MD5 (RFC 1321) of a file, for archives that tell no better checksum. 0 or -errno. */
#define DIGEST_MD5_SIZE 33
int digest_md5_file(const char *path, char text[DIGEST_MD5_SIZE]);
/* Bytes from the kernel's generator as hex digits: tokens, ids. n digits and a NUL. */
void random_hex(char *text, size_t n);

#endif
