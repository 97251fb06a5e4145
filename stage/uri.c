#include "stage/uri.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What a backslash takes as it is in a path or file URI. */
#define SPECIAL "*?[]|\\"

static bool is_escape(const char *p)
{
	return p[0] == '\\' && p[1] != '\0' && strchr(SPECIAL, p[1]) != NULL;
}

/* Length of "scheme" where text begins with "scheme://", else 0. */
static size_t scheme_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) ||
	       (n > 0 && text[n] != '\0' && strchr("+-._@", text[n])))
		n++;
	return n > 0 && strncmp(text + n, "://", 3) == 0 ? n : 0;
}

/* The end of the place: the first '|', which a backslash may hide in a literal one. */
static const char *place_end(const char *text, bool literal)
{
	while (*text != '\0' && *text != '|')
		text += literal && is_escape(text) ? 2 : 1;
	return text;
}

/* Whether what follows the scheme is a URL; else it is a literal path, or a pattern. `name` begins
 * with the scheme, whose options stand behind '@'. */
static bool is_url(const char *name)
{
	static const char *const names[] = {"http", "https", "ftp", "run+fastq", "run+submitted"};
	size_t n = strcspn(name, "@:");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0)
			return true;
	}
	return false;
}

const char *uri_actions(const char *text)
{
	const char *end = place_end(text, scheme_length(text) == 0 || !is_url(text));

	return *end != '\0' ? end : NULL;
}

static const char *unescape(struct arena *arena, const char *text, size_t n)
{
	char *out = arena_alloc(arena, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && is_escape(text + i))
			i++;
		out[len++] = text[i];
	}
	out[len] = '\0';
	return out;
}

/* The pattern as fnmatch wants it: a backslash that hides nothing is hidden itself. */
static const char *pattern(struct arena *arena, const char *text, size_t n)
{
	char *out = arena_alloc(arena, 2 * n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\') {
			out[len++] = '\\';
			if (i + 1 < n && is_escape(text + i))
				i++;
		}
		out[len++] = text[i];
	}
	out[len] = '\0';
	return out;
}

static bool has_glob(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_escape(text + i))
			i++;
		else if (strchr("*?[", text[i]) != NULL)
			return true;
	}
	return false;
}

/* The place of every scheme but file. */
static bool parse_remote(struct arena *arena, const char *text, size_t n, size_t scheme,
                         struct uri *uri, const char **error)
{
	const char *rest = text + scheme + 3;
	size_t len = n - scheme - 3;

	uri->folder = text[n - 1] == '/';
	if (is_url(uri->scheme)) {
		uri->place = arena_strndup(arena, text, n);
		uri->glob = strcmp(uri->scheme, "ftp") == 0 && strpbrk(uri->place, "*[") != NULL &&
		            strstr(uri->place, "://[") == NULL;
	} else {
		uri->glob = has_glob(rest, len);
		uri->place = arena_printf(arena, "%.*s%s", (int)scheme + 3, text,
		                          uri->glob ? pattern(arena, rest, len)
		                                    : unescape(arena, rest, len));
	}
	if (uri->glob && uri->folder)
		*error = "a glob names files, not folders";
	return *error == NULL;
}

static bool parse_file(struct arena *arena, const char *text, size_t n, struct uri *uri,
                       const char **error)
{
	if (n == 0) {
		*error = "no path";
		return false;
	}
	uri->folder = text[n - 1] == '/';
	while (n > 1 && text[n - 1] == '/')
		n--;
	uri->glob = has_glob(text, n);
	if (uri->glob && uri->folder) {
		*error = "a glob names files, not folders";
		return false;
	}
	uri->place = uri->glob ? pattern(arena, text, n) : unescape(arena, text, n);
	return true;
}

