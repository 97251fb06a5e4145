/* Base64 as in RFC 4648, section 4: padded, without line breaks. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Append the n bytes as text. */
void base64_add(struct str *out, const void *data, size_t n);

/* At most this many bytes come out of len characters. */
#define BASE64_ROOM(len) ((len) / 4 * 3)

/* `out` has BASE64_ROOM(len) bytes. False where the text is not base64. */
bool base64_decode(const char *text, size_t len, char *out, size_t *n);

#endif
