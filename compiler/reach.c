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

/* What workers elsewhere do not see of what the task, which env stands at, has there; or NULL. */
static const char *hidden_of(struct compilation *c, const struct step *step, uint32_t tuple,
                             enum setting_key key)
{
	const struct submission_uri *uris;
	const char *path = NULL;
	size_t n;

	if (key == KEY_output)
		return reach_hidden(c, task_output(&c->env, step, tuple), c->env.arena);
	uris = emit_uris(c, step, tuple, key, &n);
	for (size_t i = 0; path == NULL && i < n; i++)
		path = reach_hidden(c, uris[i].uri, c->env.arena);
	return path;
}

static void tell(struct compilation *c, const struct step *step, const struct setting *set,
                 const char *who, const struct hire *h, const char *path)
{
	const struct setting *provider = h ? hire_setting(h, KEY_provider) : NULL;
	bool writes = set->key == KEY_output;
	struct span span = set->expr ? set->expr->span : set->span;
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
	static const enum setting_key keys[] = {KEY_output, KEY_input, KEY_resource};
	const size_t nkeys = c->options.recruit != NULL ? 3 : 1;
	const char *who, *path = NULL;
	const struct hire *h = hire_away(c, step, &who);
	struct arena arena, *kept = c->env.arena, *kept_other = c->plan.other.arena;
	bool any = false;

	for (size_t k = 0; k < nkeys; k++)
		any |= step->settings.first[keys[k]] != NULL;
	if (who == NULL || !any)
		return;
	arena_init(&arena);
	c->env.arena = &arena;
	c->plan.other.arena = &arena;
	for (uint32_t i = 0; i < step->level->n && path == NULL; i++) {
		arena_clear(&arena);
		task_enter(&c->env, step, i);
		for (size_t k = 0; k < nkeys && path == NULL; k++) {
			const struct setting *set = step->settings.first[keys[k]];

			if (set != NULL)
				path = hidden_of(c, step, i, keys[k]);
			if (path != NULL)
				tell(c, step, set, who, h, path);
		}
	}
	c->env.arena = kept;
	c->plan.other.arena = kept_other;
	arena_release(&arena);
}

void reach_check(struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++)
		check_step(c, c->program.steps.v[i]);
}
