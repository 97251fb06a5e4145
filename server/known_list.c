#include "server/known_list.h"

#include "server/columns.h"
#include "server/core.h"
#include "server/server.h"

static struct known *known_of(const struct list *list)
{
	return core_known(list->reader->server->core);
}

/* What is asked for; its fields are NULL where it is not. */
struct asked {
	const struct store_filter *status, *batch, *run;
};

static bool read_filters(const struct list *list, struct asked *asked)
{
	*asked = (struct asked){0};
	for (size_t i = 0; i < list->query.nfilters; i++) {
		const struct store_filter *filter = &list->filters[i];

		if (filter->op != STORE_EQ)
			return false;
		if (filter->field == TASK_COL_status)
			asked->status = filter;
		else if (filter->field == TASK_COL_batch)
			asked->batch = filter;
		else if (filter->field == TASK_COL_run_id)
			asked->run = filter;
		else
			return false;
	}
	return asked->status != NULL;
}

/* Pages of tasks that are not done are left out at no cost. One by one they are looked up where
   they are fewer than the others that would be walked along. */
static bool is_worth_it(const struct list *list, const struct asked *asked)
{
	switch ((enum task_status)asked->status->number) {
	case TASK_SUCCEEDED:
		return true;
	case TASK_WAITING:
	case TASK_PENDING:
		return asked->run == NULL &&
		       (asked->batch == NULL ||
		        known_is_rarer(known_of(list), (enum task_status)asked->status->number,
		                       asked->batch->text));
	default:
		return false;
	}
}

bool known_list_begin(struct list *list, struct known_scan *scan)
{
	struct asked asked;

	return list->query.table == TABLE_TASK && !list->query.reverse && !list->nothing &&
	       read_filters(list, &asked) && is_worth_it(list, &asked) &&
	       reader_knows(list->reader) &&
	       known_scan_begin(known_of(list), scan, (enum task_status)asked.status->number,
	                        list->query.after);
}

/* Filters for the next numbers, behind the list's own, of which that by status tests what is read
   once more. False: there are none where it looked. */
static bool next_numbers(struct list *list, struct known_scan *scan, int64_t *ids, size_t at)
{
	struct store_filter *filters = list->filters + at;
	int64_t first, last;

	if (!task_is_done(scan->status)) {
		filters[0] = (struct store_filter){
		        .field = TASK_COL_task_id, .op = STORE_IN, .list = ids};
		filters[0].n = known_scan_ids(known_of(list), scan, ids, LIST_PAGE);
		list->query.nfilters = at + 1;
		return filters[0].n > 0;
	}
	if (!known_scan_range(known_of(list), scan, &first, &last))
		return false;
	filters[0] = (struct store_filter){
	        .field = TASK_COL_task_id, .op = STORE_AT_LEAST, .number = first};
	filters[1] = (struct store_filter){
	        .field = TASK_COL_task_id, .op = STORE_LESS, .number = last + 1};
	list->query.nfilters = at + 2;
	return true;
}

enum store_result known_list_select(struct list *list, struct known_scan *scan, store_row *row,
                                    void *context)
{
	int64_t *ids = arena_array(&list->call->arena, int64_t, LIST_PAGE);
	struct store_query *query = &list->query;
	const int64_t limit = query->limit;
	const size_t filters = query->nfilters;
	struct store_passed passed = {.each = row, .context = context};
	enum store_result result = STORE_OK;

	query->after = INT_NULL;
	while (scan->at != 0 && result == STORE_OK && !passed.ended &&
	       (limit == 0 || passed.n < limit)) {
		query->limit = limit == 0 ? 0 : limit - passed.n;
		if (next_numbers(list, scan, ids, filters))
			result = store_select(list->reader->store, query, store_passed_on, &passed);
	}
	return result;
}
