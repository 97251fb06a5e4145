#include "server/core_answer.h"

#include "server/audit.h"
#include "server/idempotency.h"
#include "server/mask.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void answer_unavailable(struct call *call, const char *why)
{
	problem_set(&call->problem, PROBLEM_UNAVAILABLE, "%s", why);
	call_problem(call);
}

/* What is kept for a repetition is what is sent, but for a task, which is there to be read. */
static void keep(struct core *core, struct core_answer *answer)
{
	if (answer->call->made_task == 0) {
		mask_print(answer->call, answer->status, answer->value);
		answer->value = NULL;
		answer->content_type = JSON_TYPE;
	}
	idempotency_note(core, answer->call);
}

void answer_push(struct core *core, struct core_answer answer)
{
	if (answer.call == core->current) {
		if (answer.status >= 200 && answer.status < 300 && !answer.call->repeated) {
			audit_write(core, answer.call);
			if (answer.call->key != NULL && answer.value != NULL)
				keep(core, &answer);
		}
		core->current = NULL;
	}
	vec_push(&core->answers, answer);
}

void core_reply(struct core *core, struct call *call, int status, json_t *value)
{
	assert(value != NULL);
	answer_push(core, (struct core_answer){.call = call, .value = value, .status = status});
}

void core_reply_bytes(struct core *core, struct call *call, int status, const char *type)
{
	answer_push(core,
	            (struct core_answer){.call = call, .status = status, .content_type = type});
}

void core_reply_known(struct core *core, struct call *call, known_answer *answer,
                      call_handler *handler)
{
	answer_push(core,
	            (struct core_answer){
	                    .call = call, .status = 200, .known = answer, .handler = handler});
}

void core_problem(struct core *core, struct call *call)
{
	answer_push(core, (struct core_answer){.call = call});
}

void core_refuse(struct core *core, struct call *call, enum problem_code code, const char *fmt, ...)
{
	char message[sizeof(call->problem.message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	problem_set(&call->problem, code, "%s", message);
	core_problem(core, call);
}

void core_park(struct core *core)
{
	core->current = NULL;
}

void answers_send(struct core *core)
{
	for (size_t i = 0; i < core->answers.n; i++) {
		struct core_answer *a = &core->answers.v[i];

		if (a->known != NULL) {
			if (!a->known(core->known, a->call))
				core_submit(core, a->call, a->handler);
		} else if (a->value != NULL) {
			call_reply(a->call, a->status, a->value);
		} else if (a->status != 0) {
			call_reply_bytes(a->call, a->status, a->content_type);
		} else {
			call_problem(a->call);
		}
	}
	core->answers.n = 0;
}

void answers_refuse(struct core *core, const char *why)
{
	for (size_t i = 0; i < core->answers.n; i++) {
		json_decref(core->answers.v[i].value);
		answer_unavailable(core->answers.v[i].call, why);
	}
	core->answers.n = 0;
}

void answers_take_back(struct core *core)
{
	answers_refuse(core,
	               core->refusal.len > 0 ? core->refusal.p : "the database did not take it");
	str_reset(&core->refusal);
}
