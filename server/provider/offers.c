#include "server/provider/offers.h"

#include "model/json.h"
#include "server/record.h"
#include "store/store.h"

#include <string.h>

/* Keys in the arena of the group. */
struct old {
	struct core *core;
	enum table_id table;
	const char *provider;
	VEC(void *) rows;
};

static const char *text_at(const struct table *t, const char *name, const void *row)
{
	return *(const char *const *)field_in(&t->fields[table_field(t, name)], row);
}

static bool add_old(void *context, const void *row)
{
	struct old *old = context;
	const struct table *t = table_get(old->table);
	void *copy;

	if (strcmp(text_at(t, "provider", row), old->provider) != 0)
		return true;
	copy = arena_alloc(&old->core->arena, t->row_size);
	memcpy(copy, row, t->row_size);
	for (unsigned i = 0; i < t->nfields; i++) {
		const char **text = field_at(&t->fields[i], copy);

		if (t->fields[i].kind == KIND_TEXT && *text != NULL)
			*text = arena_strdup(&old->core->arena, *text);
	}
	vec_push(&old->rows, copy);
	return true;
}

/* All rows of the provider go; what regions were preferred is noted in `preferred`. */
static bool clear(struct core *core, enum table_id table, const char *provider, json_t *preferred)
{
	const struct store_query query = {.table = table};
	struct old old = {.core = core, .table = table, .provider = provider};
	bool ok = store_select(store_own(core->store), &query, add_old, &old) == STORE_OK ||
	          core_failed(core, "what providers offer cannot be read");

	for (size_t i = 0; ok && i < old.rows.n; i++) {
		const struct region *region = old.rows.v[i];

		if (table == TABLE_REGION && region->preferred == 1)
			json_object_set_new(preferred, region->name, json_true());
		ok = record_delete(core, table, old.rows.v[i]);
	}
	vec_release(&old.rows);
	return ok;
}

static uint64_t settable(const struct table *t)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->nfields; i++)
		mask |= t->fields[i].flags & FIELD_KEY ? 0 : UINT64_C(1) << i;
	return mask;
}

/* Of the members some have other names here. */
static bool write_row(struct core *core, enum table_id table, const char *provider, json_t *object)
{
	const struct table *t = table_get(table);
	struct problem problem = {0};
	union {
		struct flavor flavor;
		struct region region;
		struct flavor_metrics metrics;
	} row;
	bool keyed = true;

	json_object_set_new(object, "provider", json_text(provider));
	if (table == TABLE_FLAVOR_METRICS) {
		json_object_set(object, "flavor_name", json_object_get(object, "flavor"));
		json_object_set(object, "region_name", json_object_get(object, "region"));
		json_object_del(object, "flavor");
		json_object_del(object, "region");
	}
	if (!row_from_own_json(t, object, &row, &core->arena, &problem)) {
		log_warn(core->log, "provider %s, %s: %s", provider, t->name, problem.message);
		return true;
	}
	for (unsigned i = 0; i < t->nfields; i++)
		keyed = keyed &&
		        (!(t->fields[i].flags & FIELD_KEY) || !row_is_null(&t->fields[i], &row));
	if (!keyed) {
		log_warn(core->log, "provider %s: a row of %s lacks a name", provider, t->name);
		return true;
	}
	return record_upsert(core, table, &row, settable(t));
}

bool offers_write(struct core *core, const char *provider, json_t *offers)
{
	static const struct {
		enum table_id table;
		const char *name;
	} parts[] = {{TABLE_REGION, "regions"},
	             {TABLE_FLAVOR, "flavors"},
	             {TABLE_FLAVOR_METRICS, "metrics"}};
	json_t *preferred = json_object(), *copy = json_deep_copy(offers), *object;
	bool ok = true;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *array = json_object_get(copy, parts[i].name);
		size_t k;

		ok = ok && clear(core, parts[i].table, provider, preferred);
		json_array_foreach(array, k, object)
		{
			const char *name = json_string_value(json_object_get(object, "name"));

			if (parts[i].table == TABLE_REGION && name != NULL &&
			    json_object_get(object, "preferred") == NULL)
				json_object_set_new(
				        object, "preferred",
				        json_boolean(json_object_get(preferred, name) != NULL));
			ok = ok && write_row(core, parts[i].table, provider, object);
		}
	}
	json_decref(preferred);
	json_decref(copy);
	return ok;
}
