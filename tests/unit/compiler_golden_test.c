/*
 * Every FILE.scitq of a directory is compiled; its diagnostics, and what its first
 * lines ask for, must be FILE.out. Those lines are comments:
 *
 *	#@ param NAME=VALUE      as --param
 *	#@ set [STEP.]KEY=VALUE  as --set
 *	#@ test N                run that test of the file
 *	#@ profile NAME          as --profile
 *	#@ lock warn|refuse      nothing is as the lock file says, the first not even in it
 *	#@ finding LINE COLUMN END_LINE END_COLUMN CODE MESSAGE   of the first shell text
 *	#@ remote URI [VERSION]  a file that a storage has, which nobody is asked for then
 *	#@ sheet URI FILE        what is there is that file of the directory
 *	#@ run SAMPLE RUN LAYOUT STRATEGY READS   that the archives have of every accession but NONE
 *	#@ recruit PROVIDER      as --recruit
 *	#@ shared DIR            as --shared
 *	#@ away SCHEME           a storage, or ena or sra, that does not answer
 *	#@ show parse|resolve|check|expand|plan|emit|dot|mermaid|svg|listing|origins|scripts
 *
 * compiler_golden_test [DIRECTORY...]: tests/golden/compiler and tests/bad by
 * default. UPDATE=1 writes the .out files instead. With files as arguments: print.
 * Every code of the compiler's own ranges must occur in some golden, and every
 * submission keep the promises of model/submission.h. What a diagnostic says how to mend is
 * mended in a copy: it must be gone then; also in the goldens of the syntax. Of which codes some
 * are, tests/golden/fixes.out lists.
 */
#include "base/fd.h"
#include "base/words.h"
#include "compiler/compile.h"
#include "dsl/codes.h"
#include "tests/unit/goldens.h"
#include "stage/uri.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 16

/* What the first lines of a file ask for. */
struct wishes {
	struct compile_found remotes[MAX_PARAMS];
	size_t nremotes;
	struct compile_param sheets[MAX_PARAMS]; /* URI, file */
	size_t nsheets;
	const char *dir;
	struct seq_run runs[MAX_PARAMS];
	char run_words[MAX_PARAMS][4][24]; /* of the runs */
	size_t nruns;
	const char *away, *recruit, *shared;
	struct compile_param params[MAX_PARAMS], sets[MAX_PARAMS];
	size_t nparams, nsets;
	char *shows[MAX_PARAMS], *findings[MAX_PARAMS], *lock, *profile;
	size_t nshows, nfindings, test;
	char *text;
};

static void add_run(struct wishes *w, const char *text)
{
	static const enum seq_field fields[] = {SEQ_sample, SEQ_run, SEQ_library_layout,
	                                        SEQ_library_strategy};
	struct seq_run run = {.bases = 1000, .version = "0123;4567"};
	char(*words)[24] = w->run_words[w->nruns];
	unsigned long reads;

	if (sscanf(text, "%23s %23s %23s %23s %lu", words[0], words[1], words[2], words[3],
	           &reads) != 5)
		return;
	for (int i = 0; i < SEQ_FIELD_COUNT; i++)
		run.text[i] = "";
	for (int i = 0; i < 4; i++)
		run.text[fields[i]] = words[i];
	run.reads = reads;
	w->runs[w->nruns++] = run;
}

/* "NAME=VALUE", or with another separator; nothing where there is none, or the list is full. */
static void add_pair(char *text, char separator, struct compile_param *list, size_t *n)
{
	char *value = strchr(text, separator);

	if (value == NULL || *n == MAX_PARAMS)
		return;
	*value = '\0';
	list[(*n)++] = (struct compile_param){text, value + 1};
}

