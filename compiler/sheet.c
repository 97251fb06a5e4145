#include "compiler/sheet.h"

#include "base/csv.h"
#include "compiler/eval.h"
#include "compiler/lock.h"
#include "compiler/network.h"
#include "compiler/paths.h"

#include <errno.h>
#include <string.h>

/* One sheet being read. */
struct sheet {
	struct compilation *c;
	const char *name; /* as the file wrote it */
	char *text;       /* cut into lines and cells in place */
	size_t len;
	struct span span; /* of the path in the .scitq file */
	uint16_t base;
	bool csv;
	struct arena *arena;
	struct str original; /* kept for the source lines of messages */
};

struct line {
	char **cells;
	size_t n;
	uint32_t number; /* 1-based */
	size_t offset;
};

/* The sheet itself as a source of its own. */
static uint32_t source_of(struct compilation *c, const char *name, const struct str *original)
{
	for (uint32_t i = 0; i < c->sources.n; i++) {
		if (c->sources.files[i].len == original->len &&
		    strcmp(c->sources.files[i].name, name) == 0)
			return i;
	}
	return sources_add(&c->sources, name, original->p, original->len);
}

/* The place of a line in it. */
static struct span sheet_span(struct sheet *s, uint32_t number)
{
	uint32_t file = source_of(s->c, s->name, &s->original), start;
	size_t len;
	const char *line = source_line(&s->c->sources, file, number, &len);

	start = (uint32_t)(line - s->c->sources.files[file].text);
	return (struct span){file, start, start + (uint32_t)len};
}

/* Its bytes, of this machine or another. False after an error, or where nobody is asked. */
static bool sheet_bytes(struct sheet *s, const struct value *path, const char *full)
{
	struct compilation *c = s->c;
	const struct str *fetched;
	struct diag *d;
	int r;

	if (value_is_uri(path->text)) {
		fetched = network_read(c, path->text, s->span);
		if (fetched != NULL)
			str_add(&s->original, fetched->p, fetched->len);
		return fetched != NULL;
	}
	r = c->files.read(c->files.context, full, &s->original);
	if (r < 0) {
		d = report(c, E0316, s->span, "cannot read `%s`: %s", path->text, strerror(-r));
		label(c, d, "looked for %s", full);
	}
	return r >= 0;
}

static bool sheet_open(struct sheet *s, struct compilation *c, struct value path, struct span span,
                       struct arena *arena)
{
	const char *full = value_is_uri(path.text) ? path.text : value_path(c, &path, arena);
	size_t named = uri_query(full);
	struct diag *d;

	memset(s, 0, sizeof(*s));
	s->c = c;
	s->name = path.text;
	s->span = span;
	s->arena = arena;
	s->csv = named >= 4 && strncmp(full + named - 4, ".csv", 4) == 0;
	str_init(&s->original);
	if (!sheet_bytes(s, &path, full))
		return false;
	lock_note_text(c, LOCK_SOURCES, lock_path(c, full), s->original.p, s->original.len, span);
	s->base = base_add(c, path_directory(arena, arena_strndup(arena, full, named)));
	if (memchr(s->original.p, '\0', s->original.len) != NULL || s->original.len >= INT32_MAX) {
		d = report(c, E0317, span, "`%s` is not a text file", path.text);
		label(c, d, s->original.len >= INT32_MAX ? "larger than 2 GiB" : "holds a NUL");
		return false;
	}
	s->text = arena_strndup(arena, s->original.p, s->original.len);
	s->len = s->original.len;
	if (arena == &c->arena) {
		const struct sheet_text kept = {path.text, full, s->text, s->len};

		vec_push(&c->sheets, kept);
	}
	if (s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0) {
		s->text += 3;
		s->len -= 3;
	}
	return true;
}

static void sheet_close(struct sheet *s)
{
	str_release(&s->original);
}

