#include "worker/consumed.h"

#include "stage/fault.h"
#include "stage/local.h"
#include "stage/standing.h"
#include "stage/transfer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Names that one call of rclone is given. */
#define NAMES_AT_ONCE 500

static const char *path_of(const json_t *file)
{
	return json_string_value(json_object_get(file, "path"));
}

/* The folders that the file was in, up to the outermost, as far as they are empty. */
static void remove_folders(const char *folder, const char *path)
{
	struct str at = STR_INIT;

	str_addf(&at, "%s/%s", folder, path);
	for (;;) {
		char *slash = strrchr(at.p, '/');

		if (slash == NULL || (size_t)(slash - at.p) < strlen(folder))
			break;
		*slash = '\0';
		if (rmdir(at.p) != 0)
			break;
	}
	str_release(&at);
}

static enum stage_result remove_here(struct stage *s, const char *folder, const json_t *files,
                                     size_t *deleted, struct str *error)
{
	enum stage_result result = STAGE_OK;
	struct str path = STR_INIT, outer = STR_INIT;
	const json_t *file;
	size_t i;

	/* Without the slash at its end. */
	str_add(&outer, folder, strlen(folder));
	while (outer.len > 1 && outer.p[outer.len - 1] == '/')
		outer.p[--outer.len] = '\0';
	json_array_foreach(files, i, file)
	{
		if (stage_stopped(s))
			result = STAGE_CANCELLED;
		if (result == STAGE_CANCELLED || !standing_file(outer.p, file))
			continue;
		str_reset(&path);
		str_addf(&path, "%s/%s", outer.p, path_of(file));
		if (unlink(path.p) == 0) {
			++*deleted;
			remove_folders(outer.p, path_of(file));
		} else if (errno != ENOENT && result == STAGE_OK) {
			result = STAGE_DENIED;
			str_addf(error, "%s: %s", path.p, strerror(errno));
		}
	}
	/* It may have been empty from the beginning. */
	if (json_array_size(files) == 0)
		(void)rmdir(outer.p);
	str_release(&path);
	str_release(&outer);
	return result;
}

/* The name itself as a pattern that nothing else matches. */
static const char *pattern_of(const char *name, struct arena *arena)
{
	struct str text = STR_INIT;
	const char *kept;

	str_addc(&text, '/');
	for (; *name != '\0'; name++) {
		if (strchr("*?[]{}\\", *name) != NULL)
			str_addc(&text, '\\');
		str_addc(&text, *name);
	}
	kept = arena_strndup(arena, text.p, text.len);
	str_release(&text);
	return kept;
}

static enum stage_result remove_there(struct stage *s, const struct uri *uri, const json_t *files,
                                      struct arena *arena, size_t *deleted, struct str *error)
{
	const size_t n = json_array_size(files);
	const char *mark = "/" EMPTY_MARK;
	enum stage_result result = STAGE_OK;

	if (n == 0) {
		result = stage_remove(s, uri, &mark, 1, error);
		return result == STAGE_NOT_FOUND ? STAGE_OK : result;
	}

	for (size_t from = 0; from < n && result == STAGE_OK; from += NAMES_AT_ONCE) {
		const char *patterns[NAMES_AT_ONCE];
		size_t k = 0;

		for (; k < NAMES_AT_ONCE && from + k < n; k++)
			patterns[k] = pattern_of(path_of(json_array_get(files, from + k)), arena);
		result = stage_remove(s, uri, patterns, k, error);
		if (result == STAGE_OK)
			*deleted += k;
		else if (result == STAGE_NOT_FOUND)
			result = STAGE_OK;
	}
	return result;
}

enum stage_result consumed_remove(struct stage *s, const json_t *found, size_t *deleted,
                                  struct str *error)
{
	const char *output = json_string_value(json_object_get(found, "output")), *why = NULL;
	const json_t *files = json_object_get(found, "outputs"), *file;
	enum stage_result result;
	struct arena arena;
	struct uri uri;
	size_t i;

	*deleted = 0;
	if (output == NULL || *output == '\0')
		return STAGE_OK;
	json_array_foreach(files, i, file)
	{
		if (path_of(file) == NULL) {
			str_adds(error, "a file without a name");
			return STAGE_BAD_URI;
		}
	}
	arena_init(&arena);
	if (output[strlen(output) - 1] != '/')
		output = arena_printf(&arena, "%s/", output);
	if (!uri_parse(&arena, output, &uri, &why)) {
		str_adds(error, why);
		result = STAGE_BAD_URI;
	} else if (strcmp(uri.scheme, "file") == 0) {
		result = remove_here(s, uri.place, files, deleted, error);
	} else {
		result = remove_there(s, &uri, files, &arena, deleted, error);
	}
	if (result != STAGE_OK && result != STAGE_CANCELLED && error->len == 0)
		str_adds(error, stage_result_text(result));
	arena_release(&arena);
	return result;
}