static void read_wishes(const char *text, struct wishes *w)
{
	char *save, *line;

	memset(w, 0, sizeof(*w));
	w->text = strdup(text);
	for (line = strtok_r(w->text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value;

		if (strncmp(line, "#@ param ", 9) == 0)
			add_pair(line + 9, '=', w->params, &w->nparams);
		if (strncmp(line, "#@ set ", 7) == 0)
			add_pair(line + 7, '=', w->sets, &w->nsets);
		if (strncmp(line, "#@ sheet ", 9) == 0)
			add_pair(line + 9, ' ', w->sheets, &w->nsheets);
		if (strncmp(line, "#@ recruit ", 11) == 0)
			w->recruit = line + 11;
		if (strncmp(line, "#@ shared ", 10) == 0)
			w->shared = line + 10;
		if (strncmp(line, "#@ profile ", 11) == 0)
			w->profile = line + 11;
		if (strncmp(line, "#@ lock ", 8) == 0)
			w->lock = line + 8;
		if (strncmp(line, "#@ test ", 8) == 0)
			w->test = strtoul(line + 8, NULL, 10);
		if (strncmp(line, "#@ run ", 7) == 0 && w->nruns < MAX_PARAMS)
			add_run(w, line + 7);
		if (strncmp(line, "#@ away ", 8) == 0)
			w->away = line + 8;
		if (strncmp(line, "#@ remote ", 10) == 0 && w->nremotes < MAX_PARAMS) {
			value = strchr(line + 10, ' ');
			if (value != NULL)
				*value++ = '\0';
			w->remotes[w->nremotes++] =
			        (struct compile_found){.place = line + 10, .version = value};
		}
		if (strncmp(line, "#@ finding ", 11) == 0 && w->nfindings < MAX_PARAMS)
			w->findings[w->nfindings++] = line + 11;
		if (strncmp(line, "#@ show ", 8) == 0 && w->nshows < MAX_PARAMS)
			w->shows[w->nshows++] = line + 8;
	}
}

static void add_finding(struct compilation *c, const char *text)
{
	struct script_finding f;
	char code[16], message[200];

	if (compile_script_count(c) > 0 &&
	    sscanf(text, "%u %u %u %u %15s %199[^\n]", &f.line, &f.column, &f.end_line,
	           &f.end_column, code, message) == 6) {
		f.code = code;
		f.message = message;
		compile_script_finding(c, 0, &f);
	}
}

static void show_scripts(const struct compilation *c, struct str *out)
{
	for (size_t i = 0; i < compile_script_count(c); i++) {
		compile_script_text(c, i, out);
		str_adds(out, "---\n");
	}
}

static void show(struct compilation *c, const char *what, struct str *out)
{
	int stage = compile_stage_find(what);

	if (strcmp(what, "dot") == 0)
		compile_graph_dot(c, out);
	else if (strcmp(what, "mermaid") == 0)
		compile_graph_mermaid(c, out);
	else if (strcmp(what, "svg") == 0)
		compile_graph_svg(c, out);
	else if (strcmp(what, "scripts") == 0)
		show_scripts(c, out);
	else if (strcmp(what, "origins") == 0)
		compile_origins(c, out);
	else if (strcmp(what, "listing") == 0)
		compile_listing(c, 4, out);
	else if (stage > 0)
		compile_dump(c, (enum compile_stage)stage, out);
	else
		str_addf(out, "no such show: %s\n", what);
}

/* Paths of this machine are not the same elsewhere. */
static void hide_cwd(struct str *s, const char *cwd)
{
	size_t n = strlen(cwd);
	struct str out = STR_INIT;

	for (size_t i = 0; i < s->len;) {
		if (s->len - i >= n && memcmp(s->p + i, cwd, n) == 0) {
			str_adds(&out, "/CWD");
			i += n;
		} else {
			str_addc(&out, s->p[i++]);
		}
	}
	str_release(s);
	*s = out;
}

/* As assert, in release builds too. */
#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What model/submission.h promises, of any submission. */
static void check_submission(const struct submission *s)
{
	uint32_t next = 0, removed = 0;
	struct arena arena;

	for (uint32_t i = 0; i < s->step_count; i++) {
		require(s->steps[i].first_task == next);
		next += s->steps[i].task_count;
		for (size_t k = 0; k < s->steps[i].nafter; k++)
			require(s->steps[i].after[k] < i &&
			        s->steps[s->steps[i].after[k]].depth < s->steps[i].depth);
	}
	require(next == s->task_count);
	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count; i++) {
		struct submission_task task;
		struct task limits;
		char **words;
		const char *error;
		size_t n;

		s->task(s, i, &arena, &task);
		s->limits(s, i, &arena, &limits);
		require(limits.retry == task.row.retry &&
		        limits.run_timeout == task.row.run_timeout);
		require((limits.attempt_settings == NULL) == (task.row.attempt_settings == NULL));
		require(limits.attempt_settings == NULL ||
		        strcmp(limits.attempt_settings, task.row.attempt_settings) == 0);
		for (size_t k = 0; k < task.nrequires; k++)
			require(task.requires[k] < i &&
			        (k == 0 || task.requires[k - 1] < task.requires[k]));
		require(words_split(task.row.command, &arena, &words, &n) == WORDS_OK && n > 0);
		if (i >= s->first_removal) {
			require(task.row.output == NULL && task.row.input == NULL);
			require(task.ninputs == 1 && task.inputs[0].producer == task.removes);
			require(task.nrequires > 1 && task.requires[0] == task.removes);
			require(i == s->first_removal || task.removes > removed);
			removed = task.removes;
			continue;
		}
		require(task.row.output[strlen(task.row.output) - 1] == '/');
		require((task.row.input != NULL) == (task.ninputs > 0));
		if (task.row.input != NULL)
			require(uri_list_split(&arena, task.row.input, &words, &n, &error) &&
			        n == task.ninputs);
		if (task.row.resource != NULL)
			require(uri_list_split(&arena, task.row.resource, &words, &n, &error) &&
			        n == task.nresources);
		for (size_t k = 0; k < task.ninputs; k++)
			require(task.inputs[k].producer == UINT32_MAX ||
			        task.inputs[k].producer < i);
		arena_clear(&arena);
	}
	arena_release(&arena);
}

