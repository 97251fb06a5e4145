#include "cli/report.h"

#include "base/clock.h"
#include "base/fd.h"
#include "cli/io.h"
#include "cli/object.h"
#include "cli/table.h"
#include "cli/trace.h"
#include "cli/written.h"
#include "model/field.h"
#include "runtime/progress.h"
#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is drawn and told of a very large run; the text says so where more is left out. */
#define BARS_MOST 5000
#define FAILURES_MOST 50
/* Bytes of standard error shown of a failure. */
#define ERROR_TAIL "4000"

#define WIDTH 1000 /* of the drawings, in pixels */
#define LANE 14
#define BOX_WIDTH 150
#define BOX_HEIGHT 34
#define BOX_LETTERS 21 /* of a name in a box */

static const char style[] = ":root{color-scheme:light dark}:focus-visible{outline:2px solid "
                            "#4c8eda;outline-offset:2px}summary{cursor:pointer}body{font:15px/1.45 "
                            "system-ui,sans-serif;margin:2rem "
                            "auto;max-width:1040px;padding:0 1rem;color:#1b1f24;background:#fff}"
                            "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-"
                            "collapse:collapse;width:100%}"
                            "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid "
                            "#d8dee4}td.n,th.n{text-align:right;font-variant-numeric:"
                            "tabular-nums}pre{background:#f6f8fa;padding:.7rem;overflow-x:auto;"
                            "font-size:13px}.bad{color:#b3261e}.good{color:#1a7f37}"
                            "i{display:inline-block;width:.8em;height:.8em;margin-right:.5em;"
                            "print-color-adjust:exact;-webkit-print-color-adjust:exact}"
                            ".wide{overflow-x:auto}.wide>svg.line{width:100%;min-width:900px}"
                            "th,td:first-child{white-space:nowrap}"
                            "svg{height:auto}svg text{font:11px "
                            "system-ui,sans-serif;fill:#1b1f24}details{margin:.6rem 0}"
                            "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#"
                            "0d1117}pre{background:#161b22}th,td{border-color:#30363d}"
                            "svg text{fill:#e6edf3}.bad{color:#ff7b72}.good{color:#56d364}}"
                            "@media print{body{margin:0;max-width:none}pre{white-space:pre-wrap}"
                            "h2{break-after:avoid}tr,summary{break-inside:avoid}}";

/* Of the executions of a step in the time line, and beside its name; red is for what failed. */
static const char *colour_of(size_t step)
{
	static const char *const colours[] = {"#4c78a8", "#72b7b2", "#54a24b",
	                                      "#eeca3b", "#b279a2", "#9d755d"};

	return colours[step % (sizeof(colours) / sizeof(colours[0]))];
}

/* As text of HTML and of its attributes. */
static void add_text(struct str *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '&')
			str_adds(out, "&amp;");
		else if (*text == '<')
			str_adds(out, "&lt;");
		else if (*text == '>')
			str_adds(out, "&gt;");
		else if (*text == '"')
			str_adds(out, "&quot;");
		else if ((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t')
			str_addc(out, *text);
	}
}

static void add_date(struct str *out, int64_t date_us)
{
	char text[DATE_TEXT_SIZE] = "";

	if (date_us != DATE_NULL) {
		date_format(date_us, text);
		text[10] = ' ';
	}
	str_addf(out, "%.19s", text);
}

static void add_duration(struct str *out, int64_t us)
{
	char text[24];

	duration_text(us * 1000, text);
	str_adds(out, text);
}

/* ---- steps ---- */

