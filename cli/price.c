#include "cli/price.h"

#include "cli/limited.h"
#include "cli/ndjson.h"
#include "model/json.h"
#include "server/recruit/decision.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps that a note names. */
#define NAMES_TOLD 5

/* Machines of one kind that are made. */
struct placed {
	struct machine machine;
	int64_t n;
};

struct placings {
	VEC(struct placed) list;
};

struct hiring {
	const struct recruiter *row;
	struct wanted wanted;
	const char *problem; /* its flavor cannot be read: why; NULL: it can */
	int64_t number;      /* that it makes at most; 0: it makes none */
};

struct step_price {
	int64_t workers;
	double per_hour;
	double seconds;         /* of all its tasks, one after the other */
	const char *seconds_of; /* given, past, run_timeout; NULL: not known */
	bool untimed;           /* nothing but that keeps its cost from being known */
	double least, most;
	struct placings machines;
};

struct pricing {
	const struct submission *s;
	const struct forecast *f;
	struct arena arena;
	struct offers offers;
	struct hiring *hirings; /* of s->recruiters */
	struct step_price *steps;
	int64_t *left;       /* of the quota of each offer */
	struct placings all; /* where all steps have their most workers at once */
	struct step_price total;
	VEC(const char *) notes;
};

#define note(p, ...) vec_push(&(p)->notes, arena_printf(&(p)->arena, __VA_ARGS__))

static bool deploys(const struct recruiter *row)
{
	return row->worker_provider != NULL && row->worker_region != NULL;
}

bool price_applies(const struct submission *s)
{
	for (size_t i = 0; i < s->recruiter_count; i++) {
		if (deploys(&s->recruiters[i]))
			return true;
	}
	return false;
}

static bool is_of(const struct recruiter *row, const struct submission_step *step)
{
	return strcmp(row->batch, step->batch) == 0;
}

/* ---- machines ---- */

static int64_t smaller(int64_t a, int64_t b)
{
	return b == INT_NULL || (a != INT_NULL && a < b) ? a : b;
}

static void renew_quotas(struct pricing *p)
{
	for (size_t i = 0; i < p->offers.list.n; i++) {
		double available = p->offers.list.v[i].machine.available;

		p->left[i] = isnan(available) ? OFFER_UNTOLD_QUOTA : (int64_t)available;
	}
}

/* Where nobody says what is offered: some machine as it is asked for. */
static bool is_untold(const struct pricing *p, const struct recruiter *row, struct offer *offer)
{
	*offer = (struct offer){.machine = machine_unknown};
	offer->machine.name = row->worker_flavor;
	offer->machine.provider = row->worker_provider;
	offer->machine.region = row->worker_region;
	return p->f->offers_of == OFFERS_NONE;
}

/* What the recruiter would take of what is left, the first choice first. How many it finds. */
static int64_t place(struct pricing *p, const struct hiring *h, struct placings *out)
{
	const struct wish wish = {.wanted = &h->wanted,
	                          .provider = h->row->worker_provider,
	                          .region = h->row->worker_region,
	                          .min_cpu = NAN,
	                          .min_ram = NAN,
	                          .min_disk = NAN,
	                          .max_eviction = NAN};
	const struct offer **fits =
	        arena_array(&p->arena, const struct offer *, p->offers.list.n + 1);
	struct offer named;
	int64_t missing = h->number;
	size_t n = 0;

	for (size_t i = 0; i < p->offers.list.n; i++) {
		if (offer_fits(&p->offers.list.v[i], &wish))
			fits[n++] = &p->offers.list.v[i];
	}
	qsort(fits, n, sizeof(*fits), offer_compare);
	for (size_t i = 0; i < n && missing > 0; i++) {
		int64_t *left = &p->left[fits[i] - p->offers.list.v];
		int64_t number = *left < missing ? *left : missing;

		if (number <= 0)
			continue;
		vec_push(&out->list, ((struct placed){fits[i]->machine, number}));
		*left -= number;
		missing -= number;
	}
	if (n == 0 && missing > 0 && (offer_named(&wish, &named) || is_untold(p, h->row, &named))) {
		vec_push(&out->list, ((struct placed){named.machine, missing}));
		missing = 0;
	}
	return h->number - missing;
}

