/*
 * A list that a reader sends: the call's filter made into a query, and its rows
 * printed one by one into the reply. read_*.c are its users; each handler is an
 * init, some list_where, and list_send.
 *
 * v1 clients get all rows that match; ours get a page (LIST_PAGE rows unless
 * they ask for another limit, LIST_PAGE_MAX at most) and go on with `after`.
 */
#ifndef SERVER_LIST_H
#define SERVER_LIST_H

#include "model/json.h"
#include "server/call.h"
#include "server/reader.h"
#include "store/store.h"

#include <stdbool.h>

#define LIST_PAGE 1000
#define LIST_PAGE_MAX 10000
#define LIST_FILTERS 10

struct list {
	struct reader *reader;
	struct call *call;
	const struct table *table;
	enum row_view view;
	struct store_query query;
	struct store_filter filters[LIST_FILTERS];
	bool nothing; /* a filter that no row can match: an empty list of numbers */
	bool any;     /* a row was printed */
};

/* limit, after, reverse and view are taken from the body where they are there. */
void list_init(struct list *list, struct reader *reader, struct call *call, enum table_id table);
/*
 * Where the body has the member: only rows whose field equals it (or is one of
 * it, where it is a list). of_task: the field of the execution's task. False with
 * call->problem set for a word that is no status.
 */
bool list_where(struct list *list, const char *member, const char *field, bool of_task);
/* Print an object into the reply and drop it. */
void list_print(struct list *list, json_t *object);
/*
 * Run the query and answer the call. `row` (of struct list *, through context) prints
 * each; NULL prints it as it is. `end` (may be NULL) is called after the last.
 * A false return of either, with call->problem set, is answered instead.
 */
void list_send(struct list *list, store_row *row, bool (*end)(void *context), void *context);

/* Answer with the row of the key that `row` holds, or 404 with `message`; for single rows. */
void row_send(struct reader *reader, struct call *call, enum table_id table, void *row,
              const char *message);
/* Set call->problem from a result that is not OK. Always false. */
bool read_failed(struct reader *reader, struct call *call, enum store_result result);

#endif
