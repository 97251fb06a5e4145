#include "compiler/compile.h"

#include "base/fd.h"
#include "compiler/compilation.h"
#include "compiler/paths.h"
#include "compiler/plan.h"
#include "dsl/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void find_directories(struct compilation *c)
{
	const char *cwd = c->options.cwd;
	char *here = cwd ? NULL : getcwd(NULL, 0);

	/* Without a working directory relative paths start at the root, where they will not be. */
	c->cwd = arena_strdup(&c->arena, cwd ? cwd : here ? here : "/");
	free(here);
	base_add(c, path_directory(&c->arena, path_join(&c->arena, c->cwd, c->options.path)));
}

static bool read_source(struct compilation *c)
{
	struct str text = STR_INIT;

	if (c->options.text != NULL) {
		c->file = sources_add(&c->sources, c->options.path, c->options.text,
		                      c->options.text_len);
		return true;
	}
	c->read_error = file_read(c->options.path, &text);
	if (c->read_error == 0 && text.len >= INT32_MAX)
		c->read_error = -EFBIG;
	if (c->read_error == 0)
		c->file = sources_add(&c->sources, c->options.path, text.p, text.len);
	str_release(&text);
	return c->read_error == 0;
}

static void compile_parse(struct compilation *c)
{
	c->ast = dsl_parse(&c->arena, &c->sources, c->file, &c->sink);
}

/* What resolve says of a tree with holes would only be what the parser has said. */
static void resolve_silently(struct compilation *c)
{
	struct diag_sink kept = c->sink;

	diag_sink_init(&c->sink, &c->arena);
	compile_resolve(c);
	diag_sink_release(&c->sink);
	c->sink = kept;
}

struct compilation *compile_file(const struct compile_options *options)
{
	static void (*const passes[])(struct compilation *) = {
	        [COMPILE_PARSE] = compile_parse, [COMPILE_RESOLVE] = compile_resolve,
	        [COMPILE_CHECK] = compile_check, [COMPILE_EXPAND] = compile_expand,
	        [COMPILE_PLAN] = compile_plan,   [COMPILE_EMIT] = compile_emit,
	};
	struct compilation *c = xcalloc(1, sizeof(*c));
	enum compile_stage last = options->stop_after ? options->stop_after : COMPILE_EMIT;

	c->options = *options;
	c->files = options->files ? *options->files : compile_disk;
	arena_init(&c->arena);
	sources_init(&c->sources, &c->arena);
	diag_sink_init(&c->sink, &c->arena);
	find_directories(c);
	if (!read_source(c))
		return c;
	for (enum compile_stage stage = COMPILE_PARSE; stage <= last; stage++) {
		passes[stage](c);
		if (stage == COMPILE_EMIT)
			compile_test(c);
		if (c->sink.errors > 0 && stage == COMPILE_PARSE && options->lenient)
			resolve_silently(c);
		/* Types are checked even where names are missing, but not without a tree. */
		if (c->sink.errors > 0 && stage != COMPILE_RESOLVE)
			break;
		if (c->sink.errors == 0)
			c->done = stage;
		/* Of a module there is nothing to count out, nor of what was not asked for. */
		if (stage == COMPILE_CHECK && (c->program.workflow == NULL || c->unasked))
			break;
	}
	diag_sort(&c->sink);
	return c;
}

void compile_release(struct compilation *c)
{
	plan_release(&c->plan);
	if (c->env.slots != NULL)
		env_release(&c->env);
	for (size_t i = 0; i < c->regexes.n; i++) {
		regfree(c->regexes.v[i]);
		free(c->regexes.v[i]);
	}
	vec_release(&c->regexes);
	vec_release(&c->sheets);
	vec_release(&c->bases);
	for (size_t i = 0; i < c->program.steps.n; i++)
		vec_release(&c->program.steps.v[i]->before);
	vec_release(&c->program.items);
	vec_release(&c->program.symbols);
	vec_release(&c->program.levels);
	vec_release(&c->program.steps);
	vec_release(&c->program.hooks);
	vec_release(&c->program.modules);
	vec_release(&c->program.drafts);
	vec_release(&c->program.nexts);
	vec_release(&c->program.profiles);
	vec_release(&c->locks);
	map_release(&c->locked_keys);
	vec_release(&c->program.test_items);
	vec_release(&c->program.test_lists);
	map_release(&c->program.bindings);
	map_release(&c->answers);
	map_release(&c->versions);
	diag_sink_release(&c->sink);
	sources_release(&c->sources);
	arena_release(&c->arena);
	free(c);
}

bool compile_ok(const struct compilation *c)
{
	return c->read_error == 0 && c->sink.errors == 0;
}

int compile_read_error(const struct compilation *c)
{
	return c->read_error;
}

const struct diag_sink *compile_diagnostics(const struct compilation *c)
{
	return &c->sink;
}

struct sources *compile_sources(struct compilation *c)
{
	return &c->sources;
}

const struct submission *compile_submission(const struct compilation *c)
{
	return compile_ok(c) ? c->submission : NULL;
}
