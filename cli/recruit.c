#include "cli/recruit.h"

#include "base/network_fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_SCHEME "file://"

bool recruit_wish_read(struct recruit_wish *wish, char *text)
{
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon++ = '\0';
	wish->provider = text;
	wish->region = colon;
	return *text != '\0' && strpbrk(text, ",/") == NULL && (colon == NULL || *colon != '\0');
}

struct submission recruit_apply(const struct recruit_wish *wish, const struct submission *s,
                                struct arena *arena)
{
	struct recruiter *rows = arena_array(arena, struct recruiter, s->recruiter_count + 1);
	struct submission changed = *s;

	for (size_t i = 0; i < s->recruiter_count; i++) {
		rows[i] = s->recruiters[i];
		if (rows[i].worker_provider != NULL)
			continue;
		rows[i].worker_provider = wish->provider;
		if (wish->region != NULL || rows[i].worker_region == NULL)
			rows[i].worker_region = wish->region ? wish->region : "auto";
	}
	changed.recruiters = rows;
	return changed;
}

/* Is it one of the directories, or below? */
static bool is_below(const char *path, const char *directories)
{
	while (directories != NULL && *directories != '\0') {
		size_t n = strcspn(directories, ":"), len = n;

		while (len > 1 && directories[len - 1] == '/')
			len--;
		if (len > 0 && strncmp(path, directories, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0' || directories[len - 1] == '/'))
			return true;
		directories += n + (directories[n] == ':');
	}
	return false;
}

/* What is not there yet is where its directory is. */
static bool is_on_network(const char *path, struct arena *arena)
{
	char *at = arena_strdup(arena, path);
	bool network = false;
	int fd;

	while ((fd = open(at, O_PATH | O_CLOEXEC)) < 0 && strrchr(at, '/') != at &&
	       strrchr(at, '/') != NULL)
		*strrchr(at, '/') = '\0';
	if (fd >= 0) {
		network = network_fs_of(fd) != NULL;
		close(fd);
	}
	return network;
}

/* A path of this machine alone, or NULL. */
static const char *hidden_path(const struct recruit_wish *wish, const char *uri,
                               struct arena *arena)
{
	const char *path = uri;

	if (uri == NULL)
		return NULL;
	if (strncmp(uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
		path = uri + strlen(FILE_SCHEME);
	if (*path != '/' || is_below(path, wish->shared) || is_on_network(path, arena))
		return NULL;
	return path;
}

static const char *hidden_of(const struct recruit_wish *wish, const struct submission_task *task,
                             struct arena *arena)
{
	const char *path = hidden_path(wish, task->row.output, arena);

	for (size_t i = 0; path == NULL && i < task->ninputs; i++)
		path = hidden_path(wish, task->inputs[i].uri, arena);
	for (size_t i = 0; path == NULL && i < task->nresources; i++)
		path = hidden_path(wish, task->resources[i].uri, arena);
	return path;
}

bool recruit_reaches(const struct recruit_wish *wish, const struct submission *s)
{
	const char *path = NULL;
	struct arena arena;

	if (strcmp(wish->provider, "local") == 0)
		return true;
	arena_init(&arena);
	for (uint32_t i = 0; path == NULL && i < s->step_count; i++) {
		const struct submission_step *step = &s->steps[i];

		for (uint32_t k = 0; path == NULL && k < step->task_count; k++) {
			struct submission_task task = {0};

			arena_clear(&arena);
			s->task(s, step->first_task + k, &arena, &task);
			path = hidden_of(wish, &task, &arena);
		}
		if (path != NULL)
			fprintf(stderr,
			        "%s: error: step %s uses %s, which workers of %s do not see\n"
			        "help: use shared or remote storage; where the directory is shared "
			        "with them, say so: --shared DIR\n",
			        step->source, step->name, path, wish->provider);
	}
	arena_release(&arena);
	return path == NULL;
}
