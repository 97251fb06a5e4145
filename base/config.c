#include "base/config.h"

#include "base/alloc.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_USER, FILE_SYSTEM, FILE_COUNT };

void config_init(struct config *c)
{
	*c = (struct config){.files = {NULL, NULL}};
}

void config_release(struct config *c)
{
	for (size_t i = 0; i < c->lines.n; i++) {
		free(c->lines.v[i].key);
		free(c->lines.v[i].value);
	}
	vec_release(&c->lines);
	for (int i = 0; i < FILE_COUNT; i++)
		free(c->files[i]);
	config_init(c);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static char *user_file(void)
{
	const char *xdg = variable("XDG_CONFIG_HOME"), *home = variable("HOME");
	struct str path = STR_INIT;

	if (xdg != NULL && *xdg == '/')
		str_addf(&path, "%s/scitq/scitq.conf", xdg);
	else if (home != NULL && *home == '/')
		str_addf(&path, "%s/.config/scitq/scitq.conf", home);
	else
		return NULL;
	return str_detach(&path);
}

/* Blanks at both ends go; `len` is that of what remains. */
static const char *trim(const char *text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r", *text) != NULL) {
		text++;
		--*len;
	}
	while (*len > 0 && strchr(" \t\r", text[*len - 1]) != NULL)
		--*len;
	return text;
}

/* The length of the word that names a setting, 0 where there is none. */
static size_t key_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len &&
	       (strchr("_.-", text[n]) != NULL || (text[n] >= '0' && text[n] <= '9') ||
	        (text[n] >= 'A' && text[n] <= 'Z') || (text[n] >= 'a' && text[n] <= 'z')))
		n++;
	return n;
}

/* False where the line is no setting. */
static bool read_line(struct config *c, const char *text, size_t len, const char *file)
{
	struct config_line line = {.file = file};
	const char *value;
	size_t key, n;

	text = trim(text, &len);
	if (len == 0 || *text == '#')
		return true;
	if (len > 7 && memcmp(text, "export ", 7) == 0) {
		len -= 7;
		text = trim(text + 7, &len);
	}
	key = key_length(text, len);
	n = len - key;
	value = trim(text + key, &n);
	if (key == 0 || n == 0 || *value != '=')
		return false;
	n--;
	value = trim(value + 1, &n);
	if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
		value++;
		n -= 2;
	}
	line.key = xstrndup(text, key);
	line.value = xstrndup(value, n);
	n = c->lines.n;
	if (line.key != NULL && line.value != NULL)
		vec_push(&c->lines, line);
	if (c->lines.n == n) {
		/* No memory, which somebody tolerates. */
		free(line.key);
		free(line.value);
	}
	return true;
}

static bool read_text(struct config *c, const struct str *text, const char *file, struct str *error)
{
	const char *at = text->p;

	if (strlen(text->p) < text->len) {
		str_addf(error, "%s is no text", file);
		return false;
	}
	for (unsigned number = 1; *at != '\0'; number++) {
		size_t len = strcspn(at, "\n");

		if (!read_line(c, at, len, file)) {
			str_addf(error, "%s:%u: not KEY=value", file, number);
			return false;
		}
		at += len + (at[len] == '\n');
	}
	return true;
}

bool config_read(struct config *c, struct str *error)
{
	const char *named = variable("SCITQ_CONF");
	bool ok = true;

	c->files[FILE_USER] = user_file();
	c->files[FILE_SYSTEM] = xstrdup(named ? named : CONFIG_SYSTEM);
	for (int i = 0; i < FILE_COUNT && ok; i++) {
		struct str text = STR_INIT;
		int err = c->files[i] ? file_read(c->files[i], &text) : -ENOENT;

		if (err == 0) {
			ok = read_text(c, &text, c->files[i], error);
		} else if (i == FILE_SYSTEM && named == NULL ? err != -ENOENT && err != -EACCES
		                                             : err != -ENOENT || i == FILE_SYSTEM) {
			str_addf(error, "cannot read %s: %s", c->files[i], strerror(-err));
			ok = false;
		}
		str_release(&text);
	}
	return ok;
}

const char *config_get(const struct config *c, const char *key, const char **source)
{
	const char *value = variable(key), *from = "the environment";

	/* The user's file was read first; within a file the last line counts. */
	for (size_t i = 0; value == NULL && i < c->lines.n; i++) {
		const struct config_line *line = &c->lines.v[i];

		if (strcmp(line->key, key) != 0)
			continue;
		for (size_t k = i + 1; k < c->lines.n; k++) {
			if (c->lines.v[k].file == line->file && strcmp(c->lines.v[k].key, key) == 0)
				line = &c->lines.v[k];
		}
		from = line->file;
		value = line->value;
	}
	if (value == NULL || *value == '\0')
		return NULL;
	if (source != NULL)
		*source = from;
	return value;
}