static int by_price(const void *x, const void *y)
{
	double a = ((const struct placed *)x)->machine.cost,
	       b = ((const struct placed *)y)->machine.cost;

	/* What is not known may be the dearest. */
	if (isnan(a) || isnan(b))
		return isnan(b) - isnan(a);
	return (a < b) - (a > b);
}

/* The dearest of them, `most` altogether (INT_NULL: all); how many, and what they cost. */
static int64_t dearest(struct placings *places, int64_t most, double *per_hour)
{
	int64_t workers = 0;
	size_t kept = 0;

	if (places->list.n > 0)
		qsort(places->list.v, places->list.n, sizeof(*places->list.v), by_price);
	*per_hour = 0;
	for (; kept < places->list.n && (most == INT_NULL || workers < most); kept++) {
		struct placed *one = &places->list.v[kept];

		if (most != INT_NULL && one->n > most - workers)
			one->n = most - workers;
		workers += one->n;
		*per_hour += (double)one->n * one->machine.cost;
	}
	places->list.n = kept;
	return workers;
}

/* What step i may have at most, added to `out`; of its recruiters each can be the one that hires.
 */
static int64_t place_step(struct pricing *p, uint32_t i, struct placings *out, bool tell)
{
	const struct submission_step *step = &p->s->steps[i];
	int64_t most = 0;

	for (size_t k = 0; k < p->s->recruiter_count; k++) {
		const struct hiring *h = &p->hirings[k];
		int64_t found;

		if (!is_of(h->row, step) || h->number == 0)
			continue;
		found = place(p, h, out);
		most = found > most ? found : most;
		if (!tell || found == h->number || p->f->offers_of == OFFERS_NONE)
			continue;
		if (found == 0)
			note(p, "%s: no machine of flavor %s is offered by %s in %s", step->name,
			     h->row->worker_flavor, h->row->worker_provider, h->row->worker_region);
		else
			note(p,
			     "%s: %" PRId64 " machines of flavor %s are called for, %" PRId64
			     " are within the quota",
			     step->name, h->number, h->row->worker_flavor, found);
	}
	return most;
}

static void read_hiring(struct pricing *p, struct hiring *h, const struct recruiter *row)
{
	struct problem problem = {0};
	uint32_t i = 0;
	enum decision_reason reason;

	h->row = row;
	while (i < p->s->step_count && !is_of(row, &p->s->steps[i]))
		i++;
	if (!wanted_parse(&h->wanted, "flavor", row->worker_flavor, &p->arena, &problem)) {
		h->problem = arena_strdup(&p->arena, problem.message);
		note(p, "%s: %s", row->batch, h->problem);
	} else if (deploys(row) && i < p->s->step_count) {
		const struct demand demand = {.pending = p->s->steps[i].task_count};

		h->number = smaller(decision_need(row, &demand, &reason), p->s->maximum_workers);
	}
}

/* ---- durations ---- */

static void time_step(struct pricing *p, uint32_t i)
{
	struct step_price *price = &p->steps[i];

	price->seconds_of = p->f->seconds_of[i];
	if (price->seconds_of != NULL) {
		price->seconds = p->f->seconds[i] * p->s->steps[i].task_count;
	} else {
		price->seconds = limited_seconds(p->s, &p->s->steps[i]);
		price->seconds_of = isnan(price->seconds) ? NULL : "run_timeout";
	}
}

/* ---- costs ---- */

static bool may_serve(const struct hiring *h, const struct machine *machine)
{
	const struct recruiter *row = h->row;

	return h->problem == NULL &&
	       (is_auto(row->worker_provider) ||
	        strcmp(row->worker_provider, machine->provider) == 0) &&
	       (is_auto(row->worker_region) || strcmp(row->worker_region, machine->region) == 0) &&
	       wanted_holds(&h->wanted, machine);
}

