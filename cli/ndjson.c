#include "cli/ndjson.h"

#include "cli/io.h"
#include "model/json.h"
#include "runtime/session.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Written whenever so many bytes have come together. */
#define CHUNK 65536

void ndjson_line(struct str *out, const char *type, json_t *object)
{
	json_t *line = json_object();

	/* The type first, for those who read. */
	json_object_set_new(line, "type", json_string(type));
	json_object_update(line, object);
	json_print(line, out);
	str_addc(out, '\n');
	json_decref(line);
	json_decref(object);
}

static void set(json_t *object, const char *name, json_t *value)
{
	int failed = json_object_set_new(object, name, value);

	assert(failed == 0);
	(void)failed;
}

void ndjson_begin(struct str *out)
{
	ndjson_line(out, "scitq", json_pack("{s:i, s:s}", "version", 1, "program", SCITQ_VERSION));
}

/* ---- diagnostics ---- */

static json_t *place(struct sources *sources, uint32_t file, uint32_t offset)
{
	struct position p = source_position(sources, file, offset);

	return json_pack("{s:I, s:I, s:I}", "line", (json_int_t)p.line, "column",
	                 (json_int_t)p.column, "offset", (json_int_t)offset);
}

/* file, start, end; nulls where there is no place. */
static void set_span(json_t *object, struct span span, struct sources *sources)
{
	bool known = span_known(span);

	set(object, "file", known ? json_text(sources->files[span.file].name) : json_null());
	set(object, "start", known ? place(sources, span.file, span.start) : json_null());
	set(object, "end", known ? place(sources, span.file, span.end) : json_null());
}

/* Where, and what would be right there. */
static json_t *fix(const struct diag *d, struct sources *sources)
{
	json_t *object = json_object();

	set_span(object, d->fix_span, sources);
	set(object, "text", json_text(d->fix));
	return object;
}

static json_t *diagnostic(const struct diag *d, struct sources *sources)
{
	static const char *const severities[] = {
	        [SEVERITY_ERROR] = "error",
	        [SEVERITY_WARNING] = "warning",
	        [SEVERITY_NOTE] = "note",
	};
	json_t *object = json_object(), *related = json_array();

	set(object, "code", json_string(d->code->code));
	set(object, "severity", json_string(severities[d->code->severity]));
	set(object, "message", json_text(d->message));
	set_span(object, d->span, sources);
	set(object, "label", json_text(d->label));
	set(object, "help", json_text(d->help));
	set(object, "fix", d->fix != NULL ? fix(d, sources) : json_null());
	for (unsigned i = 0; i < d->nrelated; i++) {
		json_t *one = json_object();

		set_span(one, d->related[i].span, sources);
		set(one, "label", json_text(d->related[i].text));
		json_array_append_new(related, one);
	}
	set(object, "related", related);
	return object;
}

void ndjson_diagnostics(const struct diag_sink *sink, struct sources *sources, struct str *out)
{
	for (size_t i = 0; i < sink->n; i++)
		ndjson_line(out, "diagnostic", diagnostic(&sink->list[i], sources));
	ndjson_line(out, "summary",
	            json_pack("{s:I, s:I}", "errors", (json_int_t)sink->errors, "warnings",
	                      (json_int_t)sink->warnings));
}

/* ---- the plan ---- */

static json_t *int_or_null(int64_t i)
{
	return i == INT_NULL ? json_null() : json_integer(i);
}

static json_t *workflow(const struct submission *s)
{
	json_t *object = json_object();

	set(object, "name", json_text(s->workflow));
	set(object, "source", json_text(s->source));
	set(object, "steps", json_integer(s->step_count));
	set(object, "tasks", json_integer(s->task_count));
	set(object, "maximum_workers", int_or_null(s->maximum_workers));
	set(object, "max_cost", isnan(s->max_cost) ? json_null() : json_real(s->max_cost));
	return object;
}

static json_t *step(const struct submission *s, const struct submission_step *st)
{
	json_t *object = json_object(), *after = json_array();

	set(object, "name", json_text(st->name));
	set(object, "batch", json_text(st->batch));
	set(object, "source", json_text(st->source));
	set(object, "tasks", json_integer(st->task_count));
	set(object, "depth", json_integer(st->depth));
	set(object, "concurrency", int_or_null(st->concurrency));
	for (size_t i = 0; i < st->nafter; i++)
		json_array_append_new(after, json_text(s->steps[st->after[i]].name));
	set(object, "after", after);
	return object;
}

/* uri, its actions, and the task that writes it, by number. */
static json_t *uris(const struct submission_uri *list, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();

		set(one, "uri", json_text(list[i].uri));
		set(one, "actions", json_text(list[i].actions));
		set(one, "task",
		    list[i].producer == UINT32_MAX ? json_null() : json_integer(list[i].producer));
		set(one, "version", list[i].version ? json_text(list[i].version) : json_null());
		json_array_append_new(all, one);
	}
	return all;
}

/* What a client would send to create it, with its number and whom it waits for. */
static json_t *task(const struct submission *s, uint32_t i, struct arena *arena)
{
	struct submission_task t;
	json_t *object, *requires = json_array(), *yields = json_array();

	s->task(s, i, arena, &t);
	object = row_to_request(table_get(TABLE_TASK), &t.row);
	set(object, "task", json_integer(i));
	for (size_t k = 0; k < t.nrequires; k++)
		json_array_append_new(requires, json_integer(t.requires[k]));
	for (size_t k = 0; k < t.nyields; k++)
		json_array_append_new(yields, json_text(t.yields[k]));
	set(object, "requires", requires);
	set(object, "yields", yields);
	set(object, "inputs", uris(t.inputs, t.ninputs));
	set(object, "resources", uris(t.resources, t.nresources));
	return object;
}

static bool flush(struct str *out, size_t least, int *code)
{
	struct str full = *out;

	if (out->len < least)
		return true;
	str_init(out);
	*code = io_print(&full);
	return *code == EXIT_CODE_OK;
}

int ndjson_plan(const struct submission *s)
{
	struct str out = STR_INIT;
	struct arena arena;
	int code = EXIT_CODE_OK;

	ndjson_line(&out, "workflow", workflow(s));
	for (uint32_t i = 0; i < s->step_count; i++)
		ndjson_line(&out, "step", step(s, &s->steps[i]));
	for (size_t i = 0; i < s->recruiter_count; i++)
		ndjson_line(&out, "recruiter",
		            row_to_request(table_get(TABLE_RECRUITER), &s->recruiters[i]));
	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count && flush(&out, CHUNK, &code); i++) {
		arena_clear(&arena);
		ndjson_line(&out, "task", task(s, i, &arena));
	}
	arena_release(&arena);
	flush(&out, 1, &code);
	str_release(&out);
	return code;
}