static int by_size(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* How long the executions of a step ran, and what they took. */
struct sums {
	VEC(double) seconds;
	double total, cpu;
	int64_t memory;
};

static void sum_up(const struct trace *t, size_t step, struct sums *s)
{
	for (size_t i = 0; i < t->executions.n; i++) {
		const struct trace_execution *e = &t->executions.v[i];

		if (t->tasks.v[e->task].step != step)
			continue;
		if (e->start_us != DATE_NULL && e->end_us != DATE_NULL) {
			double seconds = (double)(e->end_us - e->start_us) / 1e6;

			vec_push(&s->seconds, seconds);
			s->total += seconds;
		}
		if (!isnan(e->cpu_seconds))
			s->cpu += e->cpu_seconds;
		if (e->peak_memory != INT_NULL && e->peak_memory > s->memory)
			s->memory = e->peak_memory;
	}
	if (s->seconds.n > 0)
		qsort(s->seconds.v, s->seconds.n, sizeof(double), by_size);
}

/* What is wider than the window is moved in a box of its own, also by keys. */
static void open_wide(struct str *out, const char *what)
{
	str_addf(out, "<div class=wide tabindex=0 role=region aria-label=\"%s\">", what);
}

static void add_seconds(struct str *out, double seconds)
{
	str_adds(out, "<td class=n>");
	add_duration(out, (int64_t)(seconds * 1e6));
	str_adds(out, "</td>");
}

/* Of a step of which nothing ran there are none. */
static void add_sums(struct str *out, const struct sums *s)
{
	if (s->seconds.n == 0) {
		str_adds(out, "<td><td><td><td><td></tr>\n");
		return;
	}
	add_seconds(out, s->seconds.v[s->seconds.n / 2]);
	add_seconds(out, s->seconds.v[s->seconds.n - 1]);
	add_seconds(out, s->total);
	add_seconds(out, s->cpu);
	str_addf(out, "<td class=n>%.1f MB</tr>\n", (double)s->memory / 1e6);
}

static size_t not_run(const struct trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->steps.n; i++)
		n += t->steps.v[i].not_run;
	return n;
}

static void add_steps(struct str *out, const struct trace *t)
{
	const bool some = not_run(t) > 0;

	str_adds(out, "<h2>Steps</h2>\n");
	open_wide(out, "steps");
	str_addf(out,
	         "<table><tr><th>step<th class=n>tasks<th "
	         "class=n>succeeded<th class=n>failed%s<th class=n>executions"
	         "<th class=n>median<th class=n>longest<th class=n>in all<th class=n>cpu<th "
	         "class=n>peak memory</tr>\n",
	         some ? "<th class=n>not run" : "");
	for (size_t i = 0; i < t->steps.n; i++) {
		const struct trace_step *step = &t->steps.v[i];
		struct sums s = {0};

		sum_up(t, i, &s);
		str_addf(out, "<tr><td><i style=\"background:%s\"></i>", colour_of(i));
		add_text(out, step->name);
		str_addf(out, "<td class=n>%zu<td class=n>%zu<td class=\"n%s\">%zu", step->tasks,
		         step->succeeded, step->failed > 0 ? " bad" : "", step->failed);
		if (some)
			str_addf(out, "<td class=n>%zu", step->not_run);
		str_addf(out, "<td class=n>%zu", step->executions);
		add_sums(out, &s);
		vec_release(&s.seconds);
	}
	str_adds(out, "</table></div>\n");
}

/* ---- the graph of the steps ---- */

/* Red where something failed, green where all is done. */
static const char *frame_of(const struct trace_step *step)
{
	if (step->failed > 0)
		return "#b3261e";
	return step->succeeded == step->tasks ? "#1a7f37" : "#8b949e";
}

/* A name in its box; the whole one where the pointer stays. */
static void add_fitting(struct str *out, const char *name)
{
	size_t n = table_bytes_of(name, strlen(name), BOX_LETTERS);
	struct str part = STR_INIT;

	if (n == strlen(name)) {
		add_text(out, name);
		return;
	}
	str_adds(out, "<title>");
	add_text(out, name);
	str_adds(out, "</title>");
	str_add(&part, name, table_bytes_of(name, n, BOX_LETTERS - 1));
	add_text(out, part.p);
	str_adds(out, "&hellip;");
	str_release(&part);
}

