/* Semantic tokens: what each name of a file is, LSP 3.17's textDocument/semanticTokens. */
#ifndef LSP_TOKENS_H
#define LSP_TOKENS_H

#include "lsp/buffer.h"

/* The legend that `initialize` announces; a new reference. */
json_t *tokens_legend(void);
/* Those of the whole file, in shell text too; a new reference. */
json_t *answer_tokens(struct buffer *b);

#endif
