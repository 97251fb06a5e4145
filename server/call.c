#include "server/call.h"

#include "server/http.h"
#include "server/mask.h"

#include <assert.h>
#include <string.h>

static void answer(struct call *call, int status, const char *content_type)
{
	assert(call->status == 0 && status != 0);
	call->content_type = content_type;
	call->status = status;
	if (call->answered != NULL)
		call->answered(call);
	else
		http_answer(call);
}

void call_reply(struct call *call, int status, json_t *value)
{
	mask_print(call, status, value);
	answer(call, status, JSON_TYPE);
}

void call_reply_bytes(struct call *call, int status, const char *content_type)
{
	answer(call, status, content_type);
}

void call_reply_flow(struct call *call, int status, const char *content_type, struct flow *flow)
{
	call->flow = flow;
	answer(call, status, content_type);
}

/* What a client sent may stand in a message: bytes that are no UTF-8, characters cut in two. */
static json_t *message_json(const char *message)
{
	struct str plain = STR_INIT;
	json_t *text = json_string(message);

	if (text != NULL)
		return text;
	for (const char *p = message; *p != '\0'; p++)
		str_addc(&plain, (unsigned char)*p < 0x80 ? *p : '?');
	text = json_string(plain.p);
	str_release(&plain);
	return text;
}

void call_problem(struct call *call)
{
	int status = problem_http_status(call->problem.code);
	json_t *object;

	assert(call->problem.code != PROBLEM_NONE);
	/* v1 clients take these for final answers; they retry a connection that closes. Who passed
	   the call on sees to that. */
	if (!call->ours && !call->passed && (status == 429 || status == 503)) {
		call_drop(call);
		return;
	}
	object = json_object();
	json_object_set_new(object, "message", message_json(call->problem.message));
	json_object_set_new(object, "code", json_string(problem_word(call->problem.code)));
	call_reply(call, status, object);
}

void call_drop(struct call *call)
{
	answer(call, CALL_DROPPED, NULL);
}