static void add_graph(struct str *out, const struct trace *t)
{
	VEC(size_t) depth = {0};
	VEC(size_t) place = {0};
	VEC(size_t) filled = {0}; /* boxes in each column */
	size_t columns = 0, rows = 0;

	/* A step is behind those that it takes from: they were submitted before it. */
	for (size_t i = 0; i < t->steps.n; i++) {
		size_t d = 0;

		for (size_t k = 0; k < t->steps.v[i].after.n; k++) {
			size_t before = t->steps.v[i].after.v[k];

			if (before < i && depth.v[before] + 1 > d)
				d = depth.v[before] + 1;
		}
		while (filled.n <= d)
			vec_push(&filled, 0);
		vec_push(&depth, d);
		vec_push(&place, filled.v[d]);
		filled.v[d]++;
		columns = d + 1 > columns ? d + 1 : columns;
		rows = filled.v[d] > rows ? filled.v[d] : rows;
	}
	str_adds(out, "<h2>Graph</h2>\n");
	open_wide(out, "graph of the steps");
	str_addf(out,
	         "<svg width=%zu viewBox=\"0 0 %zu %zu\" role=img "
	         "aria-label=\"graph of the "
	         "steps\">\n",
	         columns * (BOX_WIDTH + 50), columns * (BOX_WIDTH + 50),
	         rows * (BOX_HEIGHT + 16) + 4);
	for (size_t i = 0; i < t->steps.n; i++) {
		for (size_t k = 0; k < t->steps.v[i].after.n; k++) {
			size_t b = t->steps.v[i].after.v[k];

			str_addf(out,
			         "<path d=\"M%zu %zu C%zu %zu %zu %zu %zu %zu\" fill=none "
			         "stroke=\"#8b949e\"/>\n",
			         depth.v[b] * (BOX_WIDTH + 50) + BOX_WIDTH,
			         place.v[b] * (BOX_HEIGHT + 16) + BOX_HEIGHT / 2,
			         depth.v[b] * (BOX_WIDTH + 50) + BOX_WIDTH + 25,
			         place.v[b] * (BOX_HEIGHT + 16) + BOX_HEIGHT / 2,
			         depth.v[i] * (BOX_WIDTH + 50) - 25,
			         place.v[i] * (BOX_HEIGHT + 16) + BOX_HEIGHT / 2,
			         depth.v[i] * (BOX_WIDTH + 50),
			         place.v[i] * (BOX_HEIGHT + 16) + BOX_HEIGHT / 2);
		}
	}
	for (size_t i = 0; i < t->steps.n; i++) {
		size_t x = depth.v[i] * (BOX_WIDTH + 50) + 1,
		       y = place.v[i] * (BOX_HEIGHT + 16) + 1;

		str_addf(out,
		         "<rect x=%zu y=%zu width=%d height=%d rx=5 fill=none stroke=\"%s\" "
		         "stroke-width=1.5 />",
		         x, y, BOX_WIDTH - 1, BOX_HEIGHT, frame_of(&t->steps.v[i]));
		str_addf(out, "<text x=%zu y=%zu>", x + 8, y + 15);
		add_fitting(out, t->steps.v[i].name);
		str_addf(out, "</text><text x=%zu y=%zu>%zu of %zu</text>\n", x + 8, y + 28,
		         t->steps.v[i].succeeded, t->steps.v[i].tasks);
	}
	str_adds(out, "</svg></div>\n");
	vec_release(&depth);
	vec_release(&place);
	vec_release(&filled);
}

/* ---- the time line ---- */

struct lane {
	int64_t worker_id, free_us; /* from when on nothing is drawn in it */
};

struct bar {
	const struct trace_execution *e;
	size_t lane;
};

static int by_start(const void *left, const void *right)
{
	const struct bar *a = left, *b = right;

	return (a->e->start_us > b->e->start_us) - (a->e->start_us < b->e->start_us);
}

