/*
 * The texts that spans point into: every .scitq file of a compilation, with its
 * bytes and, once asked for, the offsets of its lines.
 */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes [start, end) of file number `file`. file SPAN_NOWHERE: no place. */
struct span {
	uint32_t file, start, end;
};

#define SPAN_NOWHERE UINT32_MAX
#define NO_SPAN ((struct span){SPAN_NOWHERE, 0, 0})

static inline bool span_known(struct span s)
{
	return s.file != SPAN_NOWHERE;
}

/* From the start of a to the end of b, both of one file. */
static inline struct span span_join(struct span a, struct span b)
{
	return (struct span){a.file, a.start, b.end};
}

struct source {
	const char *name; /* as the user wrote it */
	const char *text; /* NUL-terminated */
	size_t len;
	uint32_t *lines; /* offset of each line's first byte; made on demand */
	uint32_t nlines;
};

struct sources {
	struct arena *arena;
	struct source *files;
	uint32_t n, cap;
};

/* 1-based line; 1-based column in characters (UTF-8 code points). */
struct position {
	uint32_t line, column;
};

void sources_init(struct sources *s, struct arena *arena);
void sources_release(struct sources *s);
/* The text is copied. Returns the file's number. len must be below 2^31. */
uint32_t sources_add(struct sources *s, const char *name, const char *text, size_t len);
/* Read the file at path ("-" is standard input). 0, or -errno with nothing added. */
int sources_read(struct sources *s, const char *path, uint32_t *file);

struct position source_position(struct sources *s, uint32_t file, uint32_t offset);
/* The bytes of one line (1-based) without its line end. */
const char *source_line(struct sources *s, uint32_t file, uint32_t line, size_t *len);
uint32_t source_line_count(struct sources *s, uint32_t file);

#endif
