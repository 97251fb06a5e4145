#include "base/str.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char str_empty[1];

void str_init(struct str *s)
{
	s->p = str_empty;
	s->len = s->cap = 0;
}

void str_release(struct str *s)
{
	if (s->cap > 0)
		free(s->p);
	str_init(s);
}

void str_reset(struct str *s)
{
	s->len = 0;
	if (s->cap > 0)
		s->p[0] = '\0';
}

bool str_reserve(struct str *s, size_t n)
{
	size_t need, cap;
	char *p;

	if (__builtin_add_overflow(s->len, n, &need) || __builtin_add_overflow(need, 1, &need) ||
	    need > SIZE_MAX / 2) {
		alloc_exhausted();
		return false;
	}
	if (need <= s->cap)
		return true;
	cap = s->cap ? s->cap : 64;
	while (cap < need)
		cap += cap / 2;
	p = xrealloc(s->cap ? s->p : NULL, cap);
	if (p == NULL)
		return false;
	s->p = p;
	s->cap = cap;
	s->p[s->len] = '\0';
	return true;
}

void str_add(struct str *s, const void *data, size_t n)
{
	if (n == 0 || !str_reserve(s, n))
		return;
	memcpy(s->p + s->len, data, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void str_adds(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	assert(n >= 0);
	if (str_reserve(s, (size_t)n)) {
		vsnprintf(s->p + s->len, (size_t)n + 1, fmt, again);
		s->len += (size_t)n;
	}
	va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

void str_add_shell_quoted(struct str *s, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789@%+=:,./_-";

	if (*text != '\0' && text[strspn(text, plain)] == '\0') {
		str_adds(s, text);
		return;
	}
	str_addc(s, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			str_adds(s, "'\\''");
		else
			str_addc(s, *text);
	}
	str_addc(s, '\'');
}

char *str_detach(struct str *s)
{
	char *p = s->cap ? s->p : xstrdup("");

	str_init(s);
	return p;
}

bool text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}