/* The cheapest and the dearest machine that the step may come to run on. */
struct range {
	double least, most;
	bool any, unknown;
};

static void widen(struct pricing *p, const struct submission_step *step,
                  const struct placings *places, struct range *range)
{
	for (size_t i = 0; i < places->list.n; i++) {
		const struct machine *m = &places->list.v[i].machine;
		bool serves = false;

		for (size_t k = 0; k < p->s->recruiter_count; k++)
			serves |= is_of(p->hirings[k].row, step) && may_serve(&p->hirings[k], m);
		if (!serves)
			continue;
		range->any = true;
		range->unknown |= isnan(m->cost);
		range->least = fmin(range->least, m->cost);
		range->most = fmax(range->most, m->cost);
	}
}

/* Tasks of the step that fill a worker. */
static int64_t concurrency_of(const struct pricing *p, const struct submission_step *step)
{
	int64_t most = 1;

	for (size_t k = 0; k < p->s->recruiter_count; k++) {
		const struct recruiter *row = p->hirings[k].row;

		if (is_of(row, step) && row->worker_concurrency > most)
			most = row->worker_concurrency;
	}
	return most;
}

/*
 * Most: each task has a worker for itself, the dearest that the step may have, also one that
 * another step hired. Least: workers are full, and of the cheapest kind; of a limit there is no
 * least.
 */
static void cost_step(struct pricing *p, uint32_t i)
{
	const struct submission_step *step = &p->s->steps[i];
	struct step_price *price = &p->steps[i];
	struct range range = {.least = HUGE_VAL};
	int64_t at_once = concurrency_of(p, step);

	price->least = price->most = (double)NAN;
	widen(p, step, &p->all, &range);
	for (uint32_t k = 0; k < p->s->step_count; k++)
		widen(p, step, &p->steps[k].machines, &range);
	if (!range.any && price->workers == 0) {
		/* Nobody that this run hires: it costs what those cost that are there. */
		price->least = price->most = 0;
		return;
	}
	time_step(p, i);
	if (range.unknown || !range.any)
		return;
	price->untimed = price->seconds_of == NULL;
	if (price->untimed)
		return;
	price->most = price->seconds * range.most / 3600;
	if (strcmp(price->seconds_of, "run_timeout") != 0)
		price->least = ceil((double)step->task_count / (double)at_once) * p->f->seconds[i] *
		               range.least / 3600;
}

static void read_pricing(struct pricing *p, const struct submission *s, const struct forecast *f)
{
	*p = (struct pricing){.s = s, .f = f};
	arena_init(&p->arena);
	offers_init(&p->offers);
	forecast_offers(f, &p->offers);
	p->left = xcalloc(p->offers.list.n + 1, sizeof(*p->left));
	p->hirings = arena_array(&p->arena, struct hiring, s->recruiter_count + 1);
	p->steps = arena_array(&p->arena, struct step_price, s->step_count + 1);
	for (size_t k = 0; k < s->recruiter_count; k++)
		read_hiring(p, &p->hirings[k], &s->recruiters[k]);
	/* Alone, a step takes the first choice of what is offered; */
	for (uint32_t i = 0; i < s->step_count; i++) {
		struct step_price *price = &p->steps[i];

		renew_quotas(p);
		price->workers = place_step(p, i, &price->machines, true);
		price->workers = dearest(&price->machines, price->workers, &price->per_hour);
	}
	/* all at once they share it. */
	renew_quotas(p);
	for (uint32_t i = 0; i < s->step_count; i++) {
		struct placings own = {0};
		double per_hour;

		dearest(&own, place_step(p, i, &own, false), &per_hour);
		for (size_t k = 0; k < own.list.n; k++)
			vec_push(&p->all.list, own.list.v[k]);
		vec_release(&own.list);
	}
	p->total.workers = dearest(&p->all, s->maximum_workers, &p->total.per_hour);
	for (uint32_t i = 0; i < s->step_count; i++) {
		cost_step(p, i);
		p->total.least += p->steps[i].least;
		p->total.most += p->steps[i].most;
	}
}