/* Storages have what the file says; this machine what it has. */
static int list(void *context, const char *uri, compile_found_fn *found, void *found_context,
                struct str *why)
{
	const struct wishes *w = context;
	size_t root = strcspn(uri, "*?["), before = 0;

	if (strncmp(uri, "file://", 7) == 0)
		return compile_disk.list(NULL, uri, found, found_context, why);
	if (w->away != NULL && strncmp(uri, w->away, strlen(w->away)) == 0) {
		str_addf(why, "%s: connection refused\n", uri);
		return -EHOSTUNREACH;
	}
	while (root > 0 && uri[root - 1] != '/')
		root--;
	for (size_t i = 0; i < w->nremotes; i++) {
		struct compile_found f = w->remotes[i];

		f.name = f.place + root;
		if (uri[strlen(uri) - 1] == '/' ? strncmp(f.place, uri, root) == 0
		                                : fnmatch(uri, f.place, FNM_PATHNAME) == 0) {
			found(found_context, &f);
			before++;
		}
	}
	return before > 0 ? 0 : -ENOENT;
}

static int runs(void *context, enum seq_archive archive, const char *accession, struct arena *arena,
                struct seq_runs *found, struct str *why)
{
	const struct wishes *w = context;

	(void)arena;
	if (w->away != NULL && strcmp(w->away, archive == SEQ_ENA ? "ena" : "sra") == 0) {
		str_addf(why, "%s: timeout\n", accession);
		return -EHOSTUNREACH;
	}
	if (strcmp(accession, "NONE") == 0) {
		str_addf(why, "%s: ENA knows no such reads\n", accession);
		return -ENOENT;
	}
	for (size_t i = 0; i < w->nruns; i++)
		vec_push(&found->list, w->runs[i]);
	return 0;
}

static int fetch(void *context, const char *uri, struct str *out, struct str *why)
{
	const struct wishes *w = context;
	char path[4300];

	if (w->away != NULL && strncmp(uri, w->away, strlen(w->away)) == 0) {
		str_addf(why, "%s: connection refused\n", uri);
		return -EHOSTUNREACH;
	}
	for (size_t i = 0; i < w->nsheets; i++) {
		if (strcmp(w->sheets[i].name, uri) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", w->dir, w->sheets[i].value);
		return file_read(path, out);
	}
	str_addf(why, "%s: 404 Not Found\n", uri);
	return -ENOENT;
}

/* ---- fixes ---- */

static bool has_diagnostic(const struct diag_sink *sink, const struct diag *d)
{
	for (size_t i = 0; i < sink->n; i++) {
		const struct diag *other = &sink->list[i];

		if (other->code == d->code && other->span.file == d->span.file &&
		    other->span.start == d->span.start && strcmp(other->message, d->message) == 0)
			return true;
	}
	return false;
}

static bool fix_helps(const struct compile_options *options, const struct diag *d)
{
	struct compile_options mended = *options;
	struct str text = STR_INIT;
	struct compilation *c;
	bool gone;

	str_add(&text, options->text, d->fix_span.start);
	str_adds(&text, d->fix);
	str_add(&text, options->text + d->fix_span.end, options->text_len - d->fix_span.end);
	mended.text = text.p;
	mended.text_len = text.len;
	c = compile_file(&mended);
	gone = !has_diagnostic(compile_diagnostics(c), d);
	compile_release(c);
	str_release(&text);
	return gone;
}

/* What the goldens of all directories have in common. */
struct seen {
	bool used[CODES], fixed[CODES];
	int unmended; /* fixes that did not help */
};

/* Mends each mistake of the file that can be mended at once. */
static void try_fixes(struct compilation *c, const struct compile_options *options,
                      struct seen *seen)
{
	const struct diag_sink *sink = compile_diagnostics(c);

	for (size_t i = 0; i < sink->n; i++) {
		const struct diag *d = &sink->list[i];
		struct position at;

		if (d->fix == NULL || d->fix_span.file != 0)
			continue;
		seen->fixed[d->code - diag_codes] = true;
		if (fix_helps(options, d))
			continue;
		at = source_position(compile_sources(c), 0, d->fix_span.start);
		fprintf(stderr, "%s:%u:%u: %s is still there after `%s`\n", options->path, at.line,
		        at.column, d->code->code, d->fix);
		seen->unmended++;
	}
}

static bool try_syntax(const char *dir, const char *name, void *seen)
{
	struct str text = STR_INIT;
	char path[512];
	struct compile_options options = {.path = name, .cwd = "/", .stop_after = COMPILE_PARSE};
	struct compilation *c;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_read(path, &text) != 0)
		return false;
	options.text = text.p;
	options.text_len = text.len;
	c = compile_file(&options);
	try_fixes(c, &options, seen);
	compile_release(c);
	str_release(&text);
	return true;
}

