/*
 * Allocation, and what becomes of it when memory runs out. A program aborts, because no caller
 * could do better. A library may not do that to its caller: while a thread of it is between
 * alloc_tolerate() and alloc_end(), an allocation that fails gives NULL and is noted. What base/
 * makes of that is harmless and incomplete: a str keeps what it had, a vec does not take the value,
 * an arena gives NULL. So whoever tolerates asks alloc_failed() before something is done with what
 * was made, and checks what it takes from here itself.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Like malloc, calloc, realloc and strdup; abort with a message on failure, unless it is tolerated.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
/* realloc to n * size bytes; a product that overflows is a failure. */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/* Something found no memory: abort, or note it where that is tolerated. */
void alloc_exhausted(void);

/* The same where another library's NULL says so, before or while it is tolerated: never aborts. */
void alloc_note(void);

/*
 * From here on this thread tolerates failures. May be nested: what was noted stays so until the
 * outermost ends. *before is what alloc_end() wants.
 */
void alloc_tolerate(bool *before);
bool alloc_tolerated(void);
/* True where something has failed since the outermost began. */
bool alloc_end(bool before);
/* The same in between; false in a thread that does not tolerate any. */
bool alloc_failed(void);
/* What was noted has been dealt with, and nothing is the worse for it. */
void alloc_forgive(void);

#endif
