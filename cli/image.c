#include "cli/image.h"

#include "base/child.h"

#include <string.h>
#include <sys/wait.h>

/* Asking an engine for what it has takes no longer. */
#define INSPECT_MS 20000

bool image_digest(const struct engine *engine, const char *image, struct str *digest)
{
	char *argv[] = {engine->program.p,
	                (char *)"image",
	                (char *)"inspect",
	                (char *)"--format",
	                (char *)"{{if .RepoDigests}}{{index .RepoDigests 0}}{{end}}",
	                (char *)image,
	                NULL};
	struct child child = {
	        .argv = argv, .out = child_keep, .output_ctx = digest, .timeout_ms = INSPECT_MS};
	const char *at;
	struct str kept = STR_INIT;
	int status;

	if (engine->program.len == 0 || child_run(&child, &status) != 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		return false;
	at = strchr(digest->p, '@');
	if (at == NULL)
		return false;
	str_add(&kept, at + 1, strcspn(at + 1, " \n"));
	str_release(digest);
	*digest = kept;
	return true;
}

/* Whether the engine does it well: image inspect NAME. */
static bool asks_well(const struct engine *engine, const char *object, const char *image)
{
	char *argv[] = {engine->program.p, (char *)object, (char *)"inspect", (char *)image, NULL};
	struct child child = {.argv = argv, .timeout_ms = INSPECT_MS};
	int status;

	return child_run(&child, &status) == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool image_is_there(const struct engine *engine, const char *image)
{
	return asks_well(engine, "image", image) || asks_well(engine, "manifest", image);
}