static int print_golden(const char *dir, const char *name, struct seen *seen, struct str *out)
{
	struct str text = STR_INIT;
	struct wishes wishes;
	struct compile_files files;
	struct compile_options options;
	struct compilation *c;
	const struct diag_sink *sink;
	char cwd[4096], full[4200];
	int err;

	if (realpath(dir, cwd) == NULL)
		return -errno;
	snprintf(full, sizeof(full), "%s/%s", cwd, name);
	err = file_read(full, &text);
	if (err < 0)
		return err;
	read_wishes(text.p, &wishes);
	wishes.dir = cwd;
	files = compile_disk;
	files.list = list;
	files.runs = runs;
	files.fetch = fetch;
	files.network = NULL;
	files.context = &wishes;
	options = (struct compile_options){
	        .path = name,
	        .text = text.p,
	        .text_len = text.len,
	        .cwd = cwd,
	        .params = wishes.params,
	        .nparams = wishes.nparams,
	        .sets = wishes.sets,
	        .nsets = wishes.nsets,
	        .test = wishes.test,
	        .profile = wishes.profile,
	        .recruit = wishes.recruit,
	        .shared = wishes.shared,
	        .files = &files,
	};
	c = compile_file(&options);
	try_fixes(c, &options, seen);
	if (wishes.test > 0)
		str_addf(out, "test %s\n", compile_test_passed(c) ? "passed" : "failed");
	for (size_t i = 0; i < wishes.nfindings; i++)
		add_finding(c, wishes.findings[i]);
	for (size_t i = 0; wishes.lock != NULL && i < compile_lock_count(c); i++)
		compile_lock_differs(c, i, "x.lock", i > 0 ? "" : NULL,
		                     strcmp(wishes.lock, "refuse") == 0);
	sink = compile_diagnostics(c);
	for (size_t i = 0; i < sink->n; i++) {
		diag_render(&sink->list[i], compile_sources(c), false, out);
		seen->used[sink->list[i].code - diag_codes] = true;
	}
	for (size_t i = 0; i < wishes.nshows; i++) {
		if (wishes.nshows > 1)
			str_addf(out, "--- %s\n", wishes.shows[i]);
		show(c, wishes.shows[i], out);
	}
	if (compile_submission(c) != NULL)
		check_submission(compile_submission(c));
	hide_cwd(out, cwd);
	compile_release(c);
	free(wishes.text);
	str_release(&text);
	return 0;
}

static bool check(const char *dir, const char *name, void *seen)
{
	struct str got = STR_INIT;
	bool same = print_golden(dir, name, seen, &got) == 0 && goldens_equal(dir, name, &got);

	str_release(&got);
	return same;
}

static int print_files(int n, char **paths)
{
	struct seen seen = {0};

	for (int i = 0; i < n; i++) {
		struct str out = STR_INIT;
		char *slash = strrchr(paths[i], '/'), dir[4096];

		snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - paths[i]) : 1,
		         slash ? paths[i] : ".");
		if (print_golden(dir, slash ? slash + 1 : paths[i], &seen, &out) != 0)
			return 2;
		fputs(out.p, stdout);
		str_release(&out);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const dirs[] = {"tests/golden/compiler", "tests/bad"};
	struct seen seen = {0};
	struct str fixed = STR_INIT;
	int failed = 0, total = 0;

	if (argc > 1)
		return print_files(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		int n = goldens_each(dirs[i], check, &seen, &failed);

		total += n > 0 ? n : 0;
	}
	for (size_t i = 0; i < CODES; i++) {
		/* Those of the syntax have their goldens in tests/golden/syntax. */
		if (strncmp(diag_codes[i].code + 1, "01", 2) != 0 && !seen.used[i]) {
			fprintf(stderr, "%s has no golden\n", diag_codes[i].code);
			failed++;
		}
	}
	goldens_each("tests/golden/syntax", try_syntax, &seen, &failed);
	failed += seen.unmended;
	for (size_t i = 0; i < CODES; i++) {
		if (seen.fixed[i])
			str_addf(&fixed, "%s %s\n", diag_codes[i].code, diag_codes[i].title);
	}
	failed += !goldens_equal("tests/golden", "fixes.scitq", &fixed);
	str_release(&fixed);
	printf("%d goldens, %d failed\n", total, failed);
	return failed > 0;
}
