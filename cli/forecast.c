#include "cli/forecast.h"

#include "base/clock.h"
#include "base/map.h"
#include "cli/io.h"
#include "cli/run_options.h"
#include "model/json.h"
#include "model/member.h"
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

/* N for what its name says, or for all that none names: of --seconds and --price. */
struct amount {
	const char *name; /* NULL: the rest */
	size_t len;
	double n;
};

/* False where it is neither N nor NAME=N, N being finite and not negative. */
static bool read_amount(const char *text, struct amount *a)
{
	const char *sign = strrchr(text, '='), *number = sign ? sign + 1 : text;
	char *end;

	*a = (struct amount){.name = sign ? text : NULL, .len = sign ? (size_t)(sign - text) : 0};
	a->n = strtod(number, &end);
	return end != number && *end == '\0' && a->n >= 0 && !isinf(a->n);
}

static bool is_named(const struct amount *a, const char *name)
{
	return a->name != NULL && name != NULL && strlen(name) == a->len &&
	       strncmp(name, a->name, a->len) == 0;
}

/* Those with a name go before those that mean the rest. 0, or an exit code. */
static int read_amounts(struct forecast *f, const char *const *list, size_t n,
                        int (*read)(struct forecast *f, const char *text))
{
	int code = 0;

	for (int rest = 0; rest < 2; rest++) {
		for (size_t i = 0; i < n && code == 0; i++) {
			if ((strchr(list[i], '=') == NULL) == (rest == 1))
				code = read(f, list[i]);
		}
	}
	return code;
}

/* Durations. */

