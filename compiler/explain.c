/*
 * `scitq-run explain CODE`: a row of the table of codes as a page.
 */
#include "compiler/compile.h"
#include "dsl/codes.h"

#include <string.h>

#define PAGE_WIDTH 80

/* Paragraphs are separated by an empty line; words wrap. */
static void add_wrapped(struct str *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " \n");

		if (column > 0 && column + 1 + n > PAGE_WIDTH) {
			str_addc(out, '\n');
			column = 0;
		}
		if (column > 0 && n > 0) {
			str_addc(out, ' ');
			column++;
		}
		str_add(out, text, n);
		column += n;
		text += n;
		if (*text == '\n') {
			str_addc(out, '\n');
			column = 0;
		}
		text += *text != '\0';
	}
	str_addc(out, '\n');
}

bool compile_explain(const char *code, struct str *out)
{
	const struct diag_code *c = diag_code_find(code);

	if (c == NULL)
		return false;
	str_addf(out, "%s (%s): %s\n\n", c->code,
	         c->severity == SEVERITY_ERROR ? "error" : "warning", c->title);
	add_wrapped(out, c->explain);
	return true;
}
