/* Who may call, and who did: tokens and the audit log. Neither is v1's: all fields, always. */
#include "server/list.h"
#include "server/reader.h"

void read_tokens(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_TOKEN);
	list.query.limit = 0; /* there are never many */
	list.view = VIEW_FULL;
	list_send(&list, NULL, NULL, NULL);
}

void read_audit(struct reader *reader, struct call *call)
{
	struct list list;

	list_init(&list, reader, call, TABLE_AUDIT);
	if (list.query.limit == 0 || list.query.limit > LIST_PAGE_MAX)
		list.query.limit = LIST_PAGE;
	list.view = VIEW_FULL;
	list_where(&list, "token", "token", false);
	list_send(&list, NULL, NULL, NULL);
}