/* The next line that is not blank, without its end; NULL after the last. */
static char *next_line(char **at, uint32_t *number)
{
	while (**at != '\0') {
		char *line = *at, *end = strchr(line, '\n');

		(*number)++;
		*at = end ? end + 1 : line + strlen(line);
		if (end == NULL)
			end = *at;
		if (end > line && end[-1] == '\r')
			end--;
		*end = '\0';
		if (line[strspn(line, " \t")] != '\0')
			return line;
	}
	return NULL;
}

static bool split_cells(struct sheet *s, char *text, struct line *line)
{
	char separator = s->csv ? ',' : '\t';
	size_t most = 1;
	bool more = true;

	for (const char *p = text; *p != '\0'; p++)
		most += *p == separator;
	line->cells = arena_array(s->arena, char *, most);
	line->n = 0;
	while (more) {
		char *cell, *end;

		if (s->csv) {
			cell = csv_cell(&text, &more);
			if (cell == NULL)
				return false;
		} else {
			cell = text;
			end = strchr(text, '\t');
			more = end != NULL;
			if (more) {
				*end = '\0';
				text = end + 1;
			}
		}
		line->cells[line->n++] = cell;
	}
	return true;
}

static struct diag *sheet_error(struct sheet *s, uint32_t number, const char *what)
{
	struct diag *d = report(s->c, E0317, s->span, "%s:%u: %s", s->name, number, what);

	relate(s->c, d, sheet_span(s, number), "here");
	return d;
}

/* No header that holds what other programs put between lines, or, as its one cell, between cells.
 */
static bool is_separated(struct sheet *s, const struct line *header)
{
	const char *cell = header->cells[0], *help_text = NULL;
	struct str what = STR_INIT;
	const char *quoted = NULL;
	bool returns = false;
	struct diag *d;

	for (size_t i = 0; i < header->n; i++) {
		const char *name = header->cells[i];

		returns |= strchr(name, '\r') != NULL;
		if (!s->csv && name[0] == '"' && name[1] != '\0' && name[strlen(name) - 1] == '"')
			quoted = name;
	}
	if (returns) {
		str_adds(&what, "a carriage return alone ends its lines");
		help_text = "save it with the line ends of Unix or of Windows";
	} else if (header->n == 1 && s->csv && strchr(cell, ';') != NULL) {
		str_addf(&what, "no comma in the header `%s`", cell);
		help_text = "cells of a .csv are separated by commas, of other sheets by tabs";
	} else if (header->n == 1 && !s->csv && strpbrk(cell, ",;") != NULL) {
		str_addf(&what, "no tab in the header `%s`", cell);
		help_text = "cells are separated by tabs; a name that ends in .csv says commas";
	} else if (quoted != NULL) {
		str_addf(&what, "the column `%s` stands in quotes", quoted);
		help_text =
		        "between tabs quotes belong to the cell: write it without them, from R by "
		        "write.table(..., quote = FALSE)";
	}
	if (help_text != NULL) {
		d = sheet_error(s, header->number, what.p);
		help(s->c, d, "%s", help_text);
	}
	str_release(&what);
	return help_text == NULL;
}

static bool check_header(struct sheet *s, const struct line *header, size_t from)
{
	struct str what = STR_INIT;
	bool ok = true;

	if (!is_separated(s, header))
		return false;

	for (size_t i = from; i < header->n && ok; i++) {
		if (header->cells[i][0] == '\0') {
			str_addf(&what, "column %zu has no name", i + 1);
			ok = false;
		}
		for (size_t k = from; k < i && ok; k++) {
			if (strcmp(header->cells[i], header->cells[k]) == 0) {
				str_addf(&what, "two columns are named `%s`", header->cells[i]);
				ok = false;
			}
		}
	}
	if (!ok)
		sheet_error(s, header->number, what.p);
	str_release(&what);
	return ok;
}

