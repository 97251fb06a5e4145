#include "stage/yield.h"

#include "stage/uri.h"

#include <fnmatch.h>
#include <string.h>

/* Empty components and "." mean nothing in a path, but a comparison would see them. */
static const char *normal(struct arena *arena, const char *path)
{
	char *out = arena_alloc(arena, strlen(path) + 2);
	size_t len = 0;

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n > 0 && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
		path += *path == '/';
	}
	out[len] = '\0';
	return out;
}

void yield_parse(struct arena *arena, const char *pattern, struct yield *yield)
{
	size_t n = strlen(pattern);
	const char *path = normal(arena, pattern), *why;
	struct uri uri;

	yield->folder = n > 0 && pattern[n - 1] == '/';
	yield->place = path;
	yield->glob = false;
	/* A path that is not empty can be parsed, but for actions, which no pattern has. */
	if (uri_parse(arena, path, &uri, &why)) {
		yield->place = uri.place;
		yield->glob = uri.glob;
	}
}

static bool is(const struct yield *yield, const char *path)
{
	return yield->glob ? fnmatch(yield->place, path, FNM_PATHNAME | FNM_PERIOD) == 0
	                   : strcmp(yield->place, path) == 0;
}

bool yield_matches(const struct yield *yield, const char *name)
{
	struct arena arena;
	bool matches = false;
	char *path;

	arena_init(&arena);
	path = arena_printf(&arena, "/%s", name);
	if (!yield->folder) {
		matches = is(yield, path);
	} else {
		for (char *slash = strrchr(path, '/'); !matches && slash != path;
		     slash = strrchr(path, '/')) {
			*slash = '\0';
			matches = is(yield, path);
		}
	}
	arena_release(&arena);
	return matches;
}
