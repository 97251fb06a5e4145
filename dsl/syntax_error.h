/*
 * Syntax errors in the user's words; private to dsl/.
 */
#ifndef DSL_SYNTAX_ERROR_H
#define DSL_SYNTAX_ERROR_H

#include "dsl/parser.h"

/*
 * Report that the token p->last cannot stand where it does. Names as grammar.y
 * declares them. Sets p->recover where tokens must be dropped.
 */
void report_syntax(struct parser *p, const char *found, const char *const *expected, size_t n);

#endif
