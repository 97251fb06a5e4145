#include "cli/frozen.h"

#include "model/json.h"
#include "stage/seq.h"

#include <errno.h>
#include <string.h>

/* The kept answer to a question, also among those that are used from now on; NULL: none. */
static json_t *kept(struct frozen *f, const char *question)
{
	json_t *answer = json_object_get(f->known, question);

	if (answer != NULL)
		json_object_set(f->used, question, answer);
	return answer;
}

static int damaged(const char *question, struct str *why)
{
	str_addf(why, "the lock file is damaged at %s\n", question);
	return -EIO;
}

static json_t *text_or_null(const char *text)
{
	return text != NULL ? json_text(text) : json_null();
}

/* ---- listings ---- */

/* What is found, being told on and kept. */
struct recorder {
	json_t *rows;
	compile_found_fn *found;
	void *context;
};

static void record(void *context, const struct compile_found *f)
{
	struct recorder *r = context;

	json_array_append_new(r->rows, json_pack("[o, o, o]", json_text(f->place),
	                                         json_text(f->name), text_or_null(f->version)));
	r->found(r->context, f);
}

static int tell_listing(json_t *rows, const char *question, compile_found_fn *found, void *context,
                        struct str *why)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		struct compile_found f = {json_string_value(json_array_get(row, 0)),
		                          json_string_value(json_array_get(row, 1)),
		                          json_string_value(json_array_get(row, 2))};

		if (f.place == NULL || f.name == NULL)
			return damaged(question, why);
		found(context, &f);
	}
	return json_array_size(rows) > 0 ? 0 : damaged(question, why);
}

static int frozen_list(void *context, const char *uri, compile_found_fn *found, void *found_context,
                       struct str *why)
{
	struct frozen *f = context;
	struct recorder r = {NULL, found, found_context};
	struct str question = STR_INIT;
	json_t *answer;
	int err;

	/* What is on this machine can be looked at each time. */
	if (strncmp(uri, "file:", 5) == 0)
		return compile_disk.list(compile_disk.context, uri, found, found_context, why);
	str_addf(&question, "files(%s)", uri);
	answer = kept(f, question.p);
	if (answer != NULL) {
		err = tell_listing(answer, question.p, found, found_context, why);
	} else {
		r.rows = json_array();
		err = compile_disk.list(compile_disk.context, uri, record, &r, why);
		if (err == 0)
			json_object_set(f->used, question.p, r.rows);
		json_decref(r.rows);
	}
	str_release(&question);
	return err;
}

/* ---- runs ---- */

static json_t *run_object(const struct seq_run *run)
{
	json_t *texts = json_array();

	for (int i = 0; i < SEQ_FIELD_COUNT; i++)
		json_array_append_new(texts, text_or_null(run->text[i]));
	return json_pack("{s:o, s:I, s:I, s:o}", "texts", texts, "reads", (json_int_t)run->reads,
	                 "bases", (json_int_t)run->bases, "version", text_or_null(run->version));
}

static const char *kept_text(json_t *text, struct arena *arena)
{
	return json_is_string(text) ? arena_strdup(arena, json_string_value(text)) : NULL;
}

static int tell_runs(json_t *rows, const char *question, struct arena *arena, struct seq_runs *runs,
                     struct str *why)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *texts = json_object_get(row, "texts");
		struct seq_run run = {
		        .reads = (uint64_t)json_integer_value(json_object_get(row, "reads")),
		        .bases = (uint64_t)json_integer_value(json_object_get(row, "bases")),
		        .version = kept_text(json_object_get(row, "version"), arena),
		};

		for (size_t k = 0; k < SEQ_FIELD_COUNT; k++) {
			run.text[k] = kept_text(json_array_get(texts, k), arena);
			if (run.text[k] == NULL)
				return damaged(question, why);
		}
		vec_push(&runs->list, run);
	}
	return json_array_size(rows) > 0 ? 0 : damaged(question, why);
}

static int frozen_runs(void *context, enum seq_archive archive, const char *accession,
                       struct arena *arena, struct seq_runs *runs, struct str *why)
{
	struct frozen *f = context;
	struct str question = STR_INIT;
	size_t before = runs->list.n;
	json_t *answer, *rows;
	int err;

	str_addf(&question, "%s(%s)", archive == SEQ_ENA ? "ena" : "sra", accession);
	answer = kept(f, question.p);
	if (answer != NULL) {
		err = tell_runs(answer, question.p, arena, runs, why);
	} else {
		err = compile_disk.runs(compile_disk.context, archive, accession, arena, runs, why);
		rows = json_array();
		for (size_t i = before; err == 0 && i < runs->list.n; i++)
			json_array_append_new(rows, run_object(&runs->list.v[i]));
		if (err == 0)
			json_object_set(f->used, question.p, rows);
		json_decref(rows);
	}
	str_release(&question);
	return err;
}

/* ---- sheets ---- */

/* As lines, so that what changes in one can be read; the last has no end. NULL: no text. */
static json_t *lines_of(const struct str *text)
{
	json_t *lines = json_array();
	size_t from = 0;

	while (lines != NULL) {
		const char *end = memchr(text->p + from, '\n', text->len - from);
		size_t to = end != NULL ? (size_t)(end - text->p) : text->len;
		json_t *line = json_stringn(text->p + from, to - from);

		if (line == NULL) {
			json_decref(lines);
			return NULL;
		}
		json_array_append_new(lines, line);
		if (end == NULL)
			break;
		from = to + 1;
	}
	return lines;
}

static int tell_lines(const json_t *lines, const char *question, struct str *out, struct str *why)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (!json_is_string(line))
			return damaged(question, why);
		if (i > 0)
			str_addc(out, '\n');
		str_add(out, json_string_value(line), json_string_length(line));
	}
	return json_array_size(lines) > 0 ? 0 : damaged(question, why);
}

static int frozen_fetch(void *context, const char *uri, struct str *out, struct str *why)
{
	struct frozen *f = context;
	struct str question = STR_INIT, text = STR_INIT;
	json_t *answer, *lines;
	int err;

	str_addf(&question, "sheet(%s)", uri);
	answer = kept(f, question.p);
	if (answer != NULL) {
		err = tell_lines(answer, question.p, out, why);
	} else {
		err = compile_disk.fetch(compile_disk.context, uri, &text, why);
		lines = err == 0 ? lines_of(&text) : NULL;
		if (err == 0 && lines == NULL) {
			str_addf(why, "%s: is no text in UTF-8\n", uri);
			err = -EILSEQ;
		} else if (err == 0) {
			json_object_set_new(f->used, question.p, lines);
			str_add(out, text.p, text.len);
		}
	}
	str_release(&question);
	str_release(&text);
	return err;
}

void frozen_init(struct frozen *f, json_t *known)
{
	f->known = known;
	f->used = json_object();
	f->files = compile_disk;
	f->files.list = frozen_list;
	f->files.runs = frozen_runs;
	f->files.fetch = frozen_fetch;
	f->files.context = f;
}

void frozen_release(struct frozen *f)
{
	json_decref(f->used);
	f->used = NULL;
}
