/*
 * Who follows a run, by the name that each gives itself: who leaves last decides what becomes of
 * it. Kept in memory only; after a restart everybody calls again within a moment.
 */
#ifndef SERVER_COMPANY_H
#define SERVER_COMPANY_H

#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct follower_name {
	char *who;
	int64_t until_ns; /* monotonic: gone after that, if nothing was heard */
	bool left;        /* is gone: a call of its that was on its way does not bring it back */
};

struct company {
	VEC(struct follower_name) list;
};

void company_release(struct company *c);
#define COMPANY_MOST 1000
/*
 * It is there, and will have called again by then; nothing is noted of one that has left. False: it
 * is one too many.
 */
bool company_note(struct company *c, const char *who, int64_t now_ns, int64_t until_ns);
/* It has left, and is known to have until then. */
void company_leave(struct company *c, const char *who, int64_t until_ns);
bool company_has_left(struct company *c, const char *who);
/* Those that are there now. */
size_t company_count(struct company *c, int64_t now_ns);

#endif
