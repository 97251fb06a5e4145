/*
 * The table of routes (routes.def) and the search in it. The HTTP side is its
 * user; swagger.c prints it. Matching is exact, trailing slashes included, as
 * v1's is: a path without its slash is redirected.
 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "model/field.h"
#include "server/call.h"
#include "server/filter.h"

#include <stddef.h>

enum route_flags {
	ROUTE_PLAIN = 0,
	ROUTE_RAW = 1 << 0,    /* the body is bytes, not JSON */
	ROUTE_BULK = 1 << 1,   /* the body may be large */
	ROUTE_AUDIT = 1 << 2,  /* steers: what succeeds is written into the audit log */
	ROUTE_MAKES = 1 << 3,  /* answers 201 */
	ROUTE_PAGE = 1 << 4,   /* for a browser; not in the description */
	ROUTE_FLOW = 1 << 5,   /* the reply goes on, as server-sent events */
	ROUTE_LEADER = 1 << 6, /* no CORE, yet only the server that leads has the answer */
	ROUTE_SAFE = 1 << 7,   /* a GET of the core that changes nothing: HEAD may ask it too */
	ROUTE_JOINS = 1 << 8,  /* the one call for which a token for joining is good */
	ROUTE_SHORT = 1 << 9,  /* CORE, changes a row or two and never waits: core_run_here() */
};

/* What a body or a reply holds: rows of a table, or objects of a shape (filters.def). */
struct content {
	enum table_id table;
	const struct filter *shape; /* NULL: rows of the table */
	bool list;
};

struct route {
	const char *method;
	const char *pattern;
	enum call_queue queue;
	union {
		call_handler *core;
		read_handler *read;
		http_handler *http;
	} handler;
	known_answer *known; /* asked first, where this server leads; NULL: nobody */
	enum role role;
	const struct filter *filter; /* filter_body: the handler reads the body */
	unsigned flags;
	const struct content *takes, *gives; /* NULL: something else */
	const char *help;
};

extern const struct route routes[];
extern const size_t route_count;

enum route_found {
	ROUTE_FOUND,
	ROUTE_REDIRECT,   /* path + "/" is one */
	ROUTE_BAD_METHOD, /* *allow lists those that the path has */
	ROUTE_OPTIONS,    /* OPTIONS of a path that exists; *allow as above */
	ROUTE_UNKNOWN,
};

struct route_hit {
	const struct route *route;
	int64_t ids[CALL_IDS];
	const char *names[CALL_IDS];
	const char *allow; /* "GET, HEAD, OPTIONS" */
	const char
	        *not_number; /* ROUTE_UNKNOWN: the word that stood in a number's place, or NULL */
};

/*
 * `path` is unescaped, without query. Words are copied into the arena. HEAD
 * finds a GET that changes nothing.
 */
enum route_found route_find(const char *method, const char *path, struct arena *arena,
                            struct route_hit *hit);
/* Whether the reply holds rows, of which X-Fields may choose the fields. */
bool route_gives_rows(const struct route *route);
/* Whether the {word} of a pattern stands for a number. */
bool route_word_is_number(const char *word, size_t len);

#endif