static void pricing_release(struct pricing *p)
{
	for (uint32_t i = 0; i < p->s->step_count; i++)
		vec_release(&p->steps[i].machines.list);
	vec_release(&p->all.list);
	vec_release(&p->notes);
	free(p->left);
	offers_release(&p->offers);
	arena_release(&p->arena);
}

/* ---- telling ---- */

static void add_money(struct str *out, double value)
{
	if (value > 0 && value < 0.005)
		str_addf(out, " %10s", "<0.01");
	else if (isnan(value))
		str_addf(out, " %10s", "-");
	else
		str_addf(out, " %10.2f", value);
}

/* "2 fit and 2 big of azure in here" */
static void add_machines(struct str *out, const struct placings *places)
{
	const struct machine *before = NULL;

	for (size_t i = 0; i < places->list.n; i++) {
		const struct placed *one = &places->list.v[i];
		const struct machine *m = &one->machine,
		                     *next = i + 1 < places->list.n ? &one[1].machine : NULL;

		str_addf(out, "%s%" PRId64 " %s", before ? ", " : "  ", one->n, m->name);
		if (next == NULL || strcmp(next->provider, m->provider) != 0 ||
		    strcmp(next->region, m->region) != 0)
			str_addf(out, " of %s in %s", m->provider, m->region);
		before = m;
	}
}

/* The length of one task, of limits with all attempts. */
static double task_seconds(const struct pricing *p, uint32_t i)
{
	const struct step_price *price = &p->steps[i];

	return price->seconds_of && p->s->steps[i].task_count > 0
	               ? price->seconds / p->s->steps[i].task_count
	               : (double)NAN;
}

static void add_step(const struct pricing *p, uint32_t i, struct str *out)
{
	const struct submission_step *step = &p->s->steps[i];
	const struct step_price *price = &p->steps[i];
	char seconds[48] = "-";

	str_addf(out, "%-20s %8u %8" PRId64, step->name, step->task_count, price->workers);
	add_money(out, price->per_hour);
	if (price->seconds_of != NULL)
		snprintf(seconds, sizeof(seconds), "%g %s", task_seconds(p, i), price->seconds_of);
	str_addf(out, " %18s", seconds);
	add_money(out, price->least);
	add_money(out, price->most);
	if (price->machines.list.n > 0)
		add_machines(out, &price->machines);
	else if (price->most > 0 || price->untimed)
		str_adds(out, "  those of other steps");
	str_addc(out, '\n');
}

static void add_total(const struct pricing *p, struct str *out)
{
	const struct step_price *total = &p->total;

	str_addf(out, "at most %" PRId64 " worker%s", total->workers,
	         total->workers == 1 ? "" : "s");
	if (!isnan(total->per_hour))
		str_addf(out, " for %.2f an hour", total->per_hour);
	if (isnan(total->per_hour))
		str_adds(out, "; what they cost is not known");
	else if (isnan(total->most))
		str_adds(out, "; the ceiling is per hour only");
	else if (isnan(total->least))
		str_addf(out, ", at most %.2f for all tasks", total->most);
	else
		str_addf(out, ", %.2f to %.2f for all tasks", total->least, total->most);
	str_addc(out, '\n');
}

/* "a, b and 3 more" steps of which nothing but the price is known. */
static void note_untimed(struct pricing *p)
{
	struct str names = STR_INIT;
	size_t n = 0;

	for (uint32_t i = 0; i < p->s->step_count; i++) {
		if (p->steps[i].untimed && n++ < NAMES_TOLD)
			str_addf(&names, "%s%s", n > 1 ? ", " : "", p->s->steps[i].name);
	}
	if (n > NAMES_TOLD)
		str_addf(&names, " and %zu more", n - NAMES_TOLD);
	if (n > 0)
		note(p,
		     "how long tasks take of %s is not known (run_timeout, --seconds, or a server "
		     "that "
		     "has run them): the ceiling is per hour only",
		     names.p);
	str_release(&names);
}

