#include "compiler/paths.h"

#include "stage/uri.h"

#include <string.h>
#include <strings.h>

uint16_t base_add(struct compilation *c, const char *dir)
{
	for (size_t i = 0; i < c->bases.n; i++) {
		if (strcmp(c->bases.v[i], dir) == 0)
			return (uint16_t)i;
	}
	if (c->bases.n >= UINT16_MAX) {
		report(c, E0503, NO_SPAN, "sheets in more than %u directories", UINT16_MAX);
		return 0;
	}
	vec_push(&c->bases, arena_strdup(&c->arena, dir));
	return (uint16_t)(c->bases.n - 1);
}

const char *place_text(struct compilation *c, struct span place, struct arena *arena)
{
	return arena_printf(arena, "%s:%u", c->sources.files[place.file].name,
	                    source_position(&c->sources, place.file, place.start).line);
}

bool value_is_uri(const char *text)
{
	size_t n =
	        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-_@");

	return n > 0 && strncmp(text + n, "://", 3) == 0;
}

size_t uri_query(const char *text)
{
	return strncasecmp(text, "http", 4) == 0 && value_is_uri(text) ? strcspn(text, "?#")
	                                                               : strlen(text);
}

struct value value_placed(struct compilation *c, struct value v, struct arena *arena)
{
	const char *dir = c->bases.v[v.base];

	if (v.len == 0 || v.text[0] == '/' || value_is_uri(v.text) || !value_is_uri(dir))
		return v;
	v.text = path_join(arena, dir, v.text);
	v.len = (uint32_t)strlen(v.text);
	return v;
}

const char *path_join(struct arena *arena, const char *dir, const char *path)
{
	struct str s = STR_INIT;
	const char *text;

	if (path[0] != '/') {
		str_adds(&s, dir);
		str_addc(&s, '/');
	}
	while (*path != '\0') {
		bool start = s.len == 0 || s.p[s.len - 1] == '/';

		if (start && path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
			path += path[1] == '/' ? 2 : 1;
		else if (*path == '/' && s.len > 0 && s.p[s.len - 1] == '/')
			path++;
		else
			str_addc(&s, *path++);
	}
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}

const char *path_directory(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

const char *path_name(const char *path, size_t *len)
{
	size_t end = strlen(path), start;

	while (end > 1 && path[end - 1] == '/')
		end--;
	start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*len = end - start;
	return path + start;
}

const char *value_path(struct compilation *c, const struct value *v, struct arena *arena)
{
	return path_join(arena, c->bases.v[v->base], v->text);
}

const char *folder_uri(struct compilation *c, const struct value *given, struct arena *arena)
{
	struct value v = value_placed(c, *given, arena);
	struct str s = STR_INIT;
	const char *text = NULL;

	if (v.len == 0 || v.text[strcspn(v.text, "|\n")] != '\0')
		return NULL;
	if (value_is_uri(v.text))
		str_adds(&s, v.text);
	else
		uri_add_path(&s, value_path(c, &v, arena));
	if (s.p[s.len - 1] != '/')
		str_addc(&s, '/');
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}

const char *uri_local_path(const char *uri, struct arena *arena)
{
	struct uri u;
	const char *error;

	if (!uri_parse(arena, uri, &u, &error) || u.glob || u.nactions > 0 ||
	    strcmp(u.scheme, "file") != 0)
		return NULL;
	return u.place;
}
