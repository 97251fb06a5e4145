#include "lsp/buffer.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static void buffer_free(struct buffer *b)
{
	if (b->compiled != NULL)
		compile_release(b->compiled);
	str_release(&b->text);
	vec_release(&b->lines);
	free(b->uri);
	free(b->path);
	free(b);
}

void buffers_release(struct buffers *all)
{
	for (size_t i = 0; i < all->list.n; i++)
		buffer_free(all->list.v[i]);
	vec_release(&all->list);
}

static size_t index_of(const struct buffers *all, const char *uri)
{
	size_t i = 0;

	while (i < all->list.n && strcmp(all->list.v[i]->uri, uri) != 0)
		i++;
	return i;
}

struct buffer *buffers_find(const struct buffers *all, const char *uri)
{
	size_t i = index_of(all, uri);

	return i < all->list.n ? all->list.v[i] : NULL;
}

void buffers_close(struct buffers *all, const char *uri)
{
	size_t i = index_of(all, uri);

	if (i == all->list.n)
		return;
	buffer_free(all->list.v[i]);
	all->list.v[i] = all->list.v[--all->list.n];
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* file:///a%20b is /a b; the uri itself where it is no file of this machine. RFC 8089. */
static char *path_of(const char *uri)
{
	struct str path = STR_INIT;

	if (strncmp(uri, "file:///", 8) != 0)
		return xstrdup(uri);
	for (const char *p = uri + 7; *p != '\0'; p++) {
		int high = p[0] == '%' ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;

		if (low < 0) {
			str_addc(&path, *p);
			continue;
		}
		str_addc(&path, (char)(high * 16 + low));
		p += 2;
	}
	return str_detach(&path);
}

/* The other way round. */
static char *uri_of(const char *path)
{
	struct str uri = STR_INIT;

	str_adds(&uri, "file://");
	for (const char *p = path; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || strchr("/-._~", *p) != NULL)
			str_addc(&uri, *p);
		else
			str_addf(&uri, "%%%02X", (unsigned char)*p);
	}
	return str_detach(&uri);
}

static void find_lines(struct buffer *b)
{
	b->lines.n = 0;
	vec_push(&b->lines, 0);
	for (uint32_t i = 0; i < b->text.len; i++) {
		if (b->text.p[i] == '\n')
			vec_push(&b->lines, i + 1);
	}
}

struct buffer *buffers_put(struct buffers *all, const char *uri, const char *text, size_t len,
                           json_int_t version)
{
	struct buffer *b = buffers_find(all, uri);
	struct compile_options options = {0};

	if (b == NULL) {
		b = xcalloc(1, sizeof(*b));
		str_init(&b->text);
		b->uri = xstrdup(uri);
		b->path = path_of(uri);
		vec_push(&all->list, b);
	}
	if (b->compiled != NULL)
		compile_release(b->compiled);
	str_reset(&b->text);
	str_add(&b->text, text, len);
	find_lines(b);
	b->version = version;
	options.path = b->path;
	options.text = b->text.p;
	options.text_len = b->text.len;
	options.lenient = true;
	options.offline = true;
	b->compiled = compile_file(&options);
	return b;
}

/* ---- positions ---- */

/* Bytes of the character at p, and the UTF-16 units that it takes. */
static unsigned character(const char *p, size_t left, unsigned *units)
{
	unsigned char c = (unsigned char)*p;
	unsigned n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	*units = n == 4 ? 2 : 1;
	return n <= left ? n : (unsigned)left;
}

uint32_t buffer_offset(const struct buffer *b, json_int_t line, json_int_t column)
{
	size_t at = line < 0 ? 0 : b->text.len;
	json_int_t units = 0;

	if (line >= 0 && line < (json_int_t)b->lines.n)
		at = b->lines.v[line];
	while (at < b->text.len && units < column && strchr("\r\n", b->text.p[at]) == NULL) {
		unsigned u, n = character(b->text.p + at, b->text.len - at, &u);

		at += n;
		units += u;
	}
	return (uint32_t)at;
}

json_t *buffer_position(const struct buffer *b, uint32_t offset)
{
	size_t low = 0, high = b->lines.n, start;
	json_int_t units = 0;

	if (offset > b->text.len)
		offset = (uint32_t)b->text.len;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (b->lines.v[mid] <= offset)
			low = mid;
		else
			high = mid;
	}
	start = b->lines.v[low];
	while (start < offset) {
		unsigned u;

		start += character(b->text.p + start, b->text.len - start, &u);
		units += u;
	}
	return json_pack("{s:I, s:I}", "line", (json_int_t)low, "character", units);
}

json_t *buffer_range(const struct buffer *b, uint32_t start, uint32_t end)
{
	return json_pack("{s:o, s:o}", "start", buffer_position(b, start), "end",
	                 buffer_position(b, end));
}

json_t *buffer_location(const struct buffer *b, struct span span)
{
	return json_pack("{s:s, s:o}", "uri", b->uri, "range",
	                 buffer_range(b, span.start, span.end));
}

json_t *file_location(const char *path, const struct source *text, struct span span)
{
	struct buffer other = {.uri = uri_of(path)};
	json_t *location;

	str_init(&other.text);
	str_add(&other.text, text->text, text->len);
	find_lines(&other);
	location = buffer_location(&other, span);
	str_release(&other.text);
	vec_release(&other.lines);
	free(other.uri);
	return location;
}
