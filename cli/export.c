/*
 * A run as a table of its executions, or as RO-Crate 1.1 metadata by the profile Process Run
 * Crate 0.5 (w3id.org/ro/crate/1.1, w3id.org/ro/wfrun/process/0.5).
 */
#include "cli/export.h"

#include "base/clock.h"
#include "base/uri_list.h"
#include "cli/io.h"
#include "cli/object.h"
#include "cli/trace.h"
#include "model/field.h"
#include "model/json.h"
#include "runtime/session.h"

#include <math.h>
#include <string.h>

/* Written whenever so many bytes have come together. */
#define CHUNK 65536

/* What there is, where that is enough. An exit code. */
static int flush(struct str *out, size_t least)
{
	struct str full = *out;

	if (out->len < least)
		return EXIT_CODE_OK;
	str_init(out);
	return io_print(&full);
}

/* ---- TSV ---- */

/* A field of the table: neither a tab nor the end of a line stands in it. */
static void add_field(struct str *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		str_addc(out, (unsigned char)*text < ' ' ? ' ' : *text);
	str_addc(out, '\t');
}

static void add_date_field(struct str *out, int64_t date_us)
{
	char text[DATE_TEXT_SIZE] = "";

	if (date_us != DATE_NULL)
		date_format(date_us, text);
	add_field(out, text);
}

static void add_number_field(struct str *out, int64_t n)
{
	if (n != INT_NULL)
		str_addf(out, "%lld", (long long)n);
	str_addc(out, '\t');
}

static void add_seconds_field(struct str *out, int64_t from_us, int64_t to_us)
{
	if (from_us != DATE_NULL && to_us != DATE_NULL)
		str_addf(out, "%.3f", (double)(to_us - from_us) / 1e6);
	str_addc(out, '\t');
}

static int print_tsv(struct trace *t)
{
	struct str out = STR_INIT;
	int code = EXIT_CODE_OK;

	str_adds(&out, "task_id\texecution_"
	               "id\tstep\tname\tstatus\texit\treason\tworker\tcontainer\tgranted\tstart\ten"
	               "d\twaited_s\t"
	               "ran_s\tcpu_s\tpeak_memory\tcommand\n");
	for (size_t i = 0; i < t->executions.n && code == EXIT_CODE_OK; i++) {
		const struct trace_execution *e = &t->executions.v[i];
		const struct trace_task *task = &t->tasks.v[e->task];

		add_number_field(&out, task->id);
		add_number_field(&out, e->id);
		add_field(&out, t->steps.v[task->step].name);
		add_field(&out, task->name);
		add_field(&out, e->status);
		add_number_field(&out, e->return_code);
		add_field(&out, e->reason);
		add_field(&out, trace_worker(t, e->worker_id));
		add_field(&out, task->container);
		add_date_field(&out, e->granted_us);
		add_date_field(&out, e->start_us);
		add_date_field(&out, e->end_us);
		add_seconds_field(&out, e->granted_us, e->start_us);
		add_seconds_field(&out, e->start_us, e->end_us);
		if (!isnan(e->cpu_seconds))
			str_addf(&out, "%.3f", e->cpu_seconds);
		str_addc(&out, '\t');
		add_number_field(&out, e->peak_memory);
		add_field(&out, e->command != NULL ? e->command : task->command);
		out.p[out.len - 1] = '\n'; /* the last tab ends the line */
		code = flush(&out, CHUNK);
	}
	if (code == EXIT_CODE_OK)
		code = flush(&out, 1);
	str_release(&out);
	return code;
}

/* ---- RO-Crate ---- */

/* Entities are written as they come; what refers to them all is the last. */
struct crate {
	struct str out;
	int code;
	bool any;
	json_t *files; /* that are entities already */
};

/* Takes the entity over. */
static void add_entity(struct crate *crate, json_t *entity)
{
	str_adds(&crate->out, crate->any ? ",\n" : "");
	crate->any = true;
	json_print(entity, &crate->out);
	json_decref(entity);
	if (crate->code == EXIT_CODE_OK)
		crate->code = flush(&crate->out, CHUNK);
}

static json_t *reference(const char *id)
{
	return json_pack("{s:o}", "@id", json_text(id));
}

static void set_text(json_t *entity, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(entity, name, json_text(text));
}

static void set_date(json_t *entity, const char *name, int64_t date_us)
{
	char text[DATE_TEXT_SIZE];

	if (date_us == DATE_NULL)
		return;
	date_format(date_us, text);
	json_object_set_new(entity, name, json_sprintf("%sZ", text));
}

/* Every file is an entity once. */
static void add_file(struct crate *crate, json_t *list, const char *uri)
{
	json_array_append_new(list, reference(uri));
	if (json_object_get(crate->files, uri) != NULL)
		return;
	json_object_set_new(crate->files, uri, json_true());
	add_entity(crate, json_pack("{s:o, s:s}", "@id", json_text(uri), "@type",
	                            uri[strlen(uri) - 1] == '/' ? "Dataset" : "File"));
}

static json_t *inputs_of(struct crate *crate, struct trace *t, const struct trace_task *task)
{
	json_t *list = json_array();
	char **uris;
	size_t n;
	const char *error;

	if (task->input == NULL || !uri_list_split(&t->arena, task->input, &uris, &n, &error))
		return list;
	for (size_t i = 0; i < n; i++)
		add_file(crate, list, uris[i]);
	return list;
}