static int read_seconds(struct forecast *f, const char *text)
{
	const struct submission *s = f->submission;
	struct amount seconds;
	bool found;

	if (!read_amount(text, &seconds))
		return usage_error("--seconds takes N or STEP=N, not '%s'", text);
	found = seconds.name == NULL;
	for (uint32_t i = 0; i < s->step_count; i++) {
		bool named = is_named(&seconds, s->steps[i].name);

		found |= named;
		if (named || (seconds.name == NULL && f->seconds_of[i] == NULL)) {
			f->seconds[i] = seconds.n;
			f->seconds_of[i] = "given";
		}
	}
	return found ? 0 : usage_error("--seconds: there is no step in '%s'", text);
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

static enum client_result read_past(struct forecast *f, struct client *client)
{
	for (uint32_t i = 0; i < f->submission->step_count; i++) {
		json_t *body, *rows = NULL;
		enum client_result got;
		double mean;

		if (f->seconds_of[i] != NULL)
			continue;
		body = json_pack("{s:s, s:s, s:i, s:b, s:b, s:s}", "batch",
		                 f->submission->steps[i].batch, "status", "succeeded", "limit",
		                 PAST, "reverse", 1, "no_output", 1, "view", "full");
		got = client_call(client, "GET", "/executions/", body, PATIENCE_MS, &rows);
		mean = mean_seconds(rows);
		json_decref(body);
		json_decref(rows);
		if (got != CLIENT_OK)
			return got;
		if (!isnan(mean)) {
			f->seconds[i] = mean;
			f->seconds_of[i] = "past";
		}
	}
	return CLIENT_OK;
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

static enum client_result read_offered(struct forecast *f, struct client *client)
{
	static const char *const of_flavor[] = {"name", "cpu",    "ram",  "disk",
	                                        "gpu",  "gpumem", "tags", "gpus"},
	                         *const of_metrics[] = {"region", "available", "cost", "eviction",
	                                                "walltime"};
	/* Bare metal is told only to those who speak of it. */
	json_t *body = json_pack("{s:i, s:i, s:s}", "limit", OFFERS_MOST, "max_eviction", 100,
	                         "protofilters", "name!=metal"),
	       *rows = NULL, *row;
	enum client_result got = client_call(client, "GET", "/flavor/", body, PATIENCE_MS, &rows);
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
	return got;
}

/* What the server knows. That of a state directory comes and goes: gone it knows nothing. */
static bool read_server(struct forecast *f, const struct forecast_options *options)
{
	enum client_result got = read_past(f, options->client);

	if (got == CLIENT_OK && options->offers == NULL)
		got = read_offered(f, options->client);
	if (got == CLIENT_OK || (got == CLIENT_UNREACHABLE && !options->named))
		return true;
	fprintf(stderr, "scitq-run: %s\n", options->client->error.p);
	return options->optional;
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

	f->made_up = true;
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
		if (!isnan(machine.gpus))
			json_object_set_new(flavor, "gpus",
			                    json_integer((json_int_t)ceil(machine.gpus)));
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

/* Prices. */

static double number_of(const json_t *row, const char *name)
{
	const json_t *value = json_object_get(row, name);

	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* Flavors of a provider by name. */
static void index_flavors(json_t *provider, struct map *flavors)
{
	json_t *flavor;
	size_t i;

	json_array_foreach(json_object_get(provider, "flavors"), i, flavor)
	{
		const char *name = member_string(flavor, "name");

		if (name != NULL)
			*map_put(flavors, name, strlen(name), NULL) = (uint64_t)(uintptr_t)flavor;
	}
}

static json_t *flavor_of(const struct map *flavors, const json_t *metrics)
{
	const char *name = member_string(metrics, "flavor");
	const uint64_t *flavor = name ? map_get(flavors, name, strlen(name)) : NULL;

	return flavor ? (json_t *)(uintptr_t)*flavor : NULL;
}

/* Of machines of a flavor, or of a cpu of those whose price is not known. True where the flavor is
   offered. */
static bool set_price(json_t *provider, const struct map *flavors, const struct amount *price)
{
	bool found = false;
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(provider, "metrics"), i, row)
	{
		double cpu = number_of(flavor_of(flavors, row), "cpu");

		if (price->name == NULL) {
			if (isnan(number_of(row, "cost")))
				set_number(row, "cost", price->n * cpu);
		} else if (is_named(price, member_string(row, "flavor"))) {
			set_number(row, "cost", price->n);
			found = true;
		}
	}
	return found;
}

static bool set_prices(struct forecast *f, const struct amount *price)
{
	bool found = price->name == NULL;
	const char *name;
	json_t *provider;

	json_object_foreach(f->offers, name, provider)
	{
		struct map flavors = MAP_INIT;

		index_flavors(provider, &flavors);
		found |= set_price(provider, &flavors, price);
		map_release(&flavors);
	}
	return found;
}

static int read_price(struct forecast *f, const char *text)
{
	struct amount price;

	if (!read_amount(text, &price))
		return usage_error("--price takes N or FLAVOR=N, not '%s'", text);
	return set_prices(f, &price)
	               ? 0
	               : usage_error("--price: there is no flavor '%.*s'", (int)price.len, text);
}

/* Where nobody knows of a machine those that are asked for are made up, to be played or priced. */
static void make_up_all(struct forecast *f)
{
	const struct submission *s = f->submission;

	f->offers_of = OFFERS_MADE_UP;
	for (size_t i = 0; i < s->recruiter_count; i++) {
		const struct recruiter *row = &s->recruiters[i];

		if (row->worker_provider != NULL && row->worker_region != NULL)
			make_up(f, row);
	}
}

static int settle_providers(struct forecast *f, const struct forecast_options *options)
{
	const struct submission *s = f->submission;
	const char *name;
	json_t *value, *known;
	size_t n = 0;

	if (f->offers_of == OFFERS_NONE && (options->assume || options->prices.n > 0))
		make_up_all(f);
	known = json_copy(f->offers);
	/* Every provider that a recruiter names has to be known to be played. */
	for (size_t i = 0; options->assume && i < s->recruiter_count; i++) {
		name = s->recruiters[i].worker_provider;
		if (is_auto(name) || json_object_get(known, name) != NULL ||
		    s->recruiters[i].worker_region == NULL)
			continue;
		if (options->offers != NULL || options->named) {
			json_decref(known);
			return usage_error("%s says nothing of provider %s",
			                   options->offers ? options->offers : "the server", name);
		}
		make_up(f, &s->recruiters[i]);
	}
	json_decref(known);
	f->providers = xcalloc(json_object_size(f->offers) + 1, sizeof(*f->providers));
	json_object_foreach(f->offers, name, value)
	{
		f->providers[n++] = name;
	}
	return read_amounts(f, options->prices.v, options->prices.n, read_price);
}

int forecast_read(struct forecast *f, const struct submission *s,
                  const struct forecast_options *options)
{
	int code;

	*f = (struct forecast){.submission = s, .offers = json_object()};
	f->seconds = xcalloc(s->step_count + 1, sizeof(*f->seconds));
	f->seconds_of = xcalloc(s->step_count + 1, sizeof(*f->seconds_of));
	/* What deletes the outputs of others takes no time worth counting. */
	for (uint32_t i = 0; i < s->step_count; i++)
		f->seconds_of[i] = s->steps[i].first_task < s->first_removal ? NULL : "given";
	code = read_amounts(f, options->seconds.v, options->seconds.n, read_seconds);
	if (code == 0 && options->offers != NULL)
		code = read_offers_file(f, options->offers);
	if (code == 0 && options->client != NULL && !read_server(f, options))
		code = EXIT_CODE_SERVER;
	if (options->offers != NULL)
		f->offers_of = OFFERS_FILE;
	else if (json_object_size(f->offers) > 0)
		f->offers_of = OFFERS_SERVER;
	for (uint32_t i = 0; i < s->step_count; i++) {
		if (f->seconds_of[i] == NULL) {
			f->seconds[i] = options->assume ? SECONDS : (double)NAN;
			f->seconds_of[i] = options->assume ? "assumed" : NULL;
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

/* Offers as recruiters see them. */

static bool is_preferred(const json_t *provider, const char *region)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(provider, "regions"), i, row)
	{
		const char *name = member_string(row, "name");

		if (name != NULL && strcmp(name, region) == 0)
			return json_is_true(json_object_get(row, "preferred"));
	}
	return false;
}

static void add_offers(const char *name, json_t *provider, struct offers *offers)
{
	struct map flavors = MAP_INIT;
	json_t *row;
	size_t i;

	index_flavors(provider, &flavors);
	json_array_foreach(json_object_get(provider, "metrics"), i, row)
	{
		const json_t *flavor = flavor_of(&flavors, row);
		struct offer offer = {.machine = {.name = member_string(flavor, "name"),
		                                  .provider = name,
		                                  .region = member_string(row, "region"),
		                                  .tags = member_string(flavor, "tags"),
		                                  .gpu = member_string(flavor, "gpu"),
		                                  .cpu = number_of(flavor, "cpu"),
		                                  .ram = number_of(flavor, "ram"),
		                                  .disk = number_of(flavor, "disk"),
		                                  .gpumem = number_of(flavor, "gpumem"),
		                                  .cost = number_of(row, "cost"),
		                                  .eviction = number_of(row, "eviction"),
		                                  .available = number_of(row, "available")}};

		if (offer.machine.name == NULL || offer.machine.region == NULL)
			continue;
		offer.preferred = is_preferred(provider, offer.machine.region);
		vec_push(&offers->list, offer);
	}
	map_release(&flavors);
}

void forecast_offers(const struct forecast *f, struct offers *offers)
{
	const char *name;
	json_t *provider;

	json_object_foreach(f->offers, name, provider)
	{
		add_offers(name, provider, offers);
	}
}

const char *offers_source_text(enum offers_source source)
{
	static const char *const texts[] = {[OFFERS_NONE] = NULL,
	                                    [OFFERS_FILE] = "file",
	                                    [OFFERS_SERVER] = "server",
	                                    [OFFERS_MADE_UP] = "made up"};

	return texts[source];
}
