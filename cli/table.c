#include "cli/table.h"

#include "base/terminal.h"
#include "model/json.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

/* Between two columns. */
#define GAP 2
/* No column is made narrower to fit the terminal; some are left out instead. */
#define NARROWEST 12
#define KEPT 3
/* What stands in an object. */
#define SET_OFF 4

/* ---- cells ---- */

/* As a person reads it: dates without their T, what is absent as nothing. */
static void add_value(struct str *out, const json_t *v)
{
	size_t i;
	json_t *element;

	switch (json_typeof(v)) {
	case JSON_NULL:
		break;
	case JSON_STRING:
		str_adds(out, json_string_value(v));
		break;
	case JSON_INTEGER:
		str_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		str_addf(out, "%.10g", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		str_adds(out, json_is_true(v) ? "yes" : "no");
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, element)
		{
			if (i > 0)
				str_addc(out, ',');
			add_value(out, element);
		}
		break;
	case JSON_OBJECT:
		json_print(v, out);
		break;
	}
}

/*
 * A date of the server, to the second and without its T. For a person (`today` is not NULL) the day
 * alone, or the time of one that is today.
 */
static void shorten_date(struct str *s, const json_t *v, const char *today)
{
	if (!json_is_string(v) || s->len != 26 || s->p[10] != 'T' || s->p[4] != '-' ||
	    s->p[13] != ':')
		return;
	s->p[10] = ' ';
	s->p[s->len = 19] = '\0';
	if (today == NULL)
		return;
	if (memcmp(s->p, today, 10) == 0) {
		memmove(s->p, s->p + 11, 9);
		s->len = 8;
	} else {
		s->p[s->len = 10] = '\0';
	}
}

/* What scitq-run puts before the text of a step says nothing to a person. */
static void skip_prologue(struct str *s, const char *name)
{
	const char *line = strchr(s->p, '\n');

	if (strcmp(name, "command") != 0 || line == NULL || strstr(s->p, "SCITQ_LINE") == NULL ||
	    strstr(s->p, "SCITQ_LINE") > line || line[1] == '\0')
		return;
	s->len -= (size_t)(line + 1 - s->p);
	memmove(s->p, line + 1, s->len + 1);
	if (s->p[s->len - 1] == '\'')
		s->p[--s->len] = '\0';
}

/* The cell's text: nothing in it moves the cursor or ends the line. */
static void add_cell(const struct table_print *t, struct str *out, const json_t *row,
                     const char *name)
{
	const json_t *v = json_object_get(row, name);
	size_t start = out->len;
	struct str text = STR_INIT;

	if (v != NULL)
		add_value(&text, v);
	shorten_date(&text, v, t->width > 0 ? t->today : NULL);
	if (t->width > 0)
		skip_prologue(&text, name);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		/* One for each character, which goes on in bytes from 0x80 to 0xbf. */
		if (!t->ascii || c < 0x80)
			str_addc(out, text.p[i]);
		else if (c >= 0xc0)
			str_addc(out, '?');
	}
	for (size_t i = start; i < out->len; i++) {
		if ((unsigned char)out->p[i] < ' ' || out->p[i] == 0x7f)
			out->p[i] = ' ';
		/* U+0080 to U+009F, which control a terminal as well. */
		if ((unsigned char)out->p[i] == 0xc2 && i + 1 < out->len &&
		    (unsigned char)out->p[i + 1] < 0xa0)
			out->p[i] = out->p[i + 1] = '?';
	}
	str_release(&text);
}

