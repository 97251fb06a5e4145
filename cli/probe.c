#include "cli/probe.h"

#include "base/map.h"
#include "cli/image.h"
#include "runtime/session.h"
#include "stage/list.h"

#include <stdio.h>
#include <string.h>

struct probing {
	struct arena arena;
	struct map asked; /* addresses and images */
	struct stage stage;
	struct engine engine;
	unsigned found, missing;
};

/* Whether it is the first time; the name is kept. */
static bool is_new(struct probing *p, const char *name)
{
	bool fresh;

	if (map_get(&p->asked, name, strlen(name)) != NULL)
		return false;
	name = arena_strdup(&p->arena, name);
	map_put(&p->asked, name, strlen(name), &fresh);
	return fresh;
}

static void is_missing(struct probing *p, const char *task, const char *what, const char *why)
{
	size_t n = strlen(what);

	/* The stage names the address itself. */
	if (strncmp(why, what, n) == 0 && strncmp(why + n, ": ", 2) == 0)
		why += n + 2;
	fprintf(stderr, "%s: %s: %.*s\n", task, what, (int)strcspn(why, "\n"), why);
	p->missing++;
}

/* Files of this machine have been looked for by the compiler. */
static void probe_uri(struct probing *p, const char *task, const struct submission_uri *u)
{
	struct stage_listing listing = {0};
	struct str error = STR_INIT;
	struct arena arena;
	struct uri uri;
	const char *why = NULL;

	if (u->producer != UINT32_MAX || strncmp(u->uri, "file:", 5) == 0 || !is_new(p, u->uri))
		return;
	arena_init(&arena);
	if (!uri_parse(&arena, u->uri, &uri, &why))
		is_missing(p, task, u->uri, why);
	else if (stage_list(&p->stage, &uri, 0, &arena, &listing, &error) != STAGE_OK)
		is_missing(p, task, u->uri, error.p);
	else if (listing.n == 0)
		is_missing(p, task, u->uri, "holds no file");
	else
		p->found++;
	str_release(&error);
	arena_release(&arena);
}

static void probe_image(struct probing *p, const char *task, const char *image)
{
	if (image == NULL || !is_new(p, image))
		return;
	if (p->engine.program.len == 0)
		is_missing(p, task, image, "there is no container engine here that could tell");
	else if (!image_is_there(&p->engine, image))
		is_missing(p, task, image, "neither this machine nor its registry has the image");
	else
		p->found++;
}

int probe(const struct submission *s)
{
	struct probing p = {0};
	struct str why = STR_INIT;
	struct arena arena;

	if (!engine_init(&p.engine, &why)) {
		fprintf(stderr, "scitq-run: %s\n", why.p);
		str_release(&why);
		return EXIT_CODE_INFRASTRUCTURE;
	}
	arena_init(&p.arena);
	arena_init(&arena);
	stage_init(&p.stage);
	for (uint32_t i = 0; i < s->task_count; i++) {
		struct submission_task task = {0};

		arena_clear(&arena);
		s->task(s, i, &arena, &task);
		for (size_t k = 0; k < task.ninputs; k++)
			probe_uri(&p, task.row.name, &task.inputs[k]);
		for (size_t k = 0; k < task.nresources; k++)
			probe_uri(&p, task.row.name, &task.resources[k]);
		probe_image(&p, task.row.name, task.row.container);
	}
	fprintf(stderr, "addresses and images: %u there, %u missing\n", p.found, p.missing);
	stage_release(&p.stage);
	arena_release(&arena);
	arena_release(&p.arena);
	map_release(&p.asked);
	engine_release(&p.engine);
	str_release(&why);
	return p.missing > 0 ? EXIT_CODE_COMPILE : EXIT_CODE_OK;
}
