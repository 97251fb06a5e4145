#include "store/cache.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define FORGETTABLE_MAX 64 /* beside those that are kept */

static struct cached *first_of(struct cache *cache, const char *sql)
{
	uint64_t *slot = map_get(&cache->texts, sql, strlen(sql));

	return slot ? (struct cached *)(uintptr_t)*slot : NULL;
}

static void take_out(struct cache *cache, struct cached *item)
{
	struct cached **at = &cache->all;

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
}

static void put_first(struct cache *cache, struct cached *item)
{
	item->next = cache->all;
	cache->all = item;
}

static void free_item(struct cache *cache, struct cached *item)
{
	free(item->sql);
	cache->free(item);
}

/* The one that was not used for longest, unless it is in use or has a twin. */
static void forget_one(struct cache *cache)
{
	struct cached *oldest = NULL;

	for (struct cached *item = cache->all; item != NULL; item = item->next) {
		if (!item->kept && !item->is_twin && item->twin == NULL && !item->in_use)
			oldest = item;
	}
	if (oldest == NULL)
		return;
	take_out(cache, oldest);
	map_delete(&cache->texts, oldest->sql, strlen(oldest->sql));
	free_item(cache, oldest);
	cache->forgettable--;
}

void cache_release(struct cache *cache)
{
	while (cache->all != NULL) {
		struct cached *item = cache->all;

		cache->all = item->next;
		free_item(cache, item);
	}
	map_release(&cache->texts);
}

struct cached *cache_find(struct cache *cache, const char *sql)
{
	struct cached *item = first_of(cache, sql);

	while (item != NULL && item->in_use)
		item = item->twin;
	if (item != NULL) {
		take_out(cache, item);
		put_first(cache, item);
	}
	return item;
}

void cache_add(struct cache *cache, struct cached *item, const char *sql)
{
	struct cached *first = first_of(cache, sql);

	if (cache->forgettable >= FORGETTABLE_MAX && first == NULL)
		forget_one(cache);
	item->sql = xstrdup(sql);
	put_first(cache, item);
	cache->forgettable++;
	if (first != NULL) {
		item->is_twin = true;
		item->twin = first->twin;
		first->twin = item;
	} else {
		*map_put(&cache->texts, item->sql, strlen(sql), NULL) = (uint64_t)(uintptr_t)item;
	}
}

void cache_keep(struct cache *cache, struct cached *item)
{
	if (!item->kept)
		cache->forgettable--;
	item->kept = true;
}
