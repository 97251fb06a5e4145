#include "base/source.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sources_init(struct sources *s, struct arena *arena)
{
	memset(s, 0, sizeof(*s));
	s->arena = arena;
}

void sources_release(struct sources *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->files[i].lines);
	free(s->files);
	s->files = NULL;
	s->n = s->cap = 0;
}

uint32_t sources_add(struct sources *s, const char *name, const char *text, size_t len)
{
	assert(len < INT32_MAX);
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4;
		s->files = xreallocarray(s->files, s->cap, sizeof(*s->files));
	}
	s->files[s->n] = (struct source){
	        .name = arena_strdup(s->arena, name),
	        .text = arena_strndup(s->arena, text, len),
	        .len = len,
	};
	return s->n++;
}

int sources_read(struct sources *s, const char *path, uint32_t *file)
{
	struct str text = STR_INIT;
	int err = strcmp(path, "-") == 0 ? fd_read_all(0, &text) : file_read(path, &text);

	if (err == 0 && text.len >= INT32_MAX)
		err = -EFBIG;
	if (err == 0)
		*file = sources_add(s, path, text.p, text.len);
	str_release(&text);
	return err;
}

static struct source *indexed(struct sources *s, uint32_t file)
{
	struct source *f;
	uint32_t n = 1;

	assert(file < s->n);
	f = &s->files[file];
	if (f->lines != NULL)
		return f;
	for (size_t i = 0; i < f->len; i++)
		n += f->text[i] == '\n';
	f->lines = xcalloc(n, sizeof(*f->lines));
	f->nlines = n;
	n = 1;
	for (size_t i = 0; i < f->len; i++) {
		if (f->text[i] == '\n')
			f->lines[n++] = (uint32_t)i + 1;
	}
	return f;
}

uint32_t source_line_count(struct sources *s, uint32_t file)
{
	return indexed(s, file)->nlines;
}

struct position source_position(struct sources *s, uint32_t file, uint32_t offset)
{
	struct source *f = indexed(s, file);
	uint32_t low = 0, high = f->nlines, column = 1;

	if (offset > f->len)
		offset = (uint32_t)f->len;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (f->lines[mid] <= offset)
			low = mid;
		else
			high = mid;
	}
	for (uint32_t i = f->lines[low]; i < offset; i++)
		column += (f->text[i] & 0xc0) != 0x80;
	return (struct position){low + 1, column};
}

const char *source_line(struct sources *s, uint32_t file, uint32_t line, size_t *len)
{
	struct source *f = indexed(s, file);
	const char *p, *end;

	assert(line >= 1 && line <= f->nlines);
	p = f->text + f->lines[line - 1];
	end = line < f->nlines ? f->text + f->lines[line] - 1 : f->text + f->len;
	if (end > p && end[-1] == '\r')
		end--;
	*len = (size_t)(end - p);
	return p;
}
