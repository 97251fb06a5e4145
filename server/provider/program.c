#include "server/provider/program.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/json.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A line that is longer is cut off. */
#define LINE_MOST ((size_t)8 << 20)
/* What is printed goes to the core so often. */
#define FLUSH_NS INT64_C(1000000000)

/* What is told of one job, or of an order without jobs. */
struct subject {
	uint32_t job;
	const char *tag; /* NULL: of the order */
	struct str log;  /* not sent yet */
	bool settled;    /* its outcome was told */
};

struct run {
	const struct program *program;
	struct core *core;
	const struct order *order;
	VEC(struct subject) subjects;
	struct str line, error_line; /* begun, of its two outputs */
	struct str last_error;       /* the last line of the second */
	int64_t flushed_ns;
};

static void send(const struct run *r, const struct subject *subject, struct report report)
{
	report.core = r->core;
	report.order = r->order->number;
	report.job = subject ? subject->job : 0;
	report_send(&report);
}

static void flush(struct run *r, struct subject *subject)
{
	if (subject->log.len > 0 && subject->job != 0)
		send(r, subject,
		     (struct report){.kind = REPORT_LOG, .text = xstrdup(subject->log.p)});
	str_reset(&subject->log);
}

static void flush_all(struct run *r)
{
	for (size_t i = 0; i < r->subjects.n; i++)
		flush(r, &r->subjects.v[i]);
	r->flushed_ns = clock_monotonic_ns();
}

static void settle(struct run *r, struct subject *subject, struct report report)
{
	if (subject->settled) {
		free(report.text);
		json_decref(report.value);
		return;
	}
	subject->settled = true;
	flush(r, subject);
	send(r, subject, report);
}

static void tell(struct run *r, struct subject *subject, json_t *line)
{
	json_t *progress = json_object_get(line, "progress");
	json_t *result = json_object_get(line, "result");
	const char *log = json_string_value(json_object_get(line, "log"));
	const char *error = json_string_value(json_object_get(line, "error"));
	const char *text = json_string_value(json_object_get(line, "text"));

	if (log != NULL)
		str_addf(&subject->log, "%s\n", log);
	if (json_is_number(progress) && !subject->settled && subject->job != 0) {
		double percent = json_number_value(progress);

		percent = percent >= 0 ? percent : 0;
		send(r, subject,
		     (struct report){.kind = REPORT_PROGRESS,
		                     .percent = (int64_t)(percent <= 100 ? percent : 100),
		                     .text = text ? xstrdup(text) : NULL});
	}
	if (error != NULL)
		settle(r, subject,
		       (struct report){.kind = REPORT_FAILED,
		                       .text = xstrdup(error),
		                       .final = json_is_true(json_object_get(line, "final"))});
	else if (result != NULL)
		settle(r, subject,
		       (struct report){.kind = REPORT_DONE, .value = json_deep_copy(result)});
}

static void add_log(struct run *r, const char *text)
{
	for (size_t i = 0; i < r->subjects.n; i++)
		str_addf(&r->subjects.v[i].log, "%s\n", text);
}

static void take_line(struct run *r, struct str *text)
{
	struct problem problem = {0};
	json_t *line = json_parse(text->p, text->len, &problem);
	const char *tag = json_string_value(json_object_get(line, "tag"));
	json_t *safe;

	if (!json_is_object(line)) {
		/* What it should not print there is not lost. */
		safe = json_text(text->p);
		add_log(r, json_string_value(safe));
		json_decref(safe);
	}
	for (size_t i = 0; json_is_object(line) && i < r->subjects.n; i++) {
		struct subject *subject = &r->subjects.v[i];

		if (tag == NULL || (subject->tag != NULL && strcmp(subject->tag, tag) == 0))
			tell(r, subject, line);
	}
	json_decref(line);
}

static void take_error_line(struct run *r, struct str *text)
{
	json_t *safe = json_text(text->p);

	add_log(r, json_string_value(safe));
	str_reset(&r->last_error);
	str_adds(&r->last_error, json_string_value(safe));
	json_decref(safe);
}