static void add_timeline(struct str *out, struct trace *t)
{
	VEC(struct bar) bars = {0};
	VEC(struct lane) lanes = {0};
	int64_t begin = INT64_MAX, end = INT64_MIN;
	size_t left_out = 0;
	double scale;

	for (size_t i = 0; i < t->executions.n; i++) {
		const struct trace_execution *e = &t->executions.v[i];

		if (e->start_us == DATE_NULL || e->end_us == DATE_NULL)
			continue;
		if (bars.n == BARS_MOST) {
			left_out++;
			continue;
		}
		vec_push(&bars, ((struct bar){e, 0}));
		begin = e->start_us < begin ? e->start_us : begin;
		end = e->end_us > end ? e->end_us : end;
	}
	if (bars.n == 0) {
		vec_release(&bars);
		return;
	}
	qsort(bars.v, bars.n, sizeof(*bars.v), by_start);
	for (size_t i = 0; i < bars.n; i++) {
		const struct trace_execution *e = bars.v[i].e;
		size_t lane = 0;

		while (lane < lanes.n && (lanes.v[lane].worker_id != e->worker_id ||
		                          lanes.v[lane].free_us > e->start_us))
			lane++;
		if (lane == lanes.n)
			vec_push(&lanes, ((struct lane){e->worker_id, 0}));
		lanes.v[lane].free_us = e->end_us;
		bars.v[i].lane = lane;
	}
	scale = (WIDTH - 120) / (double)(end > begin ? end - begin : 1);
	str_addf(out, "<h2>Time line</h2>\n<p>Each step in its colour, as in the table above; what "
	              "failed "
	              "in red.</p>\n");
	open_wide(out, "time line");
	str_addf(out,
	         "<svg class=line viewBox=\"0 0 %d %zu\" role=img "
	         "aria-label=\"what ran "
	         "when on which worker\">\n",
	         WIDTH, lanes.n * LANE + 20);
	for (size_t i = 0; i < lanes.n; i++) {
		str_addf(out, "<text x=0 y=%zu>", i * LANE + 11);
		add_text(out, trace_worker(t, lanes.v[i].worker_id));
		str_adds(out, "</text>\n");
	}
	for (size_t i = 0; i < bars.n; i++) {
		const struct trace_execution *e = bars.v[i].e;
		bool failed = e->status == NULL || strcmp(e->status, "succeeded") != 0;
		double width = (double)(e->end_us - e->start_us) * scale;

		str_addf(out, "<rect x=%.1f y=%zu width=%.1f height=%d fill=\"%s\"><title>",
		         120 + (double)(e->start_us - begin) * scale, bars.v[i].lane * LANE + 1,
		         width > 0.8 ? width : 0.8, LANE - 2,
		         failed ? "#d1453b" : colour_of(t->tasks.v[e->task].step));
		add_text(out, t->tasks.v[e->task].name);
		str_adds(out, " ");
		add_duration(out, e->end_us - e->start_us);
		str_adds(out, "</title></rect>\n");
	}
	str_addf(out, "<text x=120 y=%zu>0</text><text x=%d y=%zu text-anchor=end>",
	         lanes.n * LANE + 14, WIDTH, lanes.n * LANE + 14);
	add_duration(out, end - begin);
	str_adds(out, "</text></svg></div>\n");
	if (left_out > 0)
		str_addf(out, "<p>%zu later executions are not drawn.</p>\n", left_out);
	vec_release(&bars);
	vec_release(&lanes);
}

/* ---- failures ---- */

/* The last execution of the task; NULL: it had none. */
static const struct trace_execution *last_of(const struct trace *t, size_t task)
{
	for (size_t i = t->executions.n; i > 0; i--) {
		if (t->executions.v[i - 1].task == task)
			return &t->executions.v[i - 1];
	}
	return NULL;
}

/* As it was written, without what scitq-run puts before it. */
static void add_command(struct str *out, const char *command)
{
	struct str text = STR_INIT, why = STR_INIT;
	struct written written;
	struct arena arena;

	arena_init(&arena);
	if (written_read(command, NULL, &arena, &written, &why))
		written_script(&written, NULL, &text);
	add_text(out, text.len > 0 ? text.p : command);
	str_release(&text);
	str_release(&why);
	arena_release(&arena);
}

static bool add_failure(struct str *out, struct trace *t, struct call *c, size_t i)
{
	const struct trace_task *task = &t->tasks.v[i];
	const struct trace_execution *e = last_of(t, i);
	struct str path = STR_INIT, text = STR_INIT;
	bool ok;

	if (e == NULL)
		return true; /* it waited for one that failed */
	str_adds(out, "<details open><summary><b class=bad>");
	add_text(out, task->name);
	str_adds(out, "</b> ");
	if (e->message != NULL)
		add_text(out, e->message);
	else if (e->return_code != INT_NULL)
		str_addf(out, "exit %lld", (long long)e->return_code);
	str_adds(out, " on ");
	add_text(out, trace_worker(t, e->worker_id));
	if (task->source != NULL) {
		str_adds(out, " &middot; ");
		add_text(out, task->source);
	}
	str_addf(&path, "/executions/%lld/log/stderr?tail=" ERROR_TAIL, (long long)e->id);
	ok = call_bytes(c, path.p, &text);
	str_adds(out, "</summary><pre>");
	add_text(out, text.len > 0 ? text.p : "(nothing on standard error)");
	str_adds(out, "</pre><pre>");
	add_command(out, e->command != NULL ? e->command : task->command);
	str_adds(out, "</pre></details>\n");
	str_release(&path);
	str_release(&text);
	return ok;
}

