/*
 * The files that the editor has open, each with its text, the compilation of that
 * text, and the way between bytes and the protocol's positions (lines from 0, columns
 * in UTF-16 units).
 */
#ifndef LSP_BUFFER_H
#define LSP_BUFFER_H

#include "base/source.h"
#include "base/str.h"
#include "base/vec.h"
#include "compiler/compile.h"

#include <jansson.h>

struct buffer {
	char *uri;
	char *path; /* of this machine; the uri where it is of another kind */
	struct str text;
	VEC(uint32_t) lines; /* offset of each line's first byte */
	json_int_t version;
	struct compilation *compiled; /* of this text */
};

struct buffers {
	VEC(struct buffer *) list;
};

void buffers_release(struct buffers *all);
/* NULL: not open. */
struct buffer *buffers_find(const struct buffers *all, const char *uri);
/* A new one, or that of the uri, with this text compiled. The text is copied. */
struct buffer *buffers_put(struct buffers *all, const char *uri, const char *text, size_t len,
                           json_int_t version);
void buffers_close(struct buffers *all, const char *uri);

/* The nearest byte of the text; a position beyond the end of a line is its end. */
uint32_t buffer_offset(const struct buffer *b, json_int_t line, json_int_t character);
/* {"line": 1, "character": 2}; a new reference. */
json_t *buffer_position(const struct buffer *b, uint32_t offset);
json_t *buffer_range(const struct buffer *b, uint32_t start, uint32_t end);
/* {"uri": ..., "range": ...}; a new reference. */
json_t *buffer_location(const struct buffer *b, struct span span);
/* The same of a file of this machine that need not be open, with its text. */
json_t *file_location(const char *path, const struct source *text, struct span span);

#endif
