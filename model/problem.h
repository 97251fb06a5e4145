/*
 * What a server answers instead of a result: an HTTP status, a permanent code
 * word and a sentence that names field and value. The codes stand in
 * model/problem.c; docs/rest.md lists them.
 */
#ifndef MODEL_PROBLEM_H
#define MODEL_PROBLEM_H

#include <stdbool.h>

enum problem_code {
	PROBLEM_NONE,
	PROBLEM_BAD_JSON,      /* 400 the body is not JSON, or not an object */
	PROBLEM_BAD_TYPE,      /* 400 a field has the wrong type */
	PROBLEM_UNKNOWN_FIELD, /* 400 */
	PROBLEM_MISSING_FIELD, /* 400 */
	PROBLEM_READ_ONLY,     /* 400 the field is the server's to set */
	PROBLEM_UNAUTHORIZED,  /* 401 */
	PROBLEM_NOT_FOUND,     /* 404 */
	PROBLEM_BAD_METHOD,    /* 405 */
	PROBLEM_CONFLICT,      /* 409 the transition is not allowed, or the name is taken */
	PROBLEM_FENCED,        /* 409 an older session or assignment speaks */
	PROBLEM_GAP,           /* 409 log bytes before these are missing */
	PROBLEM_TOO_LARGE,     /* 413 */
	PROBLEM_BAD_VALUE,     /* 422 right type, not an allowed value */
	PROBLEM_BUSY,          /* 429 */
	PROBLEM_INTERNAL,      /* 500 our bug */
	PROBLEM_UNAVAILABLE,   /* 503 the database did not take it */
	PROBLEM_COUNT
};

struct problem {
	enum problem_code code; /* PROBLEM_NONE: no problem */
	char message[480];      /* UTF-8, cut at a character where too long */
};

/* Always false, so that `return problem_set(...)` ends a check. */
bool problem_set(struct problem *p, enum problem_code code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
int problem_http_status(enum problem_code code);
const char *problem_word(enum problem_code code);

#endif
