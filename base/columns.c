#include "base/columns.h"

#include <string.h>

/* Where the help of a row begins. */
#define BEGIN 2
#define COLUMN 30
#define GAP 2
#define LINE 80

void columns_text(struct str *out, size_t from, const char *text)
{
	columns_fit(out, from, LINE, text);
}

void columns_fit(struct str *out, size_t from, size_t line, const char *text)
{
	size_t at = from;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (at + word > line && at > from) {
			at = from;
			str_addf(out, "\n%*s", (int)at, "");
		}
		str_addf(out, "%s%.*s", at > from ? " " : "", (int)word, text);
		at += word + 1;
		text += word + strspn(text + word, " ");
	}
	str_addc(out, '\n');
}

void columns_row(struct str *out, const char *left, const char *help)
{
	size_t n = strlen(left), at = BEGIN + COLUMN + GAP;

	str_addf(out, "%*s%s%*s", BEGIN, "", left, n <= COLUMN ? (int)(COLUMN - n) + GAP : 0, "");
	if (n > COLUMN)
		str_addf(out, "\n%*s", (int)at, "");
	columns_text(out, at, help);
}
