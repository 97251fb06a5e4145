/*
 * The table of the library's functions (calls.def), and what a call of one becomes: its arguments,
 * one JSON object, are checked by name and split into path and body.
 */
#ifndef CLIENT_CALLS_H
#define CLIENT_CALLS_H

#include "base/str.h"
#include "client/shapes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum call_gives { GIVES_ONE, GIVES_LIST, GIVES_ANY };

struct call_row {
	const char *name, *method, *pattern;
	enum row_kind rows; /* that it gives */
	enum call_gives gives;
	const char *arguments; /* as in calls.def */
	const char *help;
};

/* The numbers of the rows: CALL_task_get... */
enum call_number {
#define CALL(name, method, pattern, table, gives, arguments, help) CALL_##name,
#include "client/calls.def"
#undef CALL
	CALL_COUNT
};

const struct call_row *call_row(enum call_number number);
/* NULL where there is none of that name. */
const struct call_row *call_find(const char *name);
/* Reads nothing but state: a GET. */
bool call_is_read(const struct call_row *row);

/*
 * The name of argument i in the order of callers, 0, 1...; NULL behind the last. Its length goes to
 * *len: the text is not ended by a NUL. *field is its field of the table where it stands for one,
 * else NULL. Those of the pattern that is not optional are needed, as are fields that a POST must
 * send.
 */
struct call_argument {
	const char *name;
	size_t len;
	const struct field *field;
	bool needed;
};
bool call_argument(const struct call_row *row, unsigned i, struct call_argument *argument);

bool call_takes(const struct call_row *row, const char *argument);

/*
 * Are these names arguments of the call, and are those there that it needs? Else false, with a
 * sentence in `error`. null counts as not given where the call creates or asks.
 */
bool call_check(const struct call_row *row, json_t *arguments, struct str *error);
/*
 * Append the path, and set *body to a new object of what does not go there. False, with a sentence
 * in `error`, where what goes into the path is neither a number nor a text.
 */
bool call_build(const struct call_row *row, json_t *arguments, struct str *path, json_t **body,
                struct str *error);

#endif
