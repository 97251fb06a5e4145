/*
 * Answers about an open file, each a new reference, from what the compiler found in
 * it: LSP 3.17, the methods of the same names.
 */
#ifndef LSP_ANSWER_H
#define LSP_ANSWER_H

#include "lsp/buffer.h"

/* Params of textDocument/publishDiagnostics. */
json_t *answer_diagnostics(struct buffer *b);
json_t *answer_hover(struct buffer *b, uint32_t offset);
json_t *answer_definition(struct buffer *b, uint32_t offset);
json_t *answer_references(struct buffer *b, uint32_t offset, bool declaration);
/* A WorkspaceEdit; NULL where there is no name, or the new one cannot be one: then *why. */
json_t *answer_rename(struct buffer *b, uint32_t offset, const char *name, const char **why);
/* Fixes of what is wrong in [start, end], as quick fixes. */
json_t *answer_actions(struct buffer *b, uint32_t start, uint32_t end);
json_t *answer_symbols(struct buffer *b);
/* One edit of the whole text, none where it is as it should be; null where it cannot be laid out.
 */
json_t *answer_formatting(struct buffer *b);
/* Inlay hints in [start, end]: how many tasks each step there has. */
json_t *answer_hints(struct buffer *b, uint32_t start, uint32_t end);
/* complete.c */
json_t *answer_completion(struct buffer *b, uint32_t offset);

#endif