static void take_lines(struct run *r, struct str *begun, const char *data, size_t n,
                       void (*take)(struct run *r, struct str *text))
{
	while (n > 0) {
		const char *end = memchr(data, '\n', n);
		size_t len = end != NULL ? (size_t)(end - data) : n;

		if (begun->len < LINE_MOST)
			str_add(begun, data, len);
		if (end != NULL && begun->len > 0) {
			take(r, begun);
			str_reset(begun);
		}
		data += len + (end != NULL);
		n -= len + (end != NULL);
	}
}

static void take_output(void *context, const char *data, size_t n)
{
	struct run *r = context;

	take_lines(r, &r->line, data, n, take_line);
}

static void take_error(void *context, const char *data, size_t n)
{
	struct run *r = context;

	take_lines(r, &r->error_line, data, n, take_error_line);
}

/* Ten times a second. */
static bool tick(void *context)
{
	struct run *r = context;

	if (clock_monotonic_ns() - r->flushed_ns >= FLUSH_NS)
		flush_all(r);
	return r->program->cancelled(r->program->context);
}

static int execute(struct run *r, int *status)
{
	char *argv[] = {xstrdup(r->program->path), NULL};
	struct str text = STR_INIT;
	int input, err;
	struct child child = {.argv = argv,
	                      .out = take_output,
	                      .err = take_error,
	                      .output_ctx = r,
	                      .cancelled = tick,
	                      .cancel_ctx = r,
	                      .timeout_ms = (int)(r->program->seconds * 1000)};

	json_print(r->order->request, &text);
	str_addc(&text, '\n');
	err = input = child.input = child_input(text.p, text.len);
	str_release(&text);
	if (input >= 0)
		err = child_run(&child, status);
	if (input >= 0)
		close(input);
	free(argv[0]);
	return err;
}

/* What is said where the program said nothing. */
static void explain(const struct run *r, int err, int status, struct str *why)
{
	const char *name = r->order->provider;

	if (err == -ETIMEDOUT)
		str_addf(why, "provider %s took longer than %lld s", name,
		         (long long)r->program->seconds);
	else if (err != 0)
		str_addf(why, "provider %s cannot be run: %s: %s", name, r->program->path,
		         strerror(-err));
	else if (WIFSIGNALED(status))
		str_addf(why, "provider %s was killed by signal %d", name, WTERMSIG(status));
	else
		str_addf(why, "provider %s ended with exit code %d without a result", name,
		         WEXITSTATUS(status));
	if (r->last_error.len > 0)
		str_addf(why, ": %s", r->last_error.p);
}

static void begin(struct run *r)
{
	const struct order *order = r->order;

	str_init(&r->line);
	str_init(&r->error_line);
	str_init(&r->last_error);
	for (size_t i = 0; i < order->jobs.n; i++)
		vec_push(&r->subjects, ((struct subject){.job = order->jobs.v[i].id,
		                                         .tag = order->jobs.v[i].tag,
		                                         .log = STR_INIT}));
	if (order->jobs.n == 0)
		vec_push(&r->subjects, ((struct subject){.log = STR_INIT}));
}

/* `why` NULL: those without an outcome get none. */
static void end(struct run *r, const char *why)
{
	for (size_t i = 0; i < r->subjects.n; i++) {
		if (why != NULL)
			settle(r, &r->subjects.v[i],
			       (struct report){.kind = REPORT_FAILED, .text = xstrdup(why)});
		str_release(&r->subjects.v[i].log);
	}
	send(r, NULL, (struct report){.kind = REPORT_END});
	vec_release(&r->subjects);
	str_release(&r->line);
	str_release(&r->error_line);
	str_release(&r->last_error);
}

void program_run(const struct program *program, struct core *core, const struct order *order)
{
	struct run r = {.program = program, .core = core, .order = order};
	struct str why = STR_INIT;
	int status = 0, err;

	begin(&r);
	err = execute(&r, &status);
	if (r.line.len > 0)
		take_line(&r, &r.line);
	if (r.error_line.len > 0)
		take_error_line(&r, &r.error_line);
	flush_all(&r);
	explain(&r, err, status, &why);
	end(&r, err == -ECANCELED ? NULL : why.p);
	str_release(&why);
}

void program_refuse(struct core *core, const struct order *order, const char *why)
{
	struct run r = {.core = core, .order = order};

	begin(&r);
	end(&r, why);
}
