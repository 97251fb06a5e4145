/*
 * From text to tree: scanner.l and grammar.y behind one call.
 */
#ifndef DSL_PARSE_H
#define DSL_PARSE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "dsl/ast.h"

/*
 * Parse file number `file` of `sources`. Everything that the tree holds lives in
 * the arena; nothing else is kept. Never NULL. Mistakes of syntax, and statements
 * where they cannot stand, go to the sink, several of them where there are
 * several; a caller that sees sink->errors grow may still walk the tree.
 */
struct ast *dsl_parse(struct arena *arena, struct sources *sources, uint32_t file,
                      struct diag_sink *sink);

#endif