static bool add_failures(struct str *out, struct trace *t, struct call *c)
{
	size_t n = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < t->tasks.n; i++) {
		if (t->tasks.v[i].status == NULL || strcmp(t->tasks.v[i].status, "failed") != 0 ||
		    t->tasks.v[i].not_run)
			continue;
		if (n == 0)
			str_adds(out, "<h2>Failures</h2>\n");
		if (n++ < FAILURES_MOST)
			ok = add_failure(out, t, c, i);
	}
	if (n > FAILURES_MOST)
		str_addf(out, "<p>%zu more tasks failed.</p>\n", n - FAILURES_MOST);
	return ok;
}

/* ---- the page ---- */

static void add_head(struct str *out, const struct trace *t)
{
	size_t tasks = t->tasks.n, succeeded = 0, failed = 0;
	bool good = t->status != NULL && strcmp(t->status, "succeeded") == 0;

	for (size_t i = 0; i < t->steps.n; i++) {
		succeeded += t->steps.v[i].succeeded;
		failed += t->steps.v[i].failed;
	}
	str_adds(out, "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport "
	              "content=\"width=device-width\"><title>");
	add_text(out, t->workflow);
	str_addf(out, " run %lld</title><style>%s</style>\n<h1>", (long long)t->run_id, style);
	add_text(out, t->workflow);
	str_addf(out, ", run %lld: <span class=%s>", (long long)t->run_id, good ? "good" : "bad");
	add_text(out, t->status);
	str_addf(out, "</span></h1>\n<p>%zu tasks: %zu succeeded, %zu failed, ", tasks, succeeded,
	         failed);
	if (not_run(t) > 0)
		str_addf(out, "%zu not run, ", not_run(t));
	str_addf(out, "%zu executions. ", t->executions.n);
	if (t->reused > 0)
		str_addf(out, "%lld more reused from earlier runs. ", (long long)t->reused);
	str_adds(out, "Submitted ");
	add_date(out, t->begin_us);
	str_adds(out, " UTC");
	if (t->owner != NULL) {
		str_adds(out, " by ");
		add_text(out, t->owner);
	}
	if (t->end_us != DATE_NULL) {
		str_adds(out, ", took ");
		add_duration(out, t->end_us - t->begin_us);
	}
	str_adds(out, ".");
	if (t->source != NULL) {
		str_adds(out, " File ");
		add_text(out, t->source);
		str_adds(out, ".");
	}
	str_adds(out, "</p>\n");
}

/* To the file, or to standard output for "-". */
static int write_page(struct call *c, const char *file, struct str *page)
{
	struct str said = STR_INIT;
	int result;

	if (strcmp(file, "-") == 0)
		return io_print(page);
	result = file_replace(file, page->p, page->len, 0644);
	str_release(page);
	if (result != 0) {
		call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", file, strerror(-result));
		return c->code;
	}
	str_addf(&said, "%s\n", file);
	return io_print(&said);
}

int report(const struct command_call *command)
{
	struct str page = STR_INIT, name = STR_INIT;
	struct keys keys = {0};
	struct call c;
	struct trace t;

	if (call_open(&c, command) && object_keys(&c, object_named("run"), &keys)) {
		if (trace_read(&t, &c, keys.list.v[0])) {
			add_head(&page, &t);
			add_steps(&page, &t);
			add_graph(&page, &t);
			add_timeline(&page, &t);
			str_addf(&name, "%s-%lld.html", t.workflow, (long long)t.run_id);
			if (add_failures(&page, &t, &c)) {
				str_adds(&page, "</html>\n");
				c.code = write_page(&c,
				                    command_has(command, "output")
				                            ? command_value(command, "output")
				                            : name.p,
				                    &page);
			}
		}
		trace_release(&t);
	}
	keys_release(&keys);
	str_release(&name);
	return call_close(&c);
}
