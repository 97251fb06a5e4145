/*
 * The prepared statements of a connection, by their text. Clients can ask for
 * many forms of a query: what was not used for long is forgotten, but for what is
 * kept. A query inside itself gets a twin. Drivers embed struct cached first in
 * their struct statement. Private to store/.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/map.h"

struct cached {
	struct cached *next; /* of all: the one used last comes first */
	struct cached *twin; /* the same text again */
	char *sql;
	bool kept, is_twin;
	bool in_use; /* the driver's: from the first step to the reset */
};

struct cache {
	struct map texts; /* SQL text -> struct cached */
	struct cached *all;
	size_t forgettable;
	void (*free)(struct cached *item); /* the driver's; item->sql is not its to free */
};

void cache_release(struct cache *cache);
/* One that is not in use, or NULL. */
struct cached *cache_find(struct cache *cache, const char *sql);
/* A new one, zeroed but for what belongs to the driver. May forget another. */
void cache_add(struct cache *cache, struct cached *item, const char *sql);
void cache_keep(struct cache *cache, struct cached *item);

#endif
