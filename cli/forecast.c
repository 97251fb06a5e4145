#include "cli/forecast.h"

#include "base/clock.h"
#include "cli/io.h"
#include "cli/run_options.h"
#include "model/json.h"
#include "runtime/session.h"
#include "server/recruit/protofilter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 60.0
/* Executions of each step that are looked at, the newest. */
#define PAST 200
#define OFFERS_MOST 1000000
#define PATIENCE_MS 30000
/* What stands for a provider, a region or a flavor that is to be chosen from nothing. */
#define ANY "any"

/* Durations. */

static int read_seconds(struct forecast *f, const char *text)
{
	const struct submission *s = f->submission;
	const char *sign = strrchr(text, '='), *number = sign ? sign + 1 : text;
	char *end;
	double seconds = strtod(number, &end);
	bool found = sign == NULL;

	if (end == number || *end != '\0' || !(seconds >= 0) || isinf(seconds))
		return usage_error("--seconds takes N or STEP=N, not '%s'", text);
	for (uint32_t i = 0; i < s->step_count; i++) {
		const char *name = s->steps[i].name;
		bool is_named = sign != NULL && strlen(name) == (size_t)(sign - text) &&
		                strncmp(name, text, strlen(name)) == 0;

		found |= is_named;
		if (is_named || (sign == NULL && f->seconds_of[i] == NULL)) {
			f->seconds[i] = seconds;
			f->seconds_of[i] = "given";
		}
	}
	return found ? 0 : usage_error("--seconds: there is no step in '%s'", text);
}

/* Those that name a step go before those that mean the rest. */
static int read_given(struct forecast *f, const struct forecast_options *options)
{
	int code = 0;

	for (int rest = 0; rest < 2; rest++) {
		for (size_t i = 0; i < options->seconds.n && code == 0; i++) {
			const char *text = options->seconds.v[i];

			if ((strchr(text, '=') == NULL) == (rest == 1))
				code = read_seconds(f, text);
		}
	}
	return code;
}

static bool date_of(const json_t *row, const char *name, int64_t *date)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL && date_parse(text, date);
}

/* The mean of what the server has seen of the step; NaN: nothing. */
static double mean_seconds(const json_t *rows)
{
	double sum = 0;
	json_t *row;
	size_t i, n = 0;

	json_array_foreach(rows, i, row)
	{
		int64_t start, end;

		if (!date_of(row, "start_date", &start) || !date_of(row, "end_date", &end))
			continue;
		sum += (double)(end - start) / 1e6;
		n++;
	}
	return n > 0 ? sum / (double)n : (double)NAN;
}

static bool ask(struct client *client, const char *path, const json_t *body, json_t **reply)
{
	if (client_call(client, "GET", path, body, PATIENCE_MS, reply) == CLIENT_OK)
		return true;
	fprintf(stderr, "scitq-run: %s\n", client->error.p);
	return false;
}

static bool read_past(struct forecast *f, struct client *client)
{
	for (uint32_t i = 0; i < f->submission->step_count; i++) {
		json_t *body, *rows = NULL;
		bool ok;
		double mean;

		if (f->seconds_of[i] != NULL)
			continue;
		body = json_pack("{s:s, s:s, s:i, s:b, s:b, s:s}", "batch",
		                 f->submission->steps[i].batch, "status", "succeeded", "limit",
		                 PAST, "reverse", 1, "no_output", 1, "view", "full");
		ok = ask(client, "/executions/", body, &rows);
		mean = mean_seconds(rows);
		json_decref(body);
		json_decref(rows);
		if (!ok)
			return false;
		if (!isnan(mean)) {
			f->seconds[i] = mean;
			f->seconds_of[i] = "past";
		}
	}
	return true;
}

/* Offers. */

static json_t *provider_of(struct forecast *f, const char *name)
{
	json_t *provider = json_object_get(f->offers, name);

	if (provider == NULL) {
		provider = json_pack("{s:[], s:[], s:[]}", "regions", "flavors", "metrics");
		json_object_set_new(f->offers, name, provider);
	}
	return provider;
}

static void add(json_t *provider, const char *list, json_t *row)
{
	json_t *rows = json_object_get(provider, list), *other;
	size_t i;

	json_array_foreach(rows, i, other)
	{
		if (json_equal(other, row)) {
			json_decref(row);
			return;
		}
	}
	json_array_append_new(rows, row);
}

static void copy_members(json_t *to, const json_t *from, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *value = json_object_get(from, names[i]);

		if (value != NULL && !json_is_null(value))
			json_object_set(to, names[i], value);
	}
}

