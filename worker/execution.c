#include "worker/execution.h"

#include "base/vec.h"
#include "model/json.h"
#include "model/field.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct execution *make(int64_t id)
{
	struct execution *e = xcalloc(1, sizeof(*e));

	e->id = id;
	arena_init(&e->arena);
	e->cpu = NAN;
	e->weight = 1;
	e->memory = e->gpu = INT_NULL;
	e->download_timeout = e->run_timeout = e->upload_timeout = INT_NULL;
	for (int i = 0; i < STREAMS; i++) {
		e->streams[i].fd = -1;
		e->watches[i] = -1;
	}
	outcome_init(&e->outcome);
	lent_init(&e->lent);
	return e;
}

void execution_free(struct execution *e)
{
	if (e == NULL)
		return;
	assert(e->job == NULL);
	for (int i = 0; i < STREAMS; i++)
		stream_release(&e->streams[i]);
	outcome_release(&e->outcome);
	mounts_release(&e->mounts);
	free(e->progress);
	free(e->identity_parts);
	lent_release(&e->lent);
	vec_release(&e->resources);
	arena_release(&e->arena);
	place_free(e->place);
	free(e);
}

static bool take_text(struct execution *e, json_t *grant, const char *name, const char **to,
                      struct problem *problem)
{
	const char *text = NULL;

	if (!json_member_text(grant, name, &text, problem))
		return false;
	*to = text != NULL ? arena_strdup(&e->arena, text) : NULL;
	return true;
}

struct execution *execution_new(json_t *grant, struct problem *problem)
{
	struct execution *e = make(0);
	int64_t id = INT_NULL, epoch = INT_NULL;
	bool ok;

	ok = json_member_int(grant, "execution_id", &id, problem) &&
	     json_member_int(grant, "epoch", &epoch, problem) &&
	     json_member_int(grant, "task_id", &e->task_id, problem) &&
	     json_member_real(grant, "weight", &e->weight, problem) &&
	     json_member_real(grant, "cpu", &e->cpu, problem) &&
	     json_member_int(grant, "memory", &e->memory, problem) &&
	     json_member_int(grant, "gpu", &e->gpu, problem) &&
	     json_member_int(grant, "download_timeout", &e->download_timeout, problem) &&
	     json_member_int(grant, "run_timeout", &e->run_timeout, problem) &&
	     json_member_int(grant, "upload_timeout", &e->upload_timeout, problem) &&
	     take_text(e, grant, "name", &e->name, problem) &&
	     take_text(e, grant, "batch", &e->batch, problem) &&
	     take_text(e, grant, "command", &e->command, problem) &&
	     take_text(e, grant, "script", &e->script, problem) &&
	     take_text(e, grant, "container", &e->container, problem) &&
	     take_text(e, grant, "container_options", &e->container_options, problem) &&
	     take_text(e, grant, "input", &e->input, problem) &&
	     take_text(e, grant, "output", &e->output, problem) &&
	     take_text(e, grant, "resource", &e->resource, problem) &&
	     take_text(e, grant, "yields", &e->yields, problem) &&
	     take_text(e, grant, "identity", &e->identity, problem);
	e->use_cache = json_is_true(json_object_get(grant, "use_cache"));
	if (ok && (id == INT_NULL || epoch == INT_NULL || e->command == NULL))
		ok = problem_set(problem, PROBLEM_MISSING_FIELD,
		                 "a grant needs execution_id, epoch and command");
	if (ok && !(e->weight > 0 && e->weight <= 1))
		ok = problem_set(problem, PROBLEM_BAD_VALUE, "weight is %g, not above 0 up to 1",
		                 e->weight);
	if (!ok) {
		execution_free(e);
		return NULL;
	}
	e->id = id;
	e->epoch = epoch;
	return e;
}

void execution_settle(struct execution *e, struct place *place, uint64_t limit)
{
	e->place = place;
	stream_init(&e->streams[STREAM_OUT], place->path, "stdout", limit);
	stream_init(&e->streams[STREAM_ERR], place->path, "stderr", limit);
}

int64_t execution_memory(const struct execution *e)
{
	return e->memory != INT_NULL && e->memory > 0 ? e->memory : 0;
}

struct command_input execution_command(const struct execution *e, double worker_cpus,
                                       bool plain_shell)
{
	return (struct command_input){
	        .command = e->command,
	        .script = e->script,
	        .directory = e->place->path,
	        .task_id = e->task_id,
	        .execution_id = e->id,
	        .name = e->name,
	        .batch = e->batch,
	        .cpu = e->cpu,
	        .weight = e->weight,
	        .worker_cpus = worker_cpus,
	        .plain_shell = plain_shell,
	        .contained = e->container != NULL,
	};
}

static void add_text(struct str *note, const char *text)
{
	message_add_number(note, text != NULL);
	message_add_text(note, text != NULL ? text : "");
}

static const char *read_text(struct execution *e, struct message *m)
{
	bool there = message_number(m) != 0;
	const char *text = message_text(m);

	return there ? arena_strdup(&e->arena, text) : NULL;
}

/* Their names, each with a blank behind it. */
static void add_resources(struct str *note, const struct execution *e)
{
	struct str names = STR_INIT;

	for (size_t i = 0; i < e->resources.n; i++)
		str_addf(&names, "%s ", resource_name(e->resources.v[i]));
	add_text(note, names.len > 0 ? names.p : NULL);
	str_release(&names);
}