static void note_prices(struct pricing *p)
{
	const char *last = NULL;

	note_untimed(p);
	if (p->f->made_up)
		note(p, "the machines are made up to fit: --offers FILE, or a server, says what "
		        "there is");
	if (p->f->offers_of == OFFERS_NONE) {
		note(p, "nobody tells what is offered at which price: --offers FILE does, --price "
		        "N, or a server that has the providers");
		return;
	}
	for (size_t i = 0; i < p->all.list.n; i++) {
		const struct machine *m = &p->all.list.v[i].machine;

		if (!isnan(m->cost) || (last != NULL && strcmp(last, m->name) == 0))
			continue;
		last = m->name;
		note(p, "no price is known of %s of %s in %s", m->name, m->provider, m->region);
	}
}

void price_text(const struct submission *s, const struct forecast *f, const char *where,
                struct str *out)
{
	struct pricing p;

	read_pricing(&p, s, f);
	note_prices(&p);
	str_adds(out, "\nworkers and cost");
	if (where != NULL)
		str_addf(out, ", as %s offers machines now", where);
	str_addf(out, "\n%-20s %8s %8s %10s %18s %10s %10s  %s\n", "step", "tasks", "workers",
	         "an hour", "seconds a task", "full", "at most", "machines");
	for (uint32_t i = 0; i < s->step_count; i++)
		add_step(&p, i, out);
	add_total(&p, out);
	for (size_t i = 0; i < p.notes.n; i++)
		str_addf(out, "%s\n", p.notes.v[i]);
	pricing_release(&p);
}

static json_t *number_json(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *machines_json(const struct placings *places)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->list.n; i++) {
		const struct placed *one = &places->list.v[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I, s:o}", "provider",
		                                      json_text(one->machine.provider), "region",
		                                      json_text(one->machine.region), "flavor",
		                                      json_text(one->machine.name), "workers",
		                                      (json_int_t)one->n, "cost",
		                                      number_json(one->machine.cost)));
	}
	return list;
}

void price_json(const struct submission *s, const struct forecast *f, const char *where,
                struct str *out)
{
	json_t *notes = json_array();
	struct pricing p;

	read_pricing(&p, s, f);
	note_prices(&p);
	for (uint32_t i = 0; i < s->step_count; i++) {
		const struct step_price *price = &p.steps[i];

		ndjson_line(out, "step_cost",
		            json_pack("{s:s, s:I, s:I, s:o, s:o, s:s?, s:o, s:o, s:o}", "step",
		                      s->steps[i].name, "tasks", (json_int_t)s->steps[i].task_count,
		                      "workers", (json_int_t)price->workers, "per_hour",
		                      number_json(price->per_hour), "seconds",
		                      number_json(task_seconds(&p, i)), "seconds_of",
		                      price->seconds_of, "least", number_json(price->least), "most",
		                      number_json(price->most), "machines",
		                      machines_json(&price->machines)));
	}
	for (size_t i = 0; i < p.notes.n; i++)
		json_array_append_new(notes, json_text(p.notes.v[i]));
	ndjson_line(out, "cost",
	            json_pack("{s:I, s:o, s:o, s:o, s:o, s:s?, s:o, s:o}", "workers",
	                      (json_int_t)p.total.workers, "per_hour",
	                      number_json(p.total.per_hour), "least", number_json(p.total.least),
	                      "most", number_json(p.total.most), "max_cost",
	                      number_json(s->max_cost), "offers_of",
	                      offers_source_text(f->offers_of), "where", json_text(where), "notes",
	                      notes));
	pricing_release(&p);
}
