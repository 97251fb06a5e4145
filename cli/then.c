#include "cli/then.h"

#include "base/state_dir.h"
#include "runtime/local.h"
#include "stage/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where files lie, paths or URIs, in the arena. */
struct places {
	VEC(const char *) list;
};

static bool add_files(struct arena *arena, const char *text, struct places *places,
                      struct str *error)
{
	struct stage_listing listing = {0};
	struct stage stage;
	struct uri uri;
	const char *why;
	enum stage_result result = STAGE_BAD_URI;

	stage_init(&stage);
	if (uri_parse(arena, text, &uri, &why))
		result = stage_list(&stage, &uri, STAGE_RECURSIVE, arena, &listing, error);
	else
		str_addf(error, "%s: %s", text, why);
	for (size_t i = 0; result == STAGE_OK && i < listing.n; i++)
		vec_push(&places->list, listing.entries[i].place);
	stage_release(&stage);
	/* A step that was off wrote nothing. */
	if (result == STAGE_NOT_FOUND)
		str_reset(error);
	return result == STAGE_OK || result == STAGE_NOT_FOUND;
}

/* Its files as the text of a param; NULL after an error. */
static const char *list_files(const struct submission_param *p, struct arena *arena)
{
	struct str list = STR_INIT, error = STR_INIT;
	struct places places = {0};
	const char *text = NULL;
	bool ok = true;

	for (size_t i = 0; ok && i < p->nuris; i++)
		ok = add_files(arena, p->uris[i], &places, &error);
	for (size_t i = 0; ok && p->list && i < places.list.n; i++)
		compile_param_add(&list, places.list.v[i], i == 0);
	if (ok && p->list)
		text = arena_strndup(arena, list.len > 0 ? list.p : "", list.len);
	else if (ok && places.list.n == 1)
		text = places.list.v[0];
	else if (ok && places.list.n == 0 && p->optional)
		text = "none";
	else if (ok)
		str_addf(&error, "it takes one file, and there are %zu", places.list.n);
	if (text == NULL)
		fprintf(stderr, "scitq-run: `%s` of what follows: %s\n", p->name, error.p);
	vec_release(&places.list);
	str_release(&list);
	str_release(&error);
	return text;
}

bool then_params(const struct submission_next *next, struct arena *arena,
                 struct compile_param *params)
{
	for (size_t i = 0; i < next->nparams; i++) {
		const struct submission_param *p = &next->params[i];

		params[i] = (struct compile_param){p->name, p->text != NULL ? p->text
		                                                            : list_files(p, arena)};
		if (params[i].value == NULL)
			return false;
	}
	return true;
}

/* The words of a command line, being collected. */
struct words {
	struct arena arena;
	VEC(char *) list;
};

static void add_word(struct words *w, const char *text)
{
	vec_push(&w->list, arena_strdup(&w->arena, text));
}

static void add_option(struct words *w, const char *option, const char *value)
{
	if (value == NULL)
		return;
	add_word(w, option);
	add_word(w, value);
}

static void add_pairs(struct words *w, const char *option, const struct compile_param *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_option(w, option, arena_printf(&w->arena, "%s=%s", p[i].name, p[i].value));
}

/* As we were called, but to stay: it joins the run, whose plan is the same. */
static void add_command(struct words *w, const struct run_options *o)
{
	add_word(w, "scitq-run");
	add_pairs(w, "--param", o->params.v, o->params.n);
	add_pairs(w, "--set", o->sets.v, o->sets.n);
	add_option(w, "--as", o->name);
	add_option(w, "--profile", o->profile);
	add_option(w, "--server", o->launch.team.server);
	add_option(w, "--ca", o->launch.team.ca);
	add_option(w, "--state", o->launch.own.state);
	if (o->launch.own.workers >= 0)
		add_option(w, "--workers", arena_printf(&w->arena, "%d", o->launch.own.workers));
	if (o->recruit.provider != NULL)
		add_option(w, "--recruit",
		           arena_printf(&w->arena, "%s%s%s", o->recruit.provider,
		                        o->recruit.region ? ":" : "",
		                        o->recruit.region ? o->recruit.region : ""));
	add_option(w, "--advertise", o->launch.own.advertise);
	add_option(w, "--shared", o->recruit.shared);
	add_word(w, o->files.v[0]);
}

int then_detached(const struct run_options *o)
{
	struct words w = {0};
	struct str log = STR_INIT;
	pid_t pid;
	int err = ENOENT;

	arena_init(&w.arena);
	add_command(&w, o);
	vec_push(&w.list, NULL);
	if (o->launch.own.state != NULL || state_dir_default(&log)) {
		if (o->launch.own.state != NULL)
			str_adds(&log, o->launch.own.state);
		str_adds(&log, "/then.log");
		err = local_spawn(w.list.v, log.p, &pid);
	}
	if (err == 0)
		fprintf(stderr, "process %d goes on with what follows, and tells in %s\n", (int)pid,
		        log.p);
	else
		fprintf(stderr, "scitq-run: what follows will not be run: %s\n", strerror(err));
	vec_release(&w.list);
	arena_release(&w.arena);
	str_release(&log);
	return err == 0 ? 0 : EXIT_CODE_INFRASTRUCTURE;
}
