/* Flavors that fit, in the order in which recruiters take them. */
#include "server/list.h"
#include "server/reader.h"
#include "server/recruit/offers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 10

static json_t *column_json(const struct machine_column *column, const struct machine *machine)
{
	const void *value = (const char *)machine + column->offset;
	double number;

	if (column->kind == MACHINE_TEXT)
		return json_text(*(const char *const *)value);
	number = *(const double *)value;
	if (isnan(number))
		return json_null();
	return column->kind == MACHINE_INTEGER ? json_integer((json_int_t)number)
	                                       : json_real(number);
}

static json_t *machine_json(const struct machine *machine)
{
	json_t *object = json_object();

	for (size_t i = 0; i < MACHINE_COLUMNS; i++)
		json_object_set_new(object, machine_columns[i].name,
		                    column_json(&machine_columns[i], machine));
	/* No column that conditions could speak of: of what lasts for ever they would not hold. */
	json_object_set_new(object, "walltime",
	                    isnan(machine->walltime) ? json_null()
	                                             : json_integer((json_int_t)machine->walltime));
	return object;
}

struct asked {
	struct wanted wanted;
	struct wish wish;
	int64_t limit;
};

static bool read_asked(struct call *call, struct asked *asked)
{
	struct problem *problem = &call->problem;
	struct wish *wish = &asked->wish;
	const char *conditions = "";

	*asked = (struct asked){.limit = LIMIT};
	*wish = (struct wish){.wanted = &asked->wanted,
	                      .min_cpu = NAN,
	                      .min_ram = NAN,
	                      .min_disk = NAN,
	                      .max_eviction = NAN};
	return json_member_real(call->body, "min_cpu", &wish->min_cpu, problem) &&
	       json_member_real(call->body, "min_ram", &wish->min_ram, problem) &&
	       json_member_real(call->body, "min_disk", &wish->min_disk, problem) &&
	       json_member_real(call->body, "max_eviction", &wish->max_eviction, problem) &&
	       json_member_int(call->body, "limit", &asked->limit, problem) &&
	       json_member_text(call->body, "provider", &wish->provider, problem) &&
	       json_member_text(call->body, "region", &wish->region, problem) &&
	       json_member_text(call->body, "protofilters", &conditions, problem) &&
	       protofilter_parse(&asked->wanted.filter, "protofilters", conditions, 0, &call->arena,
	                         problem);
}

static bool read_offers(struct reader *reader, struct call *call, struct offers *offers)
{
	enum store_result result = store_reader_begin(reader->store);

	if (result != STORE_OK)
		return read_failed(reader, call, result);
	result = offers_read(offers, reader->store);
	store_reader_end(reader->store);
	return result == STORE_OK || read_failed(reader, call, result);
}

/* The first ones of those that fit. */
static json_t *list_json(const struct offers *offers, const struct asked *asked)
{
	VEC(const struct offer *) fitting = {0};
	json_t *list = json_array();

	for (size_t i = 0; i < offers->list.n; i++) {
		if (offer_fits(&offers->list.v[i], &asked->wish))
			vec_push(&fitting, &offers->list.v[i]);
	}
	if (fitting.n > 0)
		qsort(fitting.v, fitting.n, sizeof(*fitting.v), offer_compare);
	for (size_t i = 0; i < fitting.n && (int64_t)i < asked->limit; i++)
		json_array_append_new(list, machine_json(&fitting.v[i]->machine));
	vec_release(&fitting);
	return list;
}

void read_flavors(struct reader *reader, struct call *call)
{
	struct offers offers;
	struct asked asked;

	offers_init(&offers);
	if (read_asked(call, &asked) && read_offers(reader, call, &offers))
		call_reply(call, 200, list_json(&offers, &asked));
	else
		call_problem(call);
	offers_release(&offers);
}
