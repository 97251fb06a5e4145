/* Bytes as base64 (RFC 4648, section 4, with padding), appended. */
#ifndef WORKER_BASE64_H
#define WORKER_BASE64_H

#include "base/str.h"

void base64_add(struct str *out, const void *data, size_t n);

#endif