void execution_note(const struct execution *e, struct str *note)
{
	message_add_number(note, (uint64_t)e->epoch);
	message_add_number(note, (uint64_t)e->task_id);
	message_add_number(note, e->place->number);
	message_add_real(note, e->weight);
	message_add_number(note, (uint64_t)e->upload_timeout);
	message_add_number(note, (uint64_t)e->memory);
	add_text(note, e->name);
	add_text(note, e->command);
	add_text(note, e->output);
	add_text(note, e->yields);
	add_text(note, e->container);
	add_resources(note, e);
	if (e->listed) {
		char *outputs = json_dumps(e->outcome.outputs, JSON_COMPACT);

		add_text(note, outputs);
		free(outputs);
	} else {
		add_text(note, NULL);
	}
}

struct execution *execution_from_note(uint64_t id, const char *note, size_t n, unsigned *place,
                                      const char **resources)
{
	struct execution *e = make((int64_t)id);
	struct message m = {MESSAGE_TASK, note, note + n, false};
	const char *outputs;

	e->epoch = (int64_t)message_number(&m);
	e->task_id = (int64_t)message_number(&m);
	*place = (unsigned)message_number(&m);
	e->weight = message_real(&m);
	e->upload_timeout = (int64_t)message_number(&m);
	e->memory = (int64_t)message_number(&m);
	e->name = read_text(e, &m);
	e->command = read_text(e, &m);
	e->output = read_text(e, &m);
	e->yields = read_text(e, &m);
	e->container = read_text(e, &m);
	*resources = read_text(e, &m);
	outputs = read_text(e, &m);
	if (outputs != NULL) {
		e->outcome.outputs = json_loads(outputs, 0, NULL);
		e->listed = e->resumed = json_is_array(e->outcome.outputs);
	}
	if (m.broken) {
		execution_free(e);
		return NULL;
	}
	return e;
}

static void set_int(json_t *to, const char *name, int64_t value)
{
	if (value != INT_NULL)
		json_object_set_new_nocheck(to, name, json_integer(value));
}

/* The names of the outputs, separated by blanks. */
static json_t *output_files(json_t *outputs)
{
	struct str names = STR_INIT;
	json_t *entry, *result;
	size_t i;

	json_array_foreach(outputs, i, entry)
	{
		if (i > 0)
			str_addc(&names, ' ');
		str_adds(&names, json_string_value(json_object_get(entry, "path")));
	}
	result = json_string(names.p);
	str_release(&names);
	return result;
}

static void add_outcome(const struct execution *e, json_t *to)
{
	const struct outcome *o = &e->outcome;

	json_object_set_new_nocheck(to, "status",
	                            json_string(o->succeeded ? "succeeded" : "failed"));
	set_int(to, "return_code", o->return_code);
	set_int(to, "signal", o->signal);
	set_int(to, "failed_line", o->failed_line);
	set_int(to, "peak_memory", o->peak_memory);
	if (!isnan(o->cpu_seconds))
		json_object_set_new_nocheck(to, "cpu_seconds", json_real(o->cpu_seconds));
	if (o->reason != NULL)
		json_object_set_new_nocheck(to, "reason", json_string(o->reason));
	if (o->message != NULL)
		json_object_set_new_nocheck(to, "message", json_text(o->message));
	if (o->succeeded && o->outputs != NULL) {
		json_object_set_nocheck(to, "outputs", o->outputs);
		json_object_set_new_nocheck(to, "output_files", output_files(o->outputs));
	}
	set_int(to, "stdout_length", (int64_t)e->streams[STREAM_OUT].size);
	set_int(to, "stderr_length", (int64_t)e->streams[STREAM_ERR].size);
}

json_t *execution_event(const struct execution *e, enum event_bit bit)
{
	json_t *event = json_object();
	const char *type = NULL;
	char pid[16];
	int seq = 0;

	json_object_set_new_nocheck(event, "execution_id", json_integer(e->id));
	json_object_set_new_nocheck(event, "epoch", json_integer(e->epoch));
	switch (bit) {
	case EVENT_STARTED:
		type = "started";
		seq = 1;
		snprintf(pid, sizeof(pid), "%d", (int)e->pid);
		json_object_set_new_nocheck(event, "pid", json_string(pid));
		break;
	case EVENT_UPLOADING:
		type = "uploading";
		seq = 2;
		break;
	case EVENT_FINISHED:
		type = "finished";
		seq = 3;
		add_outcome(e, event);
		break;
	case EVENT_PROGRESS:
		type = "progress";
		json_object_set_new_nocheck(event, "message", json_text(e->progress));
		break;
	case EVENT_IDENTIFIED:
		type = "identified";
		json_object_set_new_nocheck(event, "identity", json_string(e->identity));
		if (e->identity_parts != NULL)
			json_object_set_new_nocheck(event, "identity_parts",
			                            json_text(e->identity_parts));
		if (e->removes != NULL)
			json_object_set_new_nocheck(event, "output", json_text(e->removes));
		break;
	case EVENT_REFUSED:
		type = "refused";
		seq = 1;
		json_object_set_new_nocheck(event, "message", json_text(e->outcome.message));
		break;
	}
	if (seq > 0)
		json_object_set_new_nocheck(event, "seq", json_integer(seq));
	json_object_set_new_nocheck(event, "type", json_string(type));
	return event;
}

struct execution *executions_find(const struct executions *list, int64_t id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i]->id == id)
			return list->v[i];
	}
	return NULL;
}

void executions_remove(struct executions *list, const struct execution *e)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i] == e) {
			list->n--;
			memmove(list->v + i, list->v + i + 1, (list->n - i) * sizeof(*list->v));
			return;
		}
	}
}
