/* Percent-encoding and the parts of a URL, as libcurl understands them (RFC 3986). */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Append the n bytes with everything but A-Z a-z 0-9 - . _ ~ as %XX: one component. */
void url_escape(struct str *out, const char *text, size_t n);
/* Append text with %XX decoded; the bytes may hold anything, NUL too. */
void url_unescape(struct str *out, const char *text, size_t n);
/*
 * Append the last component of the URL's path, decoded. False, with nothing
 * appended, where it cannot be the name of a file: no URL, empty, "." or "..", or
 * a slash or a NUL in it.
 */
bool url_file_name(struct str *out, const char *url);

/* What a URL says of the server; all decoded, "" where it says nothing. */
struct url_server {
	struct str user, password, host, port;
};

void url_server_init(struct url_server *u);
void url_server_release(struct url_server *u);
/* False where it is no URL with a host. */
bool url_server_read(struct url_server *u, const char *url);

#endif
