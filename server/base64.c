#include "server/base64.h"

#include <stdint.h>

/* 0 to 63, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t len, char *out, size_t *n)
{
	*n = 0;
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		unsigned pad = 0;
		uint32_t bits = 0;

		if (i + 4 == len && text[i + 3] == '=')
			pad = text[i + 2] == '=' ? 2 : 1;
		for (unsigned k = 0; k < 4; k++) {
			int d = k >= 4 - pad ? 0 : digit(text[i + k]);

			if (d < 0)
				return false;
			bits = bits << 6 | (uint32_t)d;
		}
		/* What the padding hides must be zero, or two texts would mean the same. */
		if ((pad == 1 && (bits & 0xff)) || (pad == 2 && (bits & 0xffff)))
			return false;
		for (unsigned k = 0; k < 3 - pad; k++)
			out[(*n)++] = (char)(bits >> (16 - 8 * k) & 0xff);
	}
	return true;
}
