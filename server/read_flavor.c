/*
 * Flavors that fit, cheapest first, those of preferred regions before others.
 * Providers fill the three tables that are joined here. Also the protofilters
 * of v1: conditions on the columns of a result, with ':' between them, such as
 * cpu>=2:ram>4:name!~%metal%:tags#G.
 */
#include "base/map.h"
#include "base/vec.h"
#include "server/list.h"
#include "server/reader.h"
#include "store/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIMIT 10
#define MAX_EVICTION 5.0

enum operator{ OP_EQ, OP_NE, OP_GE, OP_LE, OP_GT, OP_LT, OP_LIKE, OP_UNLIKE, OP_HAS, OP_LACKS };

static const struct {
	const char *text;
	enum operator op;
} operators[] = {
        {">=", OP_GE},     {"<=", OP_LE},    {"==", OP_EQ}, {"!=", OP_NE},
        {"!~", OP_UNLIKE}, {"!#", OP_LACKS}, {">", OP_GT},  {"<", OP_LT},
        {"~", OP_LIKE},    {"#", OP_HAS},    {"=", OP_EQ},
};

struct condition {
	const char *name;
	enum operator op;
	const char *text;
	double number; /* NaN: the text is none */
};

struct offer {
	const struct flavor *flavor;
	struct flavor_metrics metrics;
	bool preferred;
};

struct offers {
	struct call *call;
	struct arena *arena;
	struct map flavors;   /* "provider/name" -> struct flavor * */
	struct map preferred; /* "provider/region" */
	VEC(struct offer) list;
	VEC(struct condition) conditions;
	const char *provider, *region;
	double min_cpu, min_ram, min_disk, max_eviction;
	bool metal; /* asked for */
};

/* % stands for any text, as in SQL; case does not matter. */
static bool is_like(const char *text, const char *pattern)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '%') {
			star = ++pattern;
			again = text;
		} else if (strncasecmp(text, pattern, 1) == 0) {
			text++;
			pattern++;
		} else if (star != NULL) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "%")] == '\0';
}

static bool numbers_match(enum operator op, double a, double b)
{
	switch (op) {
	case OP_EQ:
		return a >= b && a <= b;
	case OP_NE:
		return a < b || a > b;
	case OP_GE:
		return a >= b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	case OP_LT:
		return a < b;
	default:
		return false;
	}
}

static bool texts_match(enum operator op, const char *a, const char *b)
{
	switch (op) {
	case OP_EQ:
		return strcmp(a, b) == 0;
	case OP_NE:
		return strcmp(a, b) != 0;
	case OP_LIKE:
		return is_like(a, b);
	case OP_UNLIKE:
		return !is_like(a, b);
	case OP_HAS:
		return strstr(a, b) != NULL;
	case OP_LACKS:
		return strstr(a, b) == NULL;
	default:
		return false;
	}
}

static json_t *offer_json(const struct offer *offer)
{
	static const char *const names[] = {"region_name", "available", "cost", "eviction"};
	const struct table *table = table_get(TABLE_FLAVOR_METRICS);
	json_t *object = row_to_json(table_get(TABLE_FLAVOR), offer->flavor, VIEW_V1);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(object, i ? names[i] : "region",
		                    field_to_json(&table->fields[table_field(table, names[i])],
		                                  &offer->metrics));
	return object;
}

static bool condition_holds(const struct condition *c, const json_t *object)
{
	json_t *value = json_object_get(object, c->name);

	if (json_is_number(value))
		return numbers_match(c->op, json_number_value(value), c->number);
	return texts_match(c->op, json_is_string(value) ? json_string_value(value) : "", c->text);
}

static bool read_condition(struct offers *o, const char *text, size_t len)
{
	struct condition c = {.name = NULL};
	size_t name = strcspn(text, "<>=!~#");
	char *end;

	for (size_t i = 0; name < len && i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t n = strlen(operators[i].text);

		if (name + n > len || strncmp(text + name, operators[i].text, n) != 0)
			continue;
		c.name = arena_strndup(o->arena, text, name);
		c.op = operators[i].op;
		c.text = arena_strndup(o->arena, text + name + n, len - name - n);
		c.number = strtod(c.text, &end);
		if (end == c.text || *end != '\0')
			c.number = NAN;
		break;
	}
	if (c.name == NULL)
		return problem_set(&o->call->problem, PROBLEM_BAD_VALUE,
		                   "protofilters holds \"%.*s\", which is no condition such as "
		                   "cpu>=2",
		                   (int)(len < 80 ? len : 80), text);
	if (table_field(table_get(TABLE_FLAVOR), c.name) < 0 && strcmp(c.name, "region") != 0 &&
	    strcmp(c.name, "available") != 0 && strcmp(c.name, "cost") != 0 &&
	    strcmp(c.name, "eviction") != 0)
		return problem_set(&o->call->problem, PROBLEM_BAD_VALUE,
		                   "protofilters: a flavor has no %.80s", c.name);
	vec_push(&o->conditions, c);
	return true;
}

static bool read_conditions(struct offers *o, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ":");

		if (len > 0 && !read_condition(o, text, len))
			return false;
		text += len + (text[len] == ':');
	}
	return true;
}

static const char *copy(struct offers *o, const char *text)
{
	return text ? arena_strdup(o->arena, text) : NULL;
}

static bool add_flavor(void *context, const void *row)
{
	struct offers *o = context;
	struct flavor *flavor = arena_new(o->arena, struct flavor);
	const char *key;

	*flavor = *(const struct flavor *)row;
	flavor->name = copy(o, flavor->name);
	flavor->provider = copy(o, flavor->provider);
	flavor->tags = copy(o, flavor->tags);
	flavor->gpu = copy(o, flavor->gpu);
	key = arena_printf(o->arena, "%s/%s", flavor->provider, flavor->name);
	*map_put(&o->flavors, key, strlen(key), NULL) = (uint64_t)(uintptr_t)flavor;
	return true;
}

