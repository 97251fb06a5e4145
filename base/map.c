#include "base/map.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A multiply-and-fold hash over 8-byte words; not for adversarial keys kept for long. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ (len * 0x9e3779b97f4a7c15u);

	while (len >= 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
		p += 8;
		len -= 8;
	}
	while (len-- > 0)
		h = (h ^ *p++) * 0x100000001b3u;
	h ^= h >> 29;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 32);
}

void map_release(struct map *m)
{
	free(m->slots);
	m->slots = NULL;
	m->n = m->cap = 0;
}

static struct map_slot *find(const struct map *m, const char *key, size_t len, uint32_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key != NULL) {
		struct map_slot *s = &m->slots[i];

		if (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			return s;
		i = (i + 1) & (m->cap - 1);
	}
	return &m->slots[i];
}

uint64_t *map_get(const struct map *m, const char *key, size_t len)
{
	struct map_slot *s;

	if (m->cap == 0)
		return NULL;
	s = find(m, key, len, (uint32_t)hash_bytes(key, len, 0));
	return s->key ? &s->value : NULL;
}

static void resize(struct map *m)
{
	struct map_slot *old = m->slots;
	size_t cap = m->cap;

	m->cap = cap ? cap * 2 : 16;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < cap; i++) {
		if (old[i].key != NULL)
			*find(m, old[i].key, old[i].len, old[i].hash) = old[i];
	}
	free(old);
}

uint64_t *map_put(struct map *m, const char *key, size_t len, bool *is_new)
{
	uint32_t hash = (uint32_t)hash_bytes(key, len, 0);
	struct map_slot *s;

	assert(len < UINT32_MAX);
	if ((m->n + 1) * 4 > m->cap * 3)
		resize(m);
	s = find(m, key, len, hash);
	if (is_new != NULL)
		*is_new = s->key == NULL;
	if (s->key == NULL) {
		*s = (struct map_slot){key, (uint32_t)len, hash, 0};
		m->n++;
	}
	return &s->value;
}

bool map_delete(struct map *m, const char *key, size_t len)
{
	struct map_slot *s;
	size_t hole, i;

	if (m->cap == 0)
		return false;
	s = find(m, key, len, (uint32_t)hash_bytes(key, len, 0));
	if (s->key == NULL)
		return false;
	/* Close the gap: move back every later entry of the run that may move. */
	hole = (size_t)(s - m->slots);
	for (i = (hole + 1) & (m->cap - 1); m->slots[i].key != NULL; i = (i + 1) & (m->cap - 1)) {
		size_t home = m->slots[i].hash & (m->cap - 1);

		if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].key = NULL;
	m->n--;
	return true;
}

void intern_init(struct intern *in)
{
	memset(in, 0, sizeof(*in));
	arena_init(&in->arena);
}

void intern_release(struct intern *in)
{
	map_release(&in->map);
	arena_release(&in->arena);
	free(in->strings);
	in->strings = NULL;
	in->n = in->cap = 0;
}

uint32_t intern_find(const struct intern *in, const char *s, size_t len)
{
	uint64_t *v = map_get(&in->map, s, len);

	return v ? (uint32_t)*v : INTERN_NONE;
}

uint32_t intern_add(struct intern *in, const char *s, size_t len)
{
	uint32_t id = intern_find(in, s, len);
	char *copy;

	if (id != INTERN_NONE)
		return id;
	copy = arena_strndup(&in->arena, s, len);
	if (in->n == in->cap) {
		in->cap = in->cap ? in->cap * 2 : 64;
		in->strings = xreallocarray(in->strings, in->cap, sizeof(*in->strings));
	}
	in->strings[in->n] = copy;
	*map_put(&in->map, copy, len, NULL) = in->n;
	return in->n++;
}

const char *intern_text(const struct intern *in, uint32_t id)
{
	assert(id < in->n);
	return in->strings[id];
}
