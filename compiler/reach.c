#include "compiler/reach.h"

#include "compiler/paths.h"
#include "compiler/recruit.h"
#include "compiler/task.h"

#include <string.h>

#define FILE_SCHEME "file://"

const char *reach_provider(const struct compilation *c, const struct hire *h)
{
	const char *provider = h ? hire_text(h, KEY_provider) : NULL;

	if (provider == NULL)
		provider = c->options.recruit;
	else if (hire_setting(h, KEY_region) == NULL)
		provider = NULL;
	return provider != NULL && strcmp(provider, "local") != 0 ? provider : NULL;
}

/* Is it one of the directories, with : between them, or below? */
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

const char *reach_hidden(const struct compilation *c, const char *uri, struct arena *arena)
{
	const char *path;

	if (uri == NULL || strncmp(uri, FILE_SCHEME, strlen(FILE_SCHEME)) != 0)
		return NULL;
	path = uri_local_path(uri, arena);
	if (path == NULL)
		path = uri + strlen(FILE_SCHEME);
	if (is_below(path, c->options.shared) ||
	    (c->files.network != NULL && c->files.network(c->files.context, path)))
		return NULL;
	return path;
}

/* The entry for which workers are made elsewhere, which may be none: *who then still says who. */
static const struct hire *hire_away(struct compilation *c, const struct step *step,
                                    const char **who)
{
	size_t n;
	const struct hire *h = step_hires(c, step, &n);

	*who = n == 0 ? reach_provider(c, NULL) : NULL;
	for (size_t i = 0; i < n; i++) {
		*who = reach_provider(c, &h[i]);
		if (*who != NULL)
			return &h[i];
	}
	return NULL;
}

static const char *hidden_of(struct compilation *c, const struct submission_uri *uris, size_t n,
                             struct arena *arena)
{
	const char *path = NULL;

	for (size_t i = 0; path == NULL && i < n; i++)
		path = reach_hidden(c, uris[i].uri, arena);
	return path;
}

static void tell(struct compilation *c, const struct step *step, const struct setting *set,
                 const char *who, const struct hire *h, const char *path)
{
	const struct setting *provider = h ? hire_setting(h, KEY_provider) : NULL;
	bool writes = set == NULL || set->key == KEY_output;
	struct span span = set == NULL ? step->stmt->head : set->expr ? set->expr->span : set->span;
	struct diag *d =
	        writes ? report(c, E0605, span, "workers of `%s` cannot reach %s", who, path)
	               : report(c, E0606, span, "workers of `%s` do not see %s", who, path);

	label(c, d, "%s `%s`", writes ? "where they put what they make for" : "which they need for",
	      step->symbol->name);
	if (provider != NULL)
		relate(c, d, provider->span, "who hires them");
	help(c, d,
	     "use an address that they reach, like \"s3://bucket/...\"; where they see the "
	     "directory too, say so: --shared DIR");
}

/* The first task of which something is hidden tells for all of the step. */
static void check_step(struct compilation *c, const struct step *step)
{
	const struct submission *s = c->submission;
	const struct setting *output = step->settings.first[KEY_output],
	                     *input = step->settings.first[KEY_input],
	                     *resource = step->settings.first[KEY_resource];
	const char *who, *path = NULL;
	const struct hire *h = hire_away(c, step, &who);
	bool takes = c->options.recruit != NULL && (input != NULL || resource != NULL);
	struct env *env = &c->env;
	struct arena arena, *kept = env->arena;

	if (who == NULL || (output == NULL && !takes))
		return;
	arena_init(&arena);
	for (uint32_t i = 0; i < step->level->n && path == NULL; i++) {
		const struct setting *set = output;
		struct submission_task task;

		arena_clear(&arena);
		if (output != NULL) {
			env->arena = &arena;
			task_enter(env, step, i);
			path = reach_hidden(c, task_output(env, step, i), &arena);
			env->arena = kept;
		}
		if (path == NULL && takes) {
			s->task(s, step->first_task + i, &arena, &task);
			set = input;
			path = hidden_of(c, task.inputs, task.ninputs, &arena);
		}
		if (path == NULL && takes) {
			set = resource;
			path = hidden_of(c, task.resources, task.nresources, &arena);
		}
		if (path != NULL)
			tell(c, step, set, who, h, path);
	}
	arena_release(&arena);
}

void reach_check(struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++)
		check_step(c, c->program.steps.v[i]);
}