/* The directory without empty and "." components; NULL and *error where it leads elsewhere. */
static const char *parse_directory(struct arena *arena, const char *text, size_t n,
                                   const char **error)
{
	char *out = arena_alloc(arena, n + 1);
	size_t len = 0;

	*error = "mv: wants a directory below";
	if (n > 0 && text[0] == '/')
		return NULL;
	for (size_t i = 0, end; i < n; i = end + 1) {
		const char *slash = memchr(text + i, '/', n - i);

		end = slash != NULL ? (size_t)(slash - text) : n;
		if (end - i == 2 && memcmp(text + i, "..", 2) == 0)
			return NULL;
		if (end == i || (end - i == 1 && text[i] == '.'))
			continue;
		if (len > 0)
			out[len++] = '/';
		memcpy(out + len, text + i, end - i);
		len += end - i;
	}
	out[len] = '\0';
	if (len == 0)
		return NULL;
	*error = NULL;
	return out;
}

static bool parse_action(struct arena *arena, const char *text, size_t n, struct uri_action *action,
                         const char **error)
{
	static const struct {
		const char *name;
		enum uri_action_kind kind;
	} plain[] = {{"untar", URI_UNTAR}, {"gunzip", URI_GUNZIP}, {"unzip", URI_UNZIP}};

	action->dir = NULL;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (strlen(plain[i].name) == n && memcmp(plain[i].name, text, n) == 0) {
			action->kind = plain[i].kind;
			return true;
		}
	}
	if (n >= 3 && memcmp(text, "mv:", 3) == 0) {
		action->kind = URI_MV;
		action->dir = parse_directory(arena, text + 3, n - 3, error);
		return action->dir != NULL;
	}
	*error = arena_printf(arena, "unknown action '%.*s'", (int)n, text);
	return false;
}

/* `text` is empty or begins with the '|' of the first action. */
static bool parse_actions(struct arena *arena, const char *text, struct uri *uri,
                          const char **error)
{
	struct uri_action *actions;
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == '|';
	actions = arena_array(arena, struct uri_action, n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(++text, "|");

		if (!parse_action(arena, text, len, &actions[i], error))
			return false;
		text += len;
	}
	uri->actions = actions;
	uri->nactions = n;
	return true;
}

bool uri_parse(struct arena *arena, const char *text, struct uri *uri, const char **error)
{
	size_t scheme = scheme_length(text);
	const char *rest = scheme > 0 ? text + scheme + 3 : text, *end;
	char *name = arena_strndup(arena, scheme > 0 ? text : "file", scheme > 0 ? scheme : 4);
	bool ok;

	memset(uri, 0, sizeof(*uri));
	uri->text = arena_strdup(arena, text);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	/* "run+fastq@ftp://": what follows is the transport's. */
	name[strcspn(name, "@")] = '\0';
	uri->scheme = name;
	*error = NULL;
	end = place_end(rest, !is_url(name));
	if (strcmp(name, "file") == 0) {
		if (scheme > 0 && *rest != '/')
			*error = "a file URI has an absolute path, as file:///data/x";
		ok = *error == NULL && parse_file(arena, rest, (size_t)(end - rest), uri, error);
	} else {
		if (end == rest)
			*error = "nothing behind the scheme";
		ok = *error == NULL &&
		     parse_remote(arena, text, (size_t)(end - text), scheme, uri, error);
	}
	if (!ok)
		return false;
	return parse_actions(arena, end, uri, error);
}

void uri_add_path(struct str *out, const char *path)
{
	size_t start = scheme_length(path);

	if (path[0] == '/')
		str_adds(out, "file://");
	else if (start > 0)
		str_adds(out, "./"); /* a path that looks like a URI */
	uri_add_escaped(out, path);
}

void uri_add_escaped(struct str *out, const char *path)
{
	for (const char *p = path; *p != '\0'; p++) {
		/* A backslash that hides nothing needs none before it; the last one would hide
		   the '|' of an action. */
		if (strchr("*?[|", *p) != NULL || is_escape(p) || (*p == '\\' && p[1] == '\0'))
			str_addc(out, '\\');
		str_addc(out, *p);
	}
}