static bool add_region(void *context, const void *row)
{
	struct offers *o = context;
	const struct region *region = row;
	const char *key = arena_printf(o->arena, "%s/%s", region->provider, region->name);

	if (region->preferred == 1)
		map_put(&o->preferred, key, strlen(key), NULL);
	return true;
}

/* An unknown number is not enough. */
static bool is_below(double value, double least)
{
	return !isnan(least) && !(value >= least);
}

static bool fits(const struct offers *o, const struct offer *offer)
{
	const struct flavor *f = offer->flavor;
	json_t *object;
	bool ok = true;

	if ((o->provider != NULL && strcmp(o->provider, f->provider) != 0) ||
	    (o->region != NULL && strcmp(o->region, offer->metrics.region_name) != 0))
		return false;
	if (is_below(f->cpu == INT_NULL ? NAN : (double)f->cpu, o->min_cpu) ||
	    is_below(f->ram, o->min_ram) || is_below(f->disk, o->min_disk))
		return false;
	if (!o->metal && strcasestr(f->name, "metal") != NULL)
		return false;
	if (offer->metrics.eviction != INT_NULL &&
	    (double)offer->metrics.eviction > o->max_eviction)
		return false;
	object = offer_json(offer);
	for (size_t i = 0; ok && i < o->conditions.n; i++)
		ok = condition_holds(&o->conditions.v[i], object);
	json_decref(object);
	return ok;
}

static bool add_metrics(void *context, const void *row)
{
	struct offers *o = context;
	struct offer offer = {.metrics = *(const struct flavor_metrics *)row};
	struct flavor_metrics *m = &offer.metrics;
	const char *key = arena_printf(o->arena, "%s/%s", m->provider, m->flavor_name);
	const uint64_t *flavor = map_get(&o->flavors, key, strlen(key));

	if (flavor == NULL)
		return true;
	offer.flavor = (const struct flavor *)(uintptr_t)*flavor;
	m->flavor_name = copy(o, m->flavor_name);
	m->provider = copy(o, m->provider);
	m->region_name = copy(o, m->region_name);
	key = arena_printf(o->arena, "%s/%s", m->provider, m->region_name);
	offer.preferred = map_get(&o->preferred, key, strlen(key)) != NULL;
	if (fits(o, &offer))
		vec_push(&o->list, offer);
	return true;
}

/* Without a price: last. */
static int compare(const void *x, const void *y)
{
	const struct offer *a = x, *b = y;
	double ca = isnan(a->metrics.cost) ? HUGE_VAL : a->metrics.cost;
	double cb = isnan(b->metrics.cost) ? HUGE_VAL : b->metrics.cost;

	if (a->preferred != b->preferred)
		return a->preferred ? -1 : 1;
	if (ca < cb || ca > cb)
		return ca < cb ? -1 : 1;
	return strcmp(a->flavor->name, b->flavor->name);
}

static bool load(struct reader *reader, struct offers *o)
{
	static const struct {
		enum table_id table;
		store_row *row;
	} steps[] = {{TABLE_FLAVOR, add_flavor},
	             {TABLE_REGION, add_region},
	             {TABLE_FLAVOR_METRICS, add_metrics}};
	enum store_result result = store_reader_begin(reader->store);

	if (result != STORE_OK)
		return read_failed(reader, o->call, result);
	for (size_t i = 0; result == STORE_OK && i < 3; i++) {
		const struct store_query query = {.table = steps[i].table};

		result = store_select(reader->store, &query, steps[i].row, o);
	}
	store_reader_end(reader->store);
	return result == STORE_OK || read_failed(reader, o->call, result);
}

static bool read_filter(struct offers *o, int64_t *limit)
{
	json_t *body = o->call->body;
	struct problem *problem = &o->call->problem;
	const char *conditions = "";
	bool ok;

	ok = json_member_real(body, "min_cpu", &o->min_cpu, problem) &&
	     json_member_real(body, "min_ram", &o->min_ram, problem) &&
	     json_member_real(body, "min_disk", &o->min_disk, problem) &&
	     json_member_real(body, "max_eviction", &o->max_eviction, problem) &&
	     json_member_int(body, "limit", limit, problem) &&
	     json_member_text(body, "provider", &o->provider, problem) &&
	     json_member_text(body, "region", &o->region, problem) &&
	     json_member_text(body, "protofilters", &conditions, problem) &&
	     read_conditions(o, conditions);
	o->metal = strcasestr(conditions, "metal") != NULL;
	return ok;
}

void read_flavors(struct reader *reader, struct call *call)
{
	struct offers o = {.call = call,
	                   .arena = &call->arena,
	                   .min_cpu = NAN,
	                   .min_ram = NAN,
	                   .min_disk = NAN,
	                   .max_eviction = MAX_EVICTION};
	json_t *list = json_array();
	int64_t limit = LIMIT;
	bool ok = read_filter(&o, &limit) && load(reader, &o);

	if (o.list.n > 0)
		qsort(o.list.v, o.list.n, sizeof(*o.list.v), compare);
	for (size_t i = 0; ok && i < o.list.n && (int64_t)i < limit; i++)
		json_array_append_new(list, offer_json(&o.list.v[i]));
	map_release(&o.flavors);
	map_release(&o.preferred);
	vec_release(&o.list);
	vec_release(&o.conditions);
	if (ok) {
		call_reply(call, 200, list);
		return;
	}
	json_decref(list);
	call_problem(call);
}
