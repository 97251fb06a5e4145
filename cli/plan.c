#include "cli/plan.h"

#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/price.h"
#include "cli/probe.h"
#include "cli/reach.h"

/* The server that knows offers and past durations, if there is one. */
struct knowing {
	struct reach reach;
	const char *where; /* its address; NULL: there is none */
};

/* 0, or an exit code. To be closed in any case. */
static int knowing_open(struct knowing *k, struct run_options *o)
{
	struct str error = STR_INIT;
	enum reach_result result =
	        reach_open(&k->reach, &o->launch.team, o->launch.own.state, &error);
	int code = 0;

	k->where = result == REACH_OK ? k->reach.client.url.p : NULL;
	if (result == REACH_MISUSED)
		code = usage_error("%s", error.p);
	o->simulate.forecast.client = result == REACH_OK ? &k->reach.client : NULL;
	/* The one of a state directory may be there for something else. */
	o->simulate.forecast.named = k->reach.url.len == 0;
	str_release(&error);
	return code;
}

static int simulate_plan(struct run_options *o, const struct submission *s)
{
	struct simulate_options *options = &o->simulate;
	struct knowing k;
	int code = knowing_open(&k, o);

	options->forecast.assume = true;
	options->workers = o->launch.own.workers >= 0 ? o->launch.own.workers : 1;
	options->json = o->json;
	if (code == 0)
		code = simulate(s, options);
	reach_close(&k.reach);
	return code;
}

/* What it may cost, appended to the plan. 0, or an exit code. */
static int add_price(struct run_options *o, const struct submission *s, struct str *out)
{
	struct forecast_options *options = &o->simulate.forecast;
	const char *where = options->offers;
	struct forecast forecast;
	struct knowing k;
	int code = knowing_open(&k, o);

	/* Of one that happens to be known the plan does not depend. */
	options->optional = o->launch.team.server == NULL;
	if (code == 0) {
		code = forecast_read(&forecast, s, options);
		if (forecast.offers_of == OFFERS_SERVER)
			where = k.where;
		if (code == 0)
			(o->json ? price_json : price_text)(s, &forecast, where, out);
		forecast_release(&forecast);
	}
	reach_close(&k.reach);
	return code;
}

static int print_difference(struct run_options *o, const struct submission *s)
{
	struct str out = STR_INIT;
	int code = (int)launch_difference(&o->launch, s, o->run, &out);

	if (code == EXIT_CODE_OK)
		return io_print(&out);
	str_release(&out);
	return code;
}

/* Every task, and then what they may cost. */
static int print_plan(struct run_options *o, const struct compilation *c,
                      const struct submission *hiring)
{
	struct str out = STR_INIT;
	int code = EXIT_CODE_OK;

	if (o->json)
		code = ndjson_plan(compile_submission(c));
	else
		compile_listing(c, o->tasks, &out);
	if (code == EXIT_CODE_OK && price_applies(hiring))
		code = add_price(o, hiring, &out);
	else if (!o->json)
		str_adds(&out, "\nnobody is hired: it runs on the workers that are there\n");
	if (code == EXIT_CODE_OK)
		return io_print(&out);
	str_release(&out);
	return code;
}

static int print_origins(struct compilation *c)
{
	struct str out = STR_INIT;

	compile_origins(c, &out);
	return io_print(&out);
}

int plan(struct run_options *o, struct compilation *c)
{
	const struct submission *s = compile_submission(c);
	struct submission hiring = *s;
	struct arena arena;
	int code;

	if (o->probe && probe(s) != EXIT_CODE_OK)
		return EXIT_CODE_COMPILE;
	arena_init(&arena);
	if (o->recruit.provider != NULL)
		hiring = recruit_apply(&o->recruit, s, &arena);
	if (o->simulated)
		code = simulate_plan(o, &hiring);
	else if (o->diff)
		code = print_difference(o, s);
	else if (o->origin)
		code = print_origins(c);
	else
		code = print_plan(o, c, &hiring);
	arena_release(&arena);
	return code;
}
