/*
 * A hash map from byte strings to 64-bit values, open addressing. Keys are
 * borrowed: whoever inserts keeps them alive. Iteration order is unspecified.
 *
 * struct intern numbers distinct strings 0, 1, 2... and owns their bytes.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	const char *key; /* NULL: free */
	uint32_t len, hash;
	uint64_t value;
};

struct map {
	struct map_slot *slots;
	size_t n, cap; /* cap is 0 or a power of two */
};

#define MAP_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void map_release(struct map *m);
/* The place of the key's value, or NULL. Valid until the next insertion. */
uint64_t *map_get(const struct map *m, const char *key, size_t len);
/* The place of the key's value, made (value 0) where the key is new. */
uint64_t *map_put(struct map *m, const char *key, size_t len, bool *is_new);
/* True where the key was there. */
bool map_delete(struct map *m, const char *key, size_t len);

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#define INTERN_NONE UINT32_MAX

struct intern {
	struct map map;
	struct arena arena;
	const char **strings;
	uint32_t n, cap;
};

void intern_init(struct intern *in);
void intern_release(struct intern *in);
uint32_t intern_add(struct intern *in, const char *s, size_t len);
/* INTERN_NONE where the string was never added. */
uint32_t intern_find(const struct intern *in, const char *s, size_t len);
/* The NUL-terminated string with this number; lives as long as the table. */
const char *intern_text(const struct intern *in, uint32_t id);

#endif
