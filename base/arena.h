/*
 * An arena: many allocations with one lifetime (a compilation, a request, an
 * assignment), freed together. Not thread-safe; one owner.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head; /* newest block, the one being filled */
	size_t total;             /* bytes obtained from malloc */
};

void arena_init(struct arena *a);
/* Free everything; the arena is then as after arena_init. */
void arena_release(struct arena *a);
/* Forget every allocation but keep one block for reuse. */
void arena_clear(struct arena *a);

/* size bytes aligned for any type; NULL only where a lack of memory is tolerated (alloc.h). The
 * first is uninitialised. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
/* The n bytes at s and a NUL; s may hold NULs. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
        __attribute__((format(printf, 2, 0)));

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
/* n zeroed elements; aborts when the product overflows. */
#define arena_array(a, type, n) ((type *)arena_array_size((a), (n), sizeof(type)))
void *arena_array_size(struct arena *a, size_t n, size_t size);

#endif