/* Characters, taking each as one column. */
static size_t columns_of(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

size_t table_bytes_of(const char *text, size_t len, size_t n)
{
	size_t i = 0;

	while (i < len && (n > 0 || ((unsigned char)text[i] & 0xc0) == 0x80)) {
		n -= ((unsigned char)text[i] & 0xc0) != 0x80;
		i++;
	}
	return i;
}

/* ---- lines ---- */

void table_init(struct table_print *t, const char *columns, const char *least, bool header)
{
	*t = (struct table_print){.columns = columns, .least = least, .header = header};
	date_format(clock_date_us(), t->today);
	if (isatty(STDOUT_FILENO)) {
		t->width = terminal_wanted(STDOUT_FILENO).columns;
		t->ascii = !terminal_is_utf8();
	}
}

static void read_columns(struct table_print *t)
{
	const char *at = t->columns;

	while (*at != '\0') {
		size_t n = strcspn(at, " ");

		assert(t->n < TABLE_COLUMNS && n < sizeof(t->names[0]));
		memcpy(t->names[t->n], at, n);
		t->names[t->n++][n] = '\0';
		at += n + strspn(at + n, " ");
	}
}

/* Names that are long beside what stands below them, as a terminal shows them. */
static const char *title_of(const struct table_print *t, size_t i)
{
	static const char *const shorter[][2] = {
	        {"creation_date", "created"},
	        {"modification_date", "changed"},
	        {"last_contact_date", "seen"},
	        {"start_date", "started"},
	        {"end_date", "ended"},
	        {"expiry_date", "expires"},
	        {"return_code", "exit"},
	        {"execution_id", "execution"},
	        {"task_id", "task"},
	        {"worker_id", "worker"},
	        {"run_id", "run"},
	        {"job_id", "job"},
	        {"task_count", "tasks"},
	        {"reused_count", "reused"},
	        {"concurrency", "slots"},
	        {"worker_concurrency", "slots"},
	        {"worker_prefetch", "prefetch"},
	        {"worker_flavor", "flavor"},
	        {"worker_provider", "provider"},
	        {"worker_region", "region"},
	        {"tasks_per_worker", "per worker"},
	        {"minimum_tasks", "least tasks"},
	        {"maximum_workers", "most workers"},
	};

	for (size_t k = 0; t->width > 0 && k < sizeof(shorter) / sizeof(shorter[0]); k++) {
		if (strcmp(shorter[k][0], t->names[i]) == 0)
			return shorter[k][1];
	}
	return t->names[i];
}

static void measure(struct table_print *t, const json_t *rows)
{
	struct str cell = STR_INIT;
	const json_t *row;
	size_t r;

	for (size_t i = 0; i < t->n; i++) {
		bool any = false;

		t->widths[i] = t->header ? strlen(title_of(t, i)) : 0;
		t->numbers[i] = true;
		json_array_foreach(rows, r, row)
		{
			const json_t *v = json_object_get(row, t->names[i]);
			size_t n;

			str_reset(&cell);
			add_cell(t, &cell, row, t->names[i]);
			n = columns_of(cell.p, cell.len);
			if (n > t->widths[i])
				t->widths[i] = n;
			any = any || json_is_number(v);
			t->numbers[i] = t->numbers[i] &&
			                (v == NULL || json_is_null(v) || json_is_number(v));
		}
		t->numbers[i] = t->numbers[i] && any;
	}
	str_release(&cell);
}

/* Take from the widest column, a character at a time, until the line fits; false where it cannot.
 */
static bool narrow(struct table_print *t)
{
	size_t total = GAP * (t->n - 1);

	for (size_t i = 0; i < t->n; i++)
		total += t->widths[i];
	while (t->width > 0 && total > t->width) {
		size_t widest = 0;

		for (size_t i = 1; i < t->n; i++) {
			if (!t->numbers[i] &&
			    (t->numbers[widest] || t->widths[i] > t->widths[widest]))
				widest = i;
		}
		if (t->numbers[widest] || t->widths[widest] <= NARROWEST)
			return false;
		t->widths[widest]--;
		total--;
	}
	return true;
}

/* The column to leave out: the first of `least` that is still there, else the last. *least goes
 * behind it. */
static size_t least_of(const struct table_print *t, const char **least)
{
	while (**least != '\0') {
		const char *word = *least;
		size_t n = strcspn(word, " ");

		*least = word + n + strspn(word + n, " ");
		for (size_t i = 0; i < t->n; i++) {
			if (strncmp(t->names[i], word, n) == 0 && t->names[i][n] == '\0')
				return i;
		}
	}
	return t->n - 1;
}

/* What does not fit however narrow is left out. */
static void fit(struct table_print *t)
{
	size_t natural[TABLE_COLUMNS];
	const char *least = t->least;

	memcpy(natural, t->widths, sizeof(natural));
	while (!narrow(t) && t->n > KEPT) {
		size_t i = least_of(t, &least), behind = --t->n - i;

		memmove(&t->names[i], &t->names[i + 1], behind * sizeof(t->names[0]));
		memmove(&t->numbers[i], &t->numbers[i + 1], behind * sizeof(t->numbers[0]));
		memmove(&natural[i], &natural[i + 1], behind * sizeof(natural[0]));
		memcpy(t->widths, natural, sizeof(natural));
	}
}

static void add_padded(const struct table_print *t, size_t i, const struct str *cell,
                       struct str *out)
{
	size_t n = columns_of(cell->p, cell->len), len = cell->len;
	size_t pad = n < t->widths[i] ? t->widths[i] - n : 0;
	bool cut = t->width > 0 && n > t->widths[i];

	if (i > 0)
		str_addf(out, "%*s", GAP, "");
	if (t->numbers[i] && pad > 0)
		str_addf(out, "%*s", (int)pad, "");
	if (cut)
		len = table_bytes_of(cell->p, cell->len, t->widths[i] - 3);
	str_add(out, cell->len > 0 ? cell->p : "", len);
	if (cut)
		str_adds(out, "...");
	/* Nothing follows the last column. */
	if (!t->numbers[i] && pad > 0 && i + 1 < t->n)
		str_addf(out, "%*s", (int)pad, "");
}

static void trim(struct str *out, size_t start)
{
	while (out->len > start && out->p[out->len - 1] == ' ')
		out->p[--out->len] = '\0';
	str_addc(out, '\n');
}

void table_add(struct table_print *t, const json_t *rows, struct str *out)
{
	struct str cell = STR_INIT;
	const json_t *row;
	size_t r, start;

	if (t->n == 0) {
		read_columns(t);
		measure(t, rows);
		fit(t);
		start = out->len;
		for (size_t i = 0; t->header && i < t->n; i++) {
			str_reset(&cell);
			str_adds(&cell, title_of(t, i));
			add_padded(t, i, &cell, out);
		}
		if (t->header)
			trim(out, start);
	}
	json_array_foreach(rows, r, row)
	{
		start = out->len;
		for (size_t i = 0; i < t->n; i++) {
			str_reset(&cell);
			add_cell(t, &cell, row, t->names[i]);
			add_padded(t, i, &cell, out);
		}
		trim(out, start);
	}
	str_release(&cell);
}

/* Objects below their name: a table of their own, set off. */
static void add_objects(const json_t *list, struct str *out)
{
	struct table_print table;
	struct str columns = STR_INIT, text = STR_INIT;
	const char *name;
	json_t *value;

	json_object_foreach(json_array_get(list, 0), name, value)
	{
		str_addf(&columns, "%s%s", columns.len > 0 ? " " : "", name);
	}
	table_init(&table, columns.p, "", true);
	table.width = table.width > SET_OFF ? table.width - SET_OFF : 0;
	table_add(&table, list, &text);
	str_addc(out, '\n');
	for (const char *line = text.p; *line != '\0'; line += strcspn(line, "\n") + 1)
		str_addf(out, "%*s%.*s\n", SET_OFF, "", (int)strcspn(line, "\n"), line);
	str_release(&columns);
	str_release(&text);
}

void table_add_object(const json_t *object, struct str *out)
{
	const char *name;
	json_t *value;
	size_t widest = 0;

	json_object_foreach((json_t *)object, name, value)
	{
		if (strlen(name) > widest)
			widest = strlen(name);
	}
	json_object_foreach((json_t *)object, name, value)
	{
		struct str text = STR_INIT;

		if (json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0))
			continue;
		if (json_is_object(json_array_get(value, 0))) {
			str_adds(out, name);
			add_objects(value, out);
			continue;
		}
		str_addf(out, "%-*s  ", (int)widest, name);
		add_value(&text, value);
		shorten_date(&text, value, NULL);
		while (text.len > 0 && text.p[text.len - 1] == '\n')
			text.p[--text.len] = '\0';
		/* A text of several lines stands below its name, each line set off. */
		for (size_t i = 0; i < text.len; i++) {
			if (text.p[i] == '\n')
				str_addf(out, "\n%*s  ", (int)widest, "");
			else
				str_addc(out, (unsigned char)text.p[i] < ' ' && text.p[i] != '\t'
				                      ? '?'
				                      : text.p[i]);
		}
		str_addc(out, '\n');
		str_release(&text);
	}
}
