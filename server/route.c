#include "server/route.h"

#include "server/handlers.h"
#include "server/known_show.h"
#include "server/reader.h"
#include "server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In parentheses: their commas separate nothing where ROW is expanded. */
#define ANY NULL
#define CONTENT(table, shape, list) (&(const struct content){table, shape, list})
#define ONE(name) CONTENT(TABLE_##name, NULL, false)
#define LIST(name) CONTENT(TABLE_##name, NULL, true)
#define SHAPE(name) CONTENT(TABLE_COUNT, &filter_##name, false)
#define SHAPES(name) CONTENT(TABLE_COUNT, &filter_##name, true)
#define ROW(side, queue, method, pattern, handler, known, role, filter, flags, takes, gives, help) \
	{#method,                                                                                  \
	 pattern,                                                                                  \
	 queue,                                                                                    \
	 {.side = handler},                                                                        \
	 known,                                                                                    \
	 ROLE_##role,                                                                              \
	 &filter_##filter,                                                                         \
	 ROUTE_##flags,                                                                            \
	 takes,                                                                                    \
	 gives,                                                                                    \
	 help},
#define CORE(method, pattern, handler, ...)                                                        \
	ROW(core, QUEUE_CORE, method, pattern, handler, NULL, __VA_ARGS__)
#define READ(method, pattern, handler, ...)                                                        \
	ROW(read, QUEUE_READ, method, pattern, handler, NULL, __VA_ARGS__)
#define HTTP(method, pattern, handler, ...)                                                        \
	ROW(http, QUEUE_HTTP, method, pattern, handler, NULL, __VA_ARGS__)
#define KNOWN_CORE(...) ROW(core, QUEUE_CORE, __VA_ARGS__)
#define KNOWN_READ(...) ROW(read, QUEUE_READ, __VA_ARGS__)

const struct route routes[] = {
#include "server/routes.def"
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);

bool route_word_is_number(const char *word, size_t len)
{
	static const char *const numbers[] = {"id", "execution_id", "rank"};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strlen(numbers[i]) == len && memcmp(numbers[i], word, len) == 0)
			return true;
	}
	return false;
}

bool route_gives_rows(const struct route *route)
{
	return route->gives != NULL && (route->gives->shape == NULL || route->gives->list);
}

/* Digits only, so that every number has one spelling of its path, zeros in front aside. */
static bool read_number(const char *text, size_t len, int64_t *number)
{
	char digits[20];

	if (len == 0 || len >= sizeof(digits) || strspn(text, "0123456789") < len)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	*number = strtoll(digits, NULL, 10);
	return errno == 0;
}

static bool match(const char *pattern, const char *path, struct arena *arena, struct route_hit *hit)
{
	unsigned nids = 0, nnames = 0;

	while (*pattern != '\0') {
		const char *end;
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		end = strchr(pattern, '}');
		len = strcspn(path, "/");
		if (len == 0)
			return false;
		if (!route_word_is_number(pattern + 1, (size_t)(end - pattern) - 1)) {
			hit->names[nnames++] = arena_strndup(arena, path, len);
		} else if (!read_number(path, len, &hit->ids[nids++])) {
			hit->not_number = arena_strndup(arena, path, len);
			return false;
		}
		path += len;
		pattern = end + 1;
	}
	return *path == '\0';
}

static bool is_method(const struct route *route, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		return strcmp(route->method, "GET") == 0 &&
		       (route->queue != QUEUE_CORE || (route->flags & ROUTE_SAFE));
	return strcmp(route->method, method) == 0;
}

static const char *allowed(const char *pattern, struct arena *arena)
{
	const char *list = "OPTIONS";

	for (size_t i = route_count; i-- > 0;) {
		if (strcmp(routes[i].pattern, pattern) == 0)
			list = arena_printf(arena, "%s, %s%s", routes[i].method,
			                    is_method(&routes[i], "HEAD") ? "HEAD, " : "", list);
	}
	return list;
}

enum route_found route_find(const char *method, const char *path, struct arena *arena,
                            struct route_hit *hit)
{
	const char *pattern = NULL;
	size_t len = strlen(path);

	memset(hit, 0, sizeof(*hit));
	/* The first pattern that fits decides; its rows differ by method. */
	for (size_t i = 0; i < route_count; i++) {
		if (pattern ? strcmp(pattern, routes[i].pattern) != 0
		            : !match(routes[i].pattern, path, arena, hit))
			continue;
		pattern = routes[i].pattern;
		if (is_method(&routes[i], method)) {
			hit->route = &routes[i];
			return ROUTE_FOUND;
		}
	}
	if (pattern != NULL) {
		hit->allow = allowed(pattern, arena);
		return strcmp(method, "OPTIONS") == 0 ? ROUTE_OPTIONS : ROUTE_BAD_METHOD;
	}
	for (size_t i = 0; i < route_count && len > 0 && path[len - 1] != '/'; i++) {
		if (strncmp(routes[i].pattern, path, len) == 0 &&
		    strcmp(routes[i].pattern + len, "/") == 0)
			return ROUTE_REDIRECT;
	}
	return ROUTE_UNKNOWN;
}
