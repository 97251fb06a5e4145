/*
 * Paths below $INPUT, $OUTPUT and the other roots, as far as a text writes them out. While
 * a word is read, shellword.c tells each literal character and each expansion; what cannot be
 * known ends the path.
 */
#include "dsl/shellscan.h"

#include <string.h>

static const char *const roots[SHELL_ROOTS][2] = {
        [SHELL_INPUT] = {"INPUT", "/input/"},
        [SHELL_OUTPUT] = {"OUTPUT", "/output/"},
        [SHELL_RESOURCE] = {"RESOURCE", "/resource/"},
        [SHELL_TEMP] = {"TEMP", "/temp/"},
};

static void path_begin(struct scan *s, enum shell_path_root root, size_t offset, bool absolute)
{
	s->path.on = true;
	s->path.path = (struct shell_path){.root = root, .absolute = absolute, .offset = offset};
	s->path.text = s->path_text.n;
}

void shell_path_end(struct scan *s, size_t end, bool exact)
{
	struct path_state *p = &s->path;
	const char *text;
	size_t len = s->path_text.n - p->text;

	if (!p->on)
		return;
	p->on = false;
	text = len > 0 ? s->path_text.v + p->text : "";
	/* Of "$INPUT" alone, or of "$INPUT.x", nothing is known. */
	if (!p->path.absolute && (len == 0 || text[0] != '/'))
		len = 0;
	else if (!p->path.absolute)
		text++, len--;
	if (len > 0) {
		p->path.text = arena_strndup(s->arena, text, len);
		p->path.length = end - p->path.offset;
		p->path.exact = exact;
		vec_push(&s->paths, p->path);
	}
	s->path_text.n = p->text;
}

static void path_add(struct scan *s, const char *text, size_t n)
{
	for (size_t i = 0; s->path.on && i < n; i++)
		vec_push(&s->path_text, text[i]);
}

/* A literal character of a word, at pos. */
void shell_path_char(struct scan *s, char c, size_t pos, bool quoted)
{
	if (!s->path.on)
		return;
	if (strchr(quoted ? " \t\n:,;|<>()'\"`" : "*?[{:,", c) != NULL && c != '\0')
		shell_path_end(s, pos, false);
	else
		path_add(s, &c, 1);
}

/* $INPUT at offset was read. */
static void path_root(struct scan *s, size_t name, size_t len, size_t offset)
{
	for (size_t i = 0; i < SHELL_ROOTS; i++) {
		if (strlen(roots[i][0]) == len && memcmp(s->text + name, roots[i][0], len) == 0) {
			path_begin(s, (enum shell_path_root)i, offset, false);
			return;
		}
	}
}

/* Whether /input/ or another folder of a container stands here; then the path begins. */
bool shell_path_absolute(struct scan *s)
{
	for (size_t i = 0; i < SHELL_ROOTS; i++) {
		size_t n = strlen(roots[i][1]);

		if (s->end - s->pos >= n && memcmp(s->text + s->pos, roots[i][1], n) == 0) {
			path_begin(s, (enum shell_path_root)i, s->pos, true);
			s->pos += n;
			return true;
		}
	}
	return false;
}

/* An expansion of a name: part of a path where nothing is done to the value. */
void shell_path_expansion(struct scan *s, size_t name, size_t len, bool plain, size_t offset)
{
	if (s->path.on && plain && shell_lower(s->text + name, len)) {
		path_add(s, "${", 2);
		path_add(s, s->text + name, len);
		path_add(s, "}", 1);
		return;
	}
	shell_path_end(s, offset, false);
	if (plain)
		path_root(s, name, len, offset);
}