/* Header and lines of cells, all as wide as the header. */
static bool read_lines(struct sheet *s, struct line *header, struct line **lines, size_t *n)
{
	VEC(struct line) all = {0};
	char *at = s->text, *text;
	uint32_t number = 0;
	bool ok = true;

	*n = 0;
	while (ok && (text = next_line(&at, &number)) != NULL) {
		struct line line = {.number = number};

		if (!split_cells(s, text, &line)) {
			sheet_error(s, number, "a quoted cell does not end");
			ok = false;
		} else if (all.n > 0 && line.n != all.v[0].n) {
			char *what = arena_printf(s->arena, "%zu cell%s, but the header has %zu",
			                          line.n, line.n == 1 ? "" : "s", all.v[0].n);

			struct diag *d = sheet_error(s, number, what);

			if (all.n == 1 && line.n == all.v[0].n + 1)
				help(s->c, d,
				     "where the first cell is the name of a row, its column needs "
				     "a name in the header, too");
			ok = false;
		}
		vec_push(&all, line);
	}
	if (ok && all.n == 0) {
		struct diag *d = report(s->c, E0317, s->span, "`%s` is empty", s->name);

		label(s->c, d, "not even a header");
		ok = false;
	}
	if (ok) {
		*header = all.v[0];
		*n = all.n - 1;
		*lines = arena_array(s->arena, struct line, *n);
		if (*n > 0)
			memcpy(*lines, all.v + 1, *n * sizeof(**lines));
	}
	vec_release(&all);
	return ok;
}

static struct value cell_value(struct sheet *s, const char *text)
{
	struct value v = value_text(VALUE_STRING, text, strlen(text), s->base);

	v.flags = VALUE_CELL;
	return v;
}

/* No two rows of one key; the first line of each is remembered. */
static bool unique_keys(struct sheet *s, const struct line *lines, size_t n, size_t column)
{
	struct map seen = MAP_INIT;
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		const char *key = lines[i].cells[column];
		bool is_new;
		uint64_t *at = map_put(&seen, key, strlen(key), &is_new);

		if (is_new) {
			*at = lines[i].number;
		} else {
			struct diag *d = report(s->c, E0318, s->span,
			                        "%s:%u: `%s` stands in line %u already", s->name,
			                        lines[i].number, key, (unsigned)*at);

			relate(s->c, d, sheet_span(s, (uint32_t)*at), "first here");
			relate(s->c, d, sheet_span(s, lines[i].number), "again here");
			ok = false;
			break;
		}
	}
	map_release(&seen);
	return ok;
}

static long key_column(struct sheet *s, const struct line *header, const char *key)
{
	struct diag *d;
	const char *nearest;

	if (key == NULL)
		return 0;
	for (size_t i = 0; i < header->n; i++) {
		if (strcmp(header->cells[i], key) == 0)
			return (long)i;
	}
	nearest = word_nearest(key, (const char *const *)header->cells, header->n);
	d = report(s->c, E0205, s->span, "`%s` has no column `%s`", s->name, key);
	relate(s->c, d, sheet_span(s, header->number), "its columns");
	if (nearest != NULL)
		help(s->c, d, "write `key = \"%s\"`", nearest);
	return -1;
}

static struct value read_table(struct sheet *s, const char *key)
{
	struct line header, *lines;
	struct shape *shape;
	struct value *rows;
	size_t n;
	long column;

	if (!read_lines(s, &header, &lines, &n) || !check_header(s, &header, 0))
		return VALUE_BAD_INIT;
	column = key_column(s, &header, key);
	if (column < 0 || !unique_keys(s, lines, n, (size_t)column))
		return VALUE_BAD_INIT;
	shape = arena_new(s->arena, struct shape);
	shape->names = (const char *const *)header.cells;
	shape->n = header.n;
	rows = arena_array(s->arena, struct value, n);
	for (size_t i = 0; i < n; i++) {
		struct record *r = arena_new(s->arena, struct record);
		struct value *fields = arena_array(s->arena, struct value, header.n);

		for (size_t k = 0; k < header.n; k++)
			fields[k] = cell_value(s, lines[i].cells[k]);
		r->shape = shape;
		r->fields = fields;
		r->key = fields[column];
		rows[i] = (struct value){.kind = VALUE_RECORD, .record = r};
	}
	return value_list(s->arena, rows, n);
}

