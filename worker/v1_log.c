#include "worker/v1_log.h"

#include <string.h>

/* The length of the character that begins here: 0 where its end is missing, -1 where it is none. */
static int character(const unsigned char *p, size_t n)
{
	int len = p[0] < 0x80   ? 1
	          : p[0] < 0xc2 ? -1
	          : p[0] < 0xe0 ? 2
	          : p[0] < 0xf0 ? 3
	          : p[0] < 0xf5 ? 4
	                        : -1;

	for (int i = 1; i < len; i++) {
		if ((size_t)i == n)
			return 0;
		if ((p[i] & 0xc0) != 0x80)
			return -1;
	}
	/* Overlong forms, surrogates, beyond Unicode. */
	if ((len == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))) ||
	    (len == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))))
		return -1;
	return p[0] == 0 ? -1 : len;
}

uint64_t v1_log_text(struct v1_log *log, const char *data, size_t n, bool last, struct str *out)
{
	struct str all = STR_INIT;
	uint64_t chars = 0;
	size_t at = 0;

	str_add(&all, log->part, log->npart);
	str_add(&all, data, n);
	log->npart = 0;
	while (at < all.len) {
		int len = character((const unsigned char *)all.p + at, all.len - at);

		if (len == 0 && !last) {
			log->npart = all.len - at;
			memcpy(log->part, all.p + at, log->npart);
			break;
		}
		if (len > 0)
			str_add(out, all.p + at, (size_t)len);
		else
			str_adds(out, "\xef\xbf\xbd");
		at += len > 0 ? (size_t)len : 1;
		chars++;
	}
	str_release(&all);
	return chars;
}
