#include "client/address.h"

#include <string.h>

#define DEFAULT_PORT "5000"

/* Has the host, which may be [IPv6], a port behind it? */
static bool has_port(const char *host, size_t len)
{
	const char *after = *host == '[' ? memchr(host, ']', len) : host;

	return after != NULL && memchr(after, ':', len - (size_t)(after - host)) != NULL;
}

bool client_address(const char *server, struct str *url, struct str *token)
{
	const char *scheme = strstr(server, "://"), *host = scheme ? scheme + 3 : server;
	/* A token may hold anything, but in a URL, where a path begins at the first slash. */
	const size_t named = scheme ? strcspn(host, "/") : strlen(host);
	const char *at = memrchr(host, '@', named), *colon = strchr(host, ':');
	const bool https = strncmp(server, "https://", 8) == 0;
	const bool known = https || strncmp(server, "http://", 7) == 0;
	size_t len;

	if (scheme != NULL && !known)
		return false;
	if (at != NULL)
		host = at + 1;
	len = strlen(host);
	while (len > 0 && host[len - 1] == '/')
		len--;
	if (len == 0 || *host == ':' || *host == '/' || strcspn(host, " \t\n?#") < len ||
	    (scheme == NULL && memchr(host, '/', len) != NULL))
		return false;
	if (at != NULL && colon != NULL && colon < at)
		str_add(token, colon + 1, (size_t)(at - colon) - 1);
	str_adds(url, https ? "https://" : "http://");
	str_add(url, host, len);
	if (!https && !has_port(host, len) && memchr(host, '/', len) == NULL)
		str_adds(url, ":" DEFAULT_PORT);
	return true;
}