static json_t *outputs_of(struct crate *crate, const struct trace_execution *e,
                          const struct trace_task *task)
{
	json_t *list = json_array(), *rows, *row;
	struct problem problem;
	size_t i;

	rows = e->outputs != NULL ? json_parse(e->outputs, strlen(e->outputs), &problem) : NULL;
	json_array_foreach(rows, i, row)
	{
		const char *path = json_string_value(json_object_get(row, "path"));
		struct str uri = STR_INIT;

		str_addf(&uri, "%s%s", task->output != NULL ? task->output : "",
		         path != NULL ? path : "");
		if (path != NULL)
			add_file(crate, list, uri.p);
		str_release(&uri);
	}
	json_decref(rows);
	return list;
}

static json_t *action(struct crate *crate, struct trace *t, const struct trace_execution *e)
{
	const struct trace_task *task = &t->tasks.v[e->task];
	bool failed = e->status != NULL && strcmp(e->status, "failed") == 0;
	json_t *entity = json_pack(
	        "{s:o, s:s, s:o, s:o, s:o, s:o}", "@id",
	        json_sprintf("#execution-%lld", (long long)e->id), "@type", "CreateAction", "name",
	        json_text(task->name), "instrument",
	        json_pack("{s:o}", "@id", json_sprintf("#step-%s", t->steps.v[task->step].name)),
	        "object", inputs_of(crate, t, task), "result", outputs_of(crate, e, task));

	set_date(entity, "startTime", e->start_us);
	set_date(entity, "endTime", e->end_us);
	set_text(entity, "description", e->command != NULL ? e->command : task->command);
	json_object_set_new(entity, "actionStatus",
	                    reference(failed ? "http://schema.org/FailedActionStatus"
	                                     : "http://schema.org/CompletedActionStatus"));
	if (failed)
		set_text(entity, "error", e->message != NULL ? e->message : e->reason);
	return entity;
}

/* The container of a step's first task, where it has one. */
static const char *image_of(const struct trace *t, size_t step)
{
	for (size_t i = 0; i < t->tasks.n; i++) {
		if (t->tasks.v[i].step == step)
			return t->tasks.v[i].container;
	}
	return NULL;
}

static bool has_ended(const struct trace_execution *e)
{
	return e->status != NULL &&
	       (strcmp(e->status, "succeeded") == 0 || strcmp(e->status, "failed") == 0);
}

/* The entity that is the crate: all that was told, and all files. */
static json_t *root_of(const struct trace *t, json_t *files, json_t *mentions)
{
	json_t *parts = json_array(), *root, *seen;
	const char *file;

	json_object_foreach(files, file, seen) json_array_append_new(parts, reference(file));
	root = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "@id", "./", "@type", "Dataset", "name",
	                 json_sprintf("%s, run %lld", t->workflow, (long long)t->run_id),
	                 "conformsTo", reference("https://w3id.org/ro/wfrun/process/0.5"),
	                 "hasPart", parts, "mentions", mentions);
	set_date(root, "datePublished", t->end_us != DATE_NULL ? t->end_us : t->begin_us);
	return root;
}

static int print_crate(struct trace *t)
{
	struct crate crate = {.out = STR_INIT, .code = EXIT_CODE_OK, .files = json_object()};
	json_t *mentions = json_array();

	str_adds(&crate.out,
	         "{\"@context\":\"https://w3id.org/ro/crate/1.1/context\",\n\"@graph\":[");
	add_entity(&crate,
	           json_pack("{s:s, s:s, s:o, s:o}", "@id", "ro-crate-metadata.json", "@type",
	                     "CreativeWork", "conformsTo",
	                     reference("https://w3id.org/ro/crate/1.1"), "about", reference("./")));
	for (size_t i = 0; i < t->steps.n; i++) {
		json_t *step = json_pack("{s:o, s:s, s:s}", "@id",
		                         json_sprintf("#step-%s", t->steps.v[i].name), "@type",
		                         "SoftwareApplication", "name", t->steps.v[i].name);

		set_text(step, "softwareRequirements", image_of(t, i));
		add_entity(&crate, step);
	}
	for (size_t i = 0; i < t->executions.n && crate.code == EXIT_CODE_OK; i++) {
		if (!has_ended(&t->executions.v[i]))
			continue;
		json_array_append_new(mentions,
		                      json_pack("{s:o}", "@id",
		                                json_sprintf("#execution-%lld",
		                                             (long long)t->executions.v[i].id)));
		add_entity(&crate, action(&crate, t, &t->executions.v[i]));
	}
	add_entity(&crate, root_of(t, crate.files, mentions));
	add_entity(&crate,
	           json_pack("{s:s, s:s, s:s, s:s}", "@id", "https://w3id.org/ro/wfrun/process/0.5",
	                     "@type", "CreativeWork", "name", "Process Run Crate", "version",
	                     "0.5"));
	str_adds(&crate.out, "]}\n");
	if (crate.code == EXIT_CODE_OK)
		crate.code = flush(&crate.out, 1);
	str_release(&crate.out);
	json_decref(crate.files);
	return crate.code;
}

int export_run(const struct command_call *command)
{
	const char *format = command_value(command, "trace");
	struct keys keys = {0};
	struct call c;
	struct trace t;

	if (format != NULL && strcmp(format, "tsv") != 0 && strcmp(format, "ro-crate") != 0)
		return command_misused(command, "--trace is tsv or ro-crate, not '%s'", format);
	if (call_open(&c, command) && object_keys(&c, object_named("run"), &keys)) {
		if (trace_read(&t, &c, keys.list.v[0]))
			c.code = format != NULL && strcmp(format, "ro-crate") == 0 ? print_crate(&t)
			                                                           : print_tsv(&t);
		trace_release(&t);
	}
	keys_release(&keys);
	return call_close(&c);
}
