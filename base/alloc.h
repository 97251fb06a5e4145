/*
 * Allocation that cannot fail: the programs abort when memory runs out, because
 * no caller could do better. So does the client library, as scitq.h says: nothing that
 * it could hand back would be of use to who has no memory.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* Like malloc, calloc, realloc and strdup; abort with a message on failure. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/* realloc to n * size bytes; aborts when the product overflows. */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

#endif