static bool read_offered(struct forecast *f, struct client *client)
{
	static const char *const of_flavor[] = {"name", "cpu",    "ram", "disk",
	                                        "gpu",  "gpumem", "tags"},
	                         *const of_metrics[] = {"region", "available", "cost", "eviction"};
	json_t *body = json_pack("{s:i, s:i}", "limit", OFFERS_MOST, "max_eviction", 100),
	       *rows = NULL, *row;
	bool ok = ask(client, "/flavor/", body, &rows);
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *provider =
		        provider_of(f, json_string_value(json_object_get(row, "provider")));
		json_t *flavor = json_object(), *metrics = json_object();

		copy_members(flavor, row, of_flavor, sizeof(of_flavor) / sizeof(of_flavor[0]));
		copy_members(metrics, row, of_metrics, sizeof(of_metrics) / sizeof(of_metrics[0]));
		json_object_set(metrics, "flavor", json_object_get(row, "name"));
		add(provider, "regions",
		    json_pack("{s:O}", "name", json_object_get(row, "region")));
		add(provider, "flavors", flavor);
		json_array_append_new(json_object_get(provider, "metrics"), metrics);
	}
	json_decref(body);
	json_decref(rows);
	return ok;
}

static const char *or_any(const char *text)
{
	return is_auto(text) ? ANY : text;
}

static void set_number(json_t *object, const char *name, double value)
{
	if (!isnan(value))
		json_object_set_new(object, name, json_real(value));
}

/* A machine that just fulfills what the recruiter asks for. */
static void make_up(struct forecast *f, const struct recruiter *row)
{
	struct machine machine = machine_unknown;
	struct problem ignored = {0};
	struct wanted wanted;
	struct arena arena;
	json_t *provider, *flavor;
	const char *name;

	arena_init(&arena);
	if (wanted_parse(&wanted, "flavor", row->worker_flavor, &arena, &ignored)) {
		protofilter_least(&wanted.filter, &machine, &arena);
		name = wanted.name ? wanted.name : machine.name ? machine.name : row->worker_flavor;
		provider = provider_of(f, or_any(row->worker_provider));
		flavor = json_pack("{s:s, s:o, s:o}", "name", name, "tags", json_text(machine.tags),
		                   "gpu", json_text(machine.gpu));
		if (!isnan(machine.cpu))
			json_object_set_new(flavor, "cpu",
			                    json_integer((json_int_t)ceil(machine.cpu)));
		set_number(flavor, "ram", machine.ram);
		set_number(flavor, "disk", machine.disk);
		set_number(flavor, "gpumem", machine.gpumem);
		add(provider, "regions", json_pack("{s:s}", "name", or_any(row->worker_region)));
		add(provider, "flavors", flavor);
		add(provider, "metrics",
		    json_pack("{s:s, s:s}", "flavor", name, "region", or_any(row->worker_region)));
	}
	arena_release(&arena);
}

static int read_offers_file(struct forecast *f, const char *path)
{
	struct problem problem = {0};
	struct str text = STR_INIT;
	int code = 0;

	if (!io_read(path, &text))
		return EXIT_CODE_USAGE;
	json_decref(f->offers);
	f->offers = json_parse(text.p, text.len, &problem);
	if (f->offers == NULL)
		code = usage_error("--offers %s: %s", path, problem.message);
	else if (!json_is_object(f->offers))
		code = usage_error("--offers %s holds no object of providers", path);
	str_release(&text);
	return code;
}

/* Every provider that a recruiter names has to be known. */
static int settle_providers(struct forecast *f, const struct forecast_options *options)
{
	const struct submission *s = f->submission;
	const char *name;
	json_t *value;
	size_t n = 0;

	if (json_object_size(f->offers) == 0 && options->offers == NULL) {
		f->made_up = true;
		for (size_t i = 0; i < s->recruiter_count; i++) {
			const struct recruiter *row = &s->recruiters[i];

			if (row->worker_provider != NULL && row->worker_region != NULL)
				make_up(f, row);
		}
	}
	for (size_t i = 0; i < s->recruiter_count; i++) {
		name = s->recruiters[i].worker_provider;
		if (!is_auto(name) && json_object_get(f->offers, name) == NULL &&
		    s->recruiters[i].worker_region != NULL)
			return usage_error("%s says nothing of provider %s",
			                   options->offers ? options->offers : "the server", name);
	}
	f->providers = xcalloc(json_object_size(f->offers) + 1, sizeof(*f->providers));
	json_object_foreach(f->offers, name, value)
	{
		f->providers[n++] = name;
	}
	return 0;
}

int forecast_read(struct forecast *f, const struct submission *s,
                  const struct forecast_options *options)
{
	struct client client;
	int code;

	*f = (struct forecast){.submission = s, .offers = json_object()};
	f->seconds = xcalloc(s->step_count + 1, sizeof(*f->seconds));
	f->seconds_of = xcalloc(s->step_count + 1, sizeof(*f->seconds_of));
	code = read_given(f, options);
	if (code == 0 && options->offers != NULL)
		code = read_offers_file(f, options->offers);
	if (code == 0 && options->team->server != NULL) {
		client_init(&client, options->team);
		if (!read_past(f, &client) ||
		    (options->offers == NULL && !read_offered(f, &client)))
			code = EXIT_CODE_SERVER;
		client_release(&client);
	}
	for (uint32_t i = 0; i < s->step_count; i++) {
		if (f->seconds_of[i] == NULL) {
			f->seconds[i] = SECONDS;
			f->seconds_of[i] = "assumed";
		}
	}
	return code == 0 ? settle_providers(f, options) : code;
}

void forecast_release(struct forecast *f)
{
	free(f->seconds);
	free(f->seconds_of);
	free(f->providers);
	json_decref(f->offers);
}
