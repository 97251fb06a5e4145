/*
 * The compiler's diagnostic codes: codes.def as an enum and a const table.
 *
 *	diag_add(sink, code_of(E0207), span, "...");
 */
#ifndef DSL_CODES_H
#define DSL_CODES_H

#include "base/diag.h"

enum code {
#define CODE(id, severity, title, explain) id,
#include "dsl/codes.def"
#undef CODE
	CODES
};

/* By enum code, in the order of codes.def. */
extern const struct diag_code diag_codes[CODES];

static inline const struct diag_code *code_of(enum code code)
{
	return &diag_codes[code];
}

/* "E0207" or "e0207"; NULL where there is no such code. */
const struct diag_code *diag_code_find(const char *text);

#endif
