#include "runtime/results.h"

#include "base/alloc.h"
#include "model/json.h"
#include "model/member.h"
#include "stage/uri.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void results_init(struct results *r, const struct submission *s)
{
	r->submission = s;
	r->steps = xcalloc(s->step_count, sizeof(*r->steps));
}

void results_release(struct results *r)
{
	for (uint32_t k = 0; r->steps != NULL && k < r->submission->step_count; k++)
		free(r->steps[k].folder);
	free(r->steps);
	r->steps = NULL;
}

/* The step of task number i; NULL: it has none. */
static struct results_step *step_of(struct results *r, uint32_t i)
{
	const struct submission *s = r->submission;

	for (uint32_t k = 0; k < s->step_count; k++) {
		if (i >= s->steps[k].first_task &&
		    i - s->steps[k].first_task < s->steps[k].task_count)
			return &r->steps[k];
	}
	return NULL;
}

/* What both have in front, up to a slash; `folder` becomes that. */
static void keep_common(char *folder, const char *other)
{
	size_t n = 0;

	for (size_t i = 0; folder[i] != '\0' && folder[i] == other[i]; i++) {
		if (folder[i] == '/')
			n = i + 1;
	}
	folder[n] = '\0';
}

static void add_output(struct results_step *step, const char *output, bool promised)
{
	step->promised = step->promised || promised;
	if (step->folder == NULL)
		step->folder = xstrdup(output);
	else
		keep_common(step->folder, output);
}

void results_add(struct results *r, uint32_t i, const struct submission_task *task)
{
	struct results_step *step = step_of(r, i);

	if (i >= r->submission->first_removal) {
		step = step_of(r, task->removes);
		if (step != NULL)
			step->removed = true;
	} else if (step != NULL && task->row.output != NULL) {
		add_output(step, task->row.output, task->nyields > 0 || task->whole);
	}
}

/* Of what was deleted the folder is not there any more. */
void results_add_row(struct results *r, const json_t *task)
{
	const char *batch = member_text(task, "batch"), *output = member_text(task, "output");
	bool promised = json_is_string(json_object_get(task, "yields"));

	for (uint32_t k = 0; k < r->submission->step_count && *output != '\0'; k++) {
		if (strcmp(r->submission->steps[k].batch, batch) == 0)
			add_output(&r->steps[k], output, promised);
	}
}

/* ---- as texts ---- */

/* .../STEP/ says no more than what holds it. */
static size_t without_step(const char *folder, const char *step)
{
	size_t n = strlen(folder), of = strlen(step);

	if (n > of + 2 && folder[n - 1] == '/' && folder[n - of - 2] == '/' &&
	    memcmp(folder + n - of - 1, step, of) == 0)
		return n - of - 1;
	return n;
}

/* The path of a folder of this machine; NULL: it is elsewhere. */
static const char *path_of(const char *folder, struct arena *arena)
{
	const char *why;
	struct uri uri;

	return uri_parse(arena, folder, &uri, &why) && strcmp(uri.scheme, "file") == 0 ? uri.place
	                                                                               : NULL;
}

/* Its tasks have nothing in common but the storage. */
static bool is_everywhere(const char *folder)
{
	const char *place = strstr(folder, "://");

	return place == NULL || place[3 + strspn(place + 3, "/")] == '\0';
}

static bool has_results(const struct results_step *step, const struct step_view *view,
                        struct arena *arena)
{
	const char *path;

	if (step->folder == NULL || step->removed || is_everywhere(step->folder) ||
	    view->succeeded + view->reused == 0)
		return false;
	if (step->promised)
		return true;
	path = path_of(step->folder, arena);
	return path != NULL && access(path, F_OK) == 0;
}

/* Of two of which one holds the other the outer one stays. */
static void add_folder(json_t *list, const char *folder)
{
	size_t i = 0;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		const char *there = json_string_value(one);

		if (strncmp(folder, there, strlen(there)) == 0)
			return;
	}
	for (i = 0; i < json_array_size(list);) {
		if (strncmp(json_string_value(json_array_get(list, i)), folder, strlen(folder)) ==
		    0)
			json_array_remove(list, i);
		else
			i++;
	}
	json_array_append_new(list, json_text(folder));
}

static json_t *shown(const char *folder, const char *here, struct arena *arena)
{
	const char *path = path_of(folder, arena);
	size_t n = strlen(here);

	if (path == NULL)
		return json_text(folder);
	if (n > 1 && strncmp(path, here, n) == 0 && path[n] == '/')
		path += n + 1;
	return json_text(arena_printf(arena, "%s/", path));
}

json_t *results_folders(const struct results *r, const struct step_view *steps)
{
	json_t *list = json_array(), *texts = json_array(), *one;
	char *here = getcwd(NULL, 0);
	struct arena arena;
	size_t i;

	arena_init(&arena);
	for (uint32_t k = 0; k < r->submission->step_count; k++) {
		const char *folder = r->steps[k].folder;

		if (has_results(&r->steps[k], &steps[k], &arena))
			add_folder(list, arena_strndup(&arena, folder,
			                               without_step(folder,
			                                            r->submission->steps[k].name)));
	}
	json_array_foreach(list, i, one)
	{
		json_array_append_new(texts,
		                      shown(json_string_value(one), here ? here : "", &arena));
	}
	free(here);
	json_decref(list);
	arena_release(&arena);
	return texts;
}
