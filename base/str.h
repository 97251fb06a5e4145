/*
 * A growable string of bytes that is always NUL-terminated, so that s.p can be
 * handed to libc. It may hold NULs; s.len counts. STR_INIT needs no allocation.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
	char *p;
	size_t len, cap; /* cap 0: p is the shared empty string */
};

extern char str_empty[1];
#define STR_INIT                                                                                   \
	{                                                                                          \
		str_empty, 0, 0                                                                    \
	}

void str_init(struct str *s);
void str_release(struct str *s);
/* Length 0, memory kept. */
void str_reset(struct str *s);
/* Room for n more bytes and a NUL. False where there is none, and that is tolerated (alloc.h):
   nothing is added then, here and below. */
bool str_reserve(struct str *s, size_t n);
void str_add(struct str *s, const void *data, size_t n);
void str_adds(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* text as one word of a POSIX shell, single-quoted where it must be. */
void str_add_shell_quoted(struct str *s, const char *text);
/* The malloc'ed bytes, now the caller's to free; s is then empty. */
char *str_detach(struct str *s);

/* The same text, or NULL both. */
bool text_same(const char *a, const char *b);

#endif
