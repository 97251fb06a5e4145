#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Of a thread, as errno is: what fails is deep below whoever has to know. Aligned as a pointer is:
 * where the text ends a few bytes before a page does, mold 1.10 makes a program of less that cannot
 * be loaded.
 */
static _Thread_local struct {
	_Alignas(void *) bool tolerant;
	bool failed;
} here;

void alloc_exhausted(void)
{
	if (!here.tolerant) {
		fputs("out of memory\n", stderr);
		abort();
	}
	alloc_note();
}

void alloc_note(void)
{
	here.failed = true;
}

void alloc_tolerate(bool *before)
{
	*before = here.tolerant;
	here.tolerant = true;
}

bool alloc_tolerated(void)
{
	return here.tolerant;
}

bool alloc_end(bool before)
{
	bool failed = here.failed;

	here.tolerant = before;
	here.failed = failed && before;
	return failed;
}

bool alloc_failed(void)
{
	return here.tolerant && here.failed;
}

void alloc_forgive(void)
{
	here.failed = false;
}

static void *checked(void *p)
{
	if (p == NULL)
		alloc_exhausted();
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	if (p == NULL)
		return NULL;
	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}
