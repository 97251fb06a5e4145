#include "server/recruit/offers.h"

#include "base/str.h"
#include "model/field.h"

#include <math.h>
#include <string.h>

#define MAX_EVICTION 5.0

void offers_init(struct offers *offers)
{
	*offers = (struct offers){.list = {0}};
	arena_init(&offers->arena);
}

void offers_release(struct offers *offers)
{
	vec_release(&offers->list);
	map_release(&offers->places);
	arena_release(&offers->arena);
}

/* While they are read. */
struct joining {
	struct offers *offers;
	struct map flavors;   /* "provider/name" -> struct machine * */
	struct map preferred; /* "provider/region" */
};

static const char *copy(struct joining *j, const char *text)
{
	return text ? arena_strdup(&j->offers->arena, text) : NULL;
}

static double number(int64_t n)
{
	return n == INT_NULL ? (double)NAN : (double)n;
}

static const char *key_of(struct joining *j, const char *provider, const char *name)
{
	return arena_printf(&j->offers->arena, "%s/%s", provider, name);
}

double offers_gpus(const struct flavor *row)
{
	bool some = (row->gpu != NULL && row->gpu[0] != '\0') || row->gpumem > 0;

	return row->gpus == INT_NULL && some ? 1 : number(row->gpus);
}

static bool add_flavor(void *context, const void *row_p)
{
	struct joining *j = context;
	const struct flavor *row = row_p;
	struct machine *machine = arena_new(&j->offers->arena, struct machine);
	const char *key = key_of(j, row->provider, row->name);

	*machine = (struct machine){.name = copy(j, row->name),
	                            .provider = copy(j, row->provider),
	                            .tags = copy(j, row->tags),
	                            .gpu = copy(j, row->gpu),
	                            .cpu = number(row->cpu),
	                            .ram = row->ram,
	                            .disk = row->disk,
	                            .gpumem = row->gpumem,
	                            .gpus = offers_gpus(row),
	                            .walltime = NAN};
	*map_put(&j->flavors, key, strlen(key), NULL) = (uint64_t)(uintptr_t)machine;
	return true;
}

static bool add_region(void *context, const void *row_p)
{
	struct joining *j = context;
	const struct region *row = row_p;
	const char *key = key_of(j, row->provider, row->name);

	if (row->preferred == 1)
		map_put(&j->preferred, key, strlen(key), NULL);
	return true;
}

static bool add_metrics(void *context, const void *row_p)
{
	struct joining *j = context;
	const struct flavor_metrics *row = row_p;
	const char *key = key_of(j, row->provider, row->flavor_name);
	const uint64_t *flavor = map_get(&j->flavors, key, strlen(key));
	struct offer offer;

	if (flavor == NULL)
		return true;
	offer.machine = *(const struct machine *)(uintptr_t)*flavor;
	offer.machine.region = copy(j, row->region_name);
	offer.machine.available = number(row->available);
	offer.machine.cost = row->cost;
	offer.machine.eviction = number(row->eviction);
	offer.machine.walltime = number(row->walltime);
	offer.machine.pool = copy(j, row->pool);
	key = key_of(j, row->provider, row->region_name);
	offer.preferred = map_get(&j->preferred, key, strlen(key)) != NULL;
	key = arena_printf(&j->offers->arena, "%s/%s/%s", row->provider, row->region_name,
	                   row->flavor_name);
	*map_put(&j->offers->places, key, strlen(key), NULL) = j->offers->list.n;
	vec_push(&j->offers->list, offer);
	return true;
}

enum store_result offers_read(struct offers *offers, struct store_reader *reader)
{
	static const struct {
		enum table_id table;
		store_row *row;
	} steps[] = {{TABLE_FLAVOR, add_flavor},
	             {TABLE_REGION, add_region},
	             {TABLE_FLAVOR_METRICS, add_metrics}};
	struct joining joining = {.offers = offers, .flavors = MAP_INIT, .preferred = MAP_INIT};
	enum store_result result = STORE_OK;

	offers->list.n = 0;
	map_release(&offers->places);
	arena_clear(&offers->arena);
	for (size_t i = 0; result == STORE_OK && i < 3; i++) {
		const struct store_query query = {.table = steps[i].table};

		result = store_select(reader, &query, steps[i].row, &joining);
	}
	map_release(&joining.flavors);
	map_release(&joining.preferred);
	return result;
}

const struct offer *offers_find(const struct offers *offers, const char *provider,
                                const char *region, const char *name)
{
	struct str key = STR_INIT;
	const uint64_t *place;

	if (provider == NULL || region == NULL || name == NULL)
		return NULL;
	str_addf(&key, "%s/%s/%s", provider, region, name);
	place = map_get(&offers->places, key.p, key.len);
	str_release(&key);
	return place ? &offers->list.v[*place] : NULL;
}

/* An unknown number is not enough. */
static bool is_below(double value, double least)
{
	return !isnan(least) && !(value >= least);
}

static bool is_other(const char *wanted, const char *is)
{
	return !is_auto(wanted) && strcmp(wanted, is) != 0;
}

bool offer_fits(const struct offer *offer, const struct wish *wish)
{
	const struct machine *m = &offer->machine;
	const struct protofilter *filter = &wish->wanted->filter;
	double most = wish->max_eviction;

	if (is_other(wish->provider, m->provider) || is_other(wish->region, m->region) ||
	    is_below(m->cpu, wish->min_cpu) || is_below(m->ram, wish->min_ram) ||
	    is_below(m->disk, wish->min_disk) || !wanted_holds(wish->wanted, m))
		return false;
	/* Who names a flavor asks for it as it is. */
	if (wish->wanted->name != NULL)
		return true;
	if (!filter->metal && strcasestr(m->name, "metal") != NULL)
		return false;
	if (isnan(most))
		most = filter->eviction ? (double)INFINITY : MAX_EVICTION;
	return !(m->eviction > most);
}

bool offer_named(const struct wish *wish, struct offer *offer)
{
	if (wish->wanted->name == NULL || is_auto(wish->provider) || is_auto(wish->region))
		return false;
	*offer = (struct offer){.machine = machine_unknown};
	offer->machine.name = wish->wanted->name;
	offer->machine.provider = wish->provider;
	offer->machine.region = wish->region;
	return true;
}

/* Unknown comes last. */
static int compare_numbers(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a > b) - (a < b);
}

int offer_compare(const void *x, const void *y)
{
	const struct offer *a = *(const struct offer *const *)x,
	                   *b = *(const struct offer *const *)y;
	int order = (int)b->preferred - (int)a->preferred;

	if (order == 0)
		order = compare_numbers(a->machine.cost, b->machine.cost);
	if (order == 0)
		order = compare_numbers(a->machine.eviction, b->machine.eviction);
	if (order == 0)
		order = strcmp(a->machine.name, b->machine.name);
	return order != 0 ? order : strcmp(a->machine.region, b->machine.region);
}
