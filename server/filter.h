/*
 * The filter of a route: the fields that a GET takes, in its JSON body (as v1
 * clients send them) or in its query string, with their types. One table
 * (filters.def) drives the check, the reading of query strings and swagger.
 *
 * The same table describes bodies and replies that are no rows: their shapes.
 * Handlers check a body against its shape, swagger prints them all.
 *
 * The HTTP side checks every call against the filter of its route, so that a
 * handler finds known fields of the right type only, null meaning absent.
 *
 * To add a field to a filter: add its row in filters.def.
 */
#ifndef SERVER_FILTER_H
#define SERVER_FILTER_H

#include "model/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum filter_kind {
	FILTER_INT,    /* not negative */
	FILTER_SIGNED, /* in a body */
	FILTER_REAL,
	FILTER_BOOL,
	FILTER_TEXT,
	FILTER_INTS,    /* or one alone; in a query: 1,2,3 or the parameter repeated */
	FILTER_DATE,    /* in a reply */
	FILTER_TEXTS,   /* an array, in a body */
	FILTER_OBJECTS, /* an array, in a body */
	FILTER_OBJECT
};

struct filter_field {
	const char *name;
	enum filter_kind kind;
	const char *help;
	const struct filter *of; /* shape of the objects; NULL: told by the help */
};

struct filter {
	const char *name; /* in filters.def */
	const struct filter_field *fields;
	size_t n;
};

/* Without fields: the handler reads the body. */
extern const struct filter filter_body;

#define FILTER_BEGIN(name) extern const struct filter filter_##name;
#define FIELD(kind, name, help)
#define EACH(shape, name, help)
#define FILTER_END(name)
#include "server/filters.def"
#undef FILTER_BEGIN
#undef FIELD
#undef EACH
#undef FILTER_END

/* Every member known, else false and *problem names it. */
bool filter_known(const struct filter *f, json_t *object, struct problem *problem);
/* Every member known and of its type, else false and *problem names it. */
bool filter_check(const struct filter *f, json_t *object, struct problem *problem);
/*
 * Put one parameter of a query string into the object, with its type. `value`
 * NULL (a parameter without "="): true for a boolean, an error for others.
 */
bool filter_query(const struct filter *f, json_t *object, const char *name, const char *value,
                  struct problem *problem);
/* What the view member says: true for "full". */
bool filter_full(json_t *object);

#endif
