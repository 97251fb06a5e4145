/* The texts of `run` by their places, and the file with another one in such a place. */
#include "compiler/compilation.h"

#include <stdlib.h>
#include <string.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Whether the text begins at "FILE:LINE". */
static bool stands_at(const struct compilation *c, const struct run_text *run, const char *source)
{
	const char *colon = strrchr(source, ':'), *file = last_part(source), *name;
	size_t n;

	if (colon == NULL || colon < file)
		return false;
	name = last_part(c->sources.files[run->keyword.file].name);
	n = (size_t)(colon - file);
	return strlen(name) == n && memcmp(name, file, n) == 0 &&
	       strtoul(colon + 1, NULL, 10) == run->first_line;
}

bool compile_text_find(const struct compilation *c, const char *source, struct compile_text *out)
{
	for (size_t i = 0; c->done >= COMPILE_CHECK && i < c->program.steps.n; i++) {
		const struct step *step = c->program.steps.v[i];

		for (const struct setting *s = step->settings.first[KEY_run]; s; s = s->next) {
			const struct run_text *run = s->script->run;

			if (!stands_at(c, run, source))
				continue;
			*out = (struct compile_text){run->keyword.file, run->first_line, run->text,
			                             run->len, run};
			return true;
		}
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static uint32_t line_start(const struct source *file, uint32_t at)
{
	while (at > 0 && file->text[at - 1] != '\n')
		at--;
	return at;
}

/* What stands before the lines of the text: those of the place where one has something on it. */
static void add_indentation(const struct source *file, const struct run_text *run, struct str *out)
{
	for (size_t i = 0; !run->one_line && i < run->nlines; i++) {
		uint32_t at = run->lines[i].source;

		if (file->text[at] != '\0' && file->text[at] != '\n' && file->text[at] != '\r') {
			uint32_t start = line_start(file, at);

			str_add(out, file->text + start, at - start);
			return;
		}
	}
	/* Deeper than `run`, in the manner of its line. */
	for (uint32_t at = line_start(file, run->keyword.start); is_blank(file->text[at]); at++)
		str_addc(out, file->text[at]);
	str_adds(out, out->len > 0 && out->p[out->len - 1] == '\t' ? "\t" : "  ");
}

static void add_lines(const char *text, size_t len, const char *indentation, struct str *out)
{
	for (size_t at = 0; at < len; at++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - text) - at : len - at;

		if (at > 0)
			str_addc(out, '\n');
		if (n > 0)
			str_adds(out, indentation);
		str_add(out, text + at, n);
		at += n;
	}
}

void compile_text_replace(const struct compilation *c, const struct compile_text *at,
                          const char *text, size_t len, struct str *out)
{
	const struct run_text *run = at->place;
	const struct source *file = &c->sources.files[at->file];
	uint32_t from = run->span.start;
	struct str indentation = STR_INIT;

	/* The last line break is the file's. */
	while (len > 0 && text[len - 1] == '\n')
		len--;
	add_indentation(file, run, &indentation);
	if (run->one_line && memchr(text, '\n', len) == NULL) {
		str_add(out, file->text, from);
		str_add(out, text, len);
	} else {
		if (run->one_line) {
			while (from > 0 && is_blank(file->text[from - 1]))
				from--;
		} else {
			from = line_start(file, from);
		}
		str_add(out, file->text, from);
		str_adds(out, run->one_line ? "\n" : "");
		add_lines(text, len, indentation.p, out);
	}
	str_add(out, file->text + run->span.end, file->len - run->span.end);
	str_release(&indentation);
}