/* The columns as records; the first column names their fields. */
static struct value read_columns(struct sheet *s)
{
	struct line header, *lines;
	struct shape *shape;
	struct value *items;
	const char **names;
	size_t n;

	if (!read_lines(s, &header, &lines, &n) || !check_header(s, &header, 1) ||
	    !unique_keys(s, lines, n, 0))
		return VALUE_BAD_INIT;
	names = arena_array(s->arena, const char *, n);
	for (size_t i = 0; i < n; i++)
		names[i] = lines[i].cells[0];
	shape = arena_new(s->arena, struct shape);
	shape->names = names;
	shape->n = n;
	items = arena_array(s->arena, struct value, header.n);
	for (size_t k = 1; k < header.n; k++) {
		struct record *r = arena_new(s->arena, struct record);
		struct value *fields = arena_array(s->arena, struct value, n);

		for (size_t i = 0; i < n; i++)
			fields[i] = cell_value(s, lines[i].cells[k]);
		r->shape = shape;
		r->fields = fields;
		r->key = cell_value(s, header.cells[k]);
		items[k - 1] = (struct value){.kind = VALUE_RECORD, .record = r};
	}
	return value_list(s->arena, items, header.n - 1);
}

static struct value read_text_lines(struct sheet *s)
{
	VEC(struct value) items = {0};
	struct value *kept, v;
	char *at = s->text, *text;
	uint32_t number = 0;

	while ((text = next_line(&at, &number)) != NULL)
		vec_push(&items, cell_value(s, text));
	kept = arena_array(s->arena, struct value, items.n);
	if (items.n > 0)
		memcpy(kept, items.v, items.n * sizeof(*kept));
	v = value_list(s->arena, kept, items.n);
	vec_release(&items);
	return v;
}

/* Cells stand in the text where they do in the file; what was quoted may not. */
bool sheet_cell(struct compilation *c, const struct value *cell, struct span span,
                struct span *place)
{
	bool found = false;

	for (size_t i = 0; !found && i < c->sheets.n; i++) {
		const struct sheet_text *t = &c->sheets.v[i];
		const size_t at = (size_t)(cell->text - t->text);
		struct sheet s = {.c = c, .name = t->name, .span = span};
		const struct value path = value_string(t->full);

		if (cell->text < t->text || at + cell->len > t->len)
			continue;
		str_init(&s.original);
		found = sheet_bytes(&s, &path, t->full) && at + cell->len <= s.original.len &&
		        memcmp(s.original.p + at, cell->text, cell->len) == 0;
		if (found) {
			place->file = source_of(c, t->name, &s.original);
			place->start = (uint32_t)at;
			place->end = (uint32_t)(at + cell->len);
		}
		sheet_close(&s);
	}
	return found;
}

struct value source_read(struct compilation *c, enum source_kind kind, struct value path,
                         const char *key, enum files_group group, struct span span,
                         struct arena *arena)
{
	struct value v = VALUE_BAD_INIT;
	struct sheet s;

	path = value_convert(c, path, vtype_of_kind(VTYPE_STRING), span, arena);
	if (path.kind == VALUE_BAD)
		return path;
	path = value_placed(c, path, arena);
	if (kind == SOURCE_FILES)
		return source_files(c, path, group, span, arena);
	if (sheet_open(&s, c, path, span, arena)) {
		v = kind == SOURCE_TABLE     ? read_table(&s, key)
		    : kind == SOURCE_COLUMNS ? read_columns(&s)
		                             : read_text_lines(&s);
	}
	sheet_close(&s);
	return v;
}
