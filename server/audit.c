#include "server/audit.h"

#include "model/json.h"
#include "server/auth.h"
#include "server/record.h"
#include "server/route.h"

/* Bytes of a body that are kept: what was asked for, not the whole of a long command. */
#define DETAIL_MAX 1000

/* NULL for an empty body. */
static const char *detail_of(struct call *call, struct arena *arena)
{
	struct str text = STR_INIT;
	const char *detail = NULL;

	if (json_object_size(call->body) > 0) {
		json_print(call->body, &text);
		if (text.len > DETAIL_MAX) {
			text.len = DETAIL_MAX;
			/* No character is cut in two. */
			while (text.len > 0 && ((unsigned char)text.p[text.len] & 0xc0) == 0x80)
				text.len--;
		}
		detail = arena_strndup(arena, text.p, text.len);
	}
	str_release(&text);
	return detail;
}

static void write_row(struct core *core, struct call *call, const char *detail)
{
	const struct audit row = {
	        .audit_id = ++core->state.last_audit,
	        .date = core->now_us,
	        .token = call->user,
	        .role = role_word(call->role),
	        .address = call->address,
	        .method = call->route->method,
	        .path = call->path,
	        .detail = detail,
	};

	/* Where it fails the group does, and what was done is undone. */
	(void)record_insert(core, TABLE_AUDIT, &row);
}

void audit_refused(struct core *core, struct call *call, const char *what)
{
	if (call->route != NULL)
		write_row(core, call, what);
}

void audit_write(struct core *core, struct call *call)
{
	/* A worker that changes its own row steers nobody. */
	if (call->route == NULL || !(call->route->flags & ROUTE_AUDIT) || call->role == ROLE_WORKER)
		return;
	write_row(core, call, detail_of(call, &core->arena));
}
