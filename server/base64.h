/* Base64 as in RFC 4648, section 4: padded, without line breaks. */
#ifndef SERVER_BASE64_H
#define SERVER_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* At most this many bytes come out of len characters. */
#define BASE64_ROOM(len) ((len) / 4 * 3)

/* `out` has BASE64_ROOM(len) bytes. False where the text is not base64. */
bool base64_decode(const char *text, size_t len, char *out, size_t *n);

#endif
