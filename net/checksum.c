#include "net/checksum.h"

#include "base/base64.h"

#include <string.h>
#include <strings.h>

#define TEXT_MAX 64

/* The base64 text as `bytes` bytes in hex digits; unchanged where it is not that. */
static void take_base64(const char *text, size_t n, size_t bytes, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	char raw[BASE64_ROOM(TEXT_MAX)];
	size_t len = 0;

	if (n > TEXT_MAX || n % 4 != 0 || !base64_decode(text, n, raw, &len) || len != bytes)
		return;
	for (size_t i = 0; i < bytes; i++) {
		unsigned char c = (unsigned char)raw[i];

		hex[2 * i] = digits[c >> 4];
		hex[2 * i + 1] = digits[c & 15];
	}
	hex[2 * bytes] = '\0';
}

/* "name=value" or "name=:value:" of a list. */
static void take_member(struct checksum *c, const char *text, size_t n)
{
	const char *equals = memchr(text, '=', n);
	const char *value = equals != NULL ? equals + 1 : NULL;
	size_t len = equals != NULL ? n - (size_t)(value - text) : 0;
	size_t name = equals != NULL ? (size_t)(equals - text) : 0;

	if (len >= 2 && value[0] == ':' && value[len - 1] == ':') {
		value++;
		len -= 2;
	}
	if (name == 3 && strncasecmp(text, "md5", 3) == 0)
		take_base64(value, len, 16, c->md5);
	else if (name == 7 && strncasecmp(text, "sha-256", 7) == 0)
		take_base64(value, len, 32, c->sha256);
}

void checksum_take(struct checksum *c, const char *name, const char *value, bool whole)
{
	if (strcasecmp(name, "Content-MD5") == 0) {
		if (whole)
			take_base64(value, strlen(value), 16, c->md5);
		return;
	}
	if (strcasecmp(name, "Repr-Digest") != 0 && strcasecmp(name, "x-goog-hash") != 0 &&
	    (strcasecmp(name, "Digest") != 0 || !whole))
		return;
	while (*value != '\0') {
		size_t n;

		value += strspn(value, " \t,");
		n = strcspn(value, ",");
		while (n > 0 && strchr(" \t", value[n - 1]) != NULL)
			n--;
		take_member(c, value, n);
		value += strcspn(value, ",");
	}
}
