#include "server/log_text.h"

#include <string.h>

#define INVALID 0u
#define INCOMPLETE 5u

void log_text_init(struct log_text *t, struct str *out, uint64_t skip)
{
	memset(t, 0, sizeof(*t));
	t->out = out;
	t->skip = skip;
}

/* The length of the sequence at p (Unicode 15, table 3-7), INVALID, or INCOMPLETE. */
static unsigned sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	unsigned len;

	if (p[0] < 0x80)
		return p[0] == 0 ? INVALID : 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3;
		if (p[0] == 0xe0)
			low = 0xa0;
		else if (p[0] == 0xed)
			high = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		if (p[0] == 0xf0)
			low = 0x90;
		else if (p[0] == 0xf4)
			high = 0x8f;
	} else {
		return INVALID;
	}
	for (unsigned i = 1; i < len; i++) {
		if (i == n)
			return INCOMPLETE;
		if (p[i] < low || p[i] > high)
			return INVALID;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

static void character(struct log_text *t, const unsigned char *p, unsigned len)
{
	if (t->skip > 0)
		t->skip--;
	else if (len == INVALID)
		str_adds(t->out, "\xef\xbf\xbd");
	else
		str_add(t->out, p, len);
}

/* Bytes that are characters of their own: most of every log. */
static size_t plain(struct log_text *t, const unsigned char *p, size_t n)
{
	size_t i = 0, skipped;

	while (i < n && p[i] < 0x80 && p[i] != 0)
		i++;
	skipped = t->skip < i ? (size_t)t->skip : i;
	t->skip -= skipped;
	str_add(t->out, p + skipped, i - skipped);
	return i;
}

/* How many of the n bytes were used; the rest is the start of a sequence. */
static size_t decode(struct log_text *t, const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned len;

		i += plain(t, p + i, n - i);
		if (i == n)
			break;
		len = sequence(p + i, n - i);
		if (len == INCOMPLETE)
			break;
		character(t, p + i, len);
		i += len == INVALID ? 1 : len;
	}
	return i;
}

void log_text_add(struct log_text *t, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t used;

	/* Finish the sequence that an earlier piece began, a byte at a time. */
	while (t->npart > 0 && len > 0) {
		t->part[t->npart++] = *p++;
		len--;
		used = decode(t, t->part, t->npart);
		t->npart -= (unsigned)used;
		memmove(t->part, t->part + used, t->npart);
	}
	used = decode(t, p, len);
	if (used < len) {
		t->npart = (unsigned)(len - used);
		memcpy(t->part, p + used, t->npart);
	}
}

void log_text_end(struct log_text *t)
{
	for (unsigned i = 0; i < t->npart; i++)
		character(t, t->part + i, INVALID);
	t->npart = 0;
}

const char *log_text_tail(const char *text, size_t len, uint64_t n)
{
	const char *p = text + len;

	while (n > 0 && p > text) {
		p--;
		if (((unsigned char)*p & 0xc0) != 0x80)
			n--;
	}
	return p;
}
