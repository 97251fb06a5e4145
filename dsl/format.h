/*
 * The canonical layout of a .scitq file, for `scitq-run fmt` and editors:
 *
 *	- two spaces of indentation per block, one statement per line as the author broke
 *	  them, `}` of a block of several lines on a line of its own, one empty line at most;
 *	- one space around operators, none inside ( ) and [ ], no comma at the end of a
 *	  statement's line;
 *	- `=`, `{`, types and helps of neighbouring lines under each other, and comments at
 *	  their ends.
 *
 * Comments stay where they are; strings and the text of `run` keep every byte, the
 * latter moves as a whole. Laid out twice is laid out once.
 */
#ifndef DSL_FORMAT_H
#define DSL_FORMAT_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "base/str.h"

enum format_result {
	FORMAT_OK,
	FORMAT_ERRORS, /* the file has mistakes of syntax, which are in the sink */
	FORMAT_UNSURE, /* our mistake: the new layout would not be the same program */
};

/* Append the layout of file number `file` to *out, nothing unless FORMAT_OK. */
enum format_result dsl_format(struct arena *arena, struct sources *sources, uint32_t file,
                              struct diag_sink *sink, struct str *out);

#endif
