/*
 * Arithmetic in shell text: $(( )), (( )), $[ ], subscripts and slices. A bare name in it is a
 * variable that is read, or set, or both.
 */
#include "dsl/shellscan.h"

#include <ctype.h>
#include <string.h>

bool shell_is_arithmetic(const struct scan *s, size_t pos)
{
	unsigned open = 0;

	for (; pos < s->end; pos++) {
		char c = s->text[pos];

		if (c == '\\')
			pos++;
		else if (c == '(')
			open++;
		else if (c == ')' && --open == 1)
			return shell_at(s, pos + 1) == ')';
		else if (open == 0)
			return false;
	}
	return false;
}

static bool assigns(const struct scan *s, size_t pos, bool *reads)
{
	char a, b;

	while (shell_at(s, pos) == ' ' || shell_at(s, pos) == '\t')
		pos++;
	a = shell_at(s, pos);
	b = shell_at(s, pos + 1);
	*reads = a != '=';
	if (a == '=')
		return b != '=';
	if ((a == '+' || a == '-') && b == a)
		return true;
	if ((a == '<' || a == '>') && b == a)
		return shell_at(s, pos + 2) == '=';
	return a != '\0' && strchr("+-*/%&|^", a) != NULL && b == '=';
}

static void arithmetic_name(struct scan *s, size_t len)
{
	size_t start = s->pos, after;
	bool reads = true, sets;

	s->pos += len;
	after = s->pos;
	if (shell_at(s, after) == '[') {
		while (after < s->end && s->text[after] != ']')
			after++;
		after++;
	}
	sets = assigns(s, after, &reads);
	if (!sets && start >= 2 && s->text[start - 1] == s->text[start - 2] &&
	    (s->text[start - 1] == '+' || s->text[start - 1] == '-'))
		sets = true;
	if (!sets || reads)
		shell_add_ref(s, SHELL_ARITHMETIC, start, len, start);
	if (sets)
		shell_add_set(s, SHELL_ASSIGN, start, len);
}

/* One item of arithmetic: a number, a name, an expansion, a sign. */
void shell_arithmetic_item(struct scan *s)
{
	char c = shell_here(s);
	size_t len = shell_name(s, s->pos);

	if (len > 0) {
		arithmetic_name(s, len);
	} else if (isdigit((unsigned char)c)) {
		/* 0x1f and 16#ff hold no names. */
		while (shell_name_byte(shell_here(s)) || shell_here(s) == '#' ||
		       shell_here(s) == '@')
			s->pos++;
	} else if (c == '$') {
		shell_dollar(s, true);
	} else if (c == '`') {
		shell_backticks(s);
	} else if (c == '\'') {
		shell_single(s);
	} else {
		shell_skip(s, c == '\\' ? 2 : 1);
	}
}

void shell_arithmetic(struct scan *s, const char *closing)
{
	size_t n = strlen(closing);
	unsigned open = 0;

	while (s->pos < s->end) {
		char c = shell_here(s);

		if (open == 0 && c == closing[0] && s->end - s->pos >= n &&
		    memcmp(s->text + s->pos, closing, n) == 0) {
			s->pos += n;
			return;
		}
		if (c == '(' || c == '[')
			open++;
		else if ((c == ')' || c == ']') && open > 0)
			open--;
		shell_arithmetic_item(s);
	}
}
