#include "model/problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int status;
	const char *word;
} rows[PROBLEM_COUNT] = {
        [PROBLEM_NONE] = {200, "ok"},
        [PROBLEM_BAD_JSON] = {400, "bad-json"},
        [PROBLEM_BAD_TYPE] = {400, "bad-type"},
        [PROBLEM_UNKNOWN_FIELD] = {400, "unknown-field"},
        [PROBLEM_MISSING_FIELD] = {400, "missing-field"},
        [PROBLEM_READ_ONLY] = {400, "read-only-field"},
        [PROBLEM_UNAUTHORIZED] = {401, "unauthorized"},
        [PROBLEM_NOT_FOUND] = {404, "not-found"},
        [PROBLEM_BAD_METHOD] = {405, "bad-method"},
        [PROBLEM_CONFLICT] = {409, "conflict"},
        [PROBLEM_FENCED] = {409, "fenced"},
        [PROBLEM_GAP] = {409, "gap"},
        [PROBLEM_TOO_LARGE] = {413, "too-large"},
        [PROBLEM_BAD_VALUE] = {422, "bad-value"},
        [PROBLEM_BUSY] = {429, "busy"},
        [PROBLEM_INTERNAL] = {500, "internal"},
        [PROBLEM_UNAVAILABLE] = {503, "unavailable"},
};

bool problem_set(struct problem *p, enum problem_code code, const char *fmt, ...)
{
	va_list ap;
	int n;

	p->code = code;
	va_start(ap, fmt);
	n = vsnprintf(p->message, sizeof(p->message), fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if ((size_t)n >= sizeof(p->message)) {
		size_t end = sizeof(p->message) - 1;

		/* Drop the bytes of a character that was cut in two. */
		while (end > 0 && (p->message[end - 1] & 0xc0) == 0x80)
			end--;
		if (end > 0 && (p->message[end - 1] & 0xc0) == 0xc0)
			end--;
		p->message[end] = '\0';
	}
	return false;
}

int problem_http_status(enum problem_code code)
{
	assert(code < PROBLEM_COUNT);
	return rows[code].status;
}

const char *problem_word(enum problem_code code)
{
	assert(code < PROBLEM_COUNT);
	return rows[code].word;
}
