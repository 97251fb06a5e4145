/*
 * The compiler: from a .scitq file and its params to what is submitted. Library
 * only: nothing is printed, nothing exits, no state is kept outside a struct
 * compilation, so that a language server can hold several. Used by cli/, lsp/ and
 * runtime's callers.
 *
 *	struct compile_options options = {.path = "qc.scitq"};
 *	struct compilation *c = compile_file(&options);
 *
 *	if (compile_ok(c))
 *		submit(compile_submission(c));
 *	print(compile_diagnostics(c), compile_sources(c));
 *	compile_release(c);
 */
#ifndef COMPILER_COMPILE_H
#define COMPILER_COMPILE_H

#include "base/diag.h"
#include "base/source.h"
#include "base/str.h"
#include "model/submission.h"
#include "stage/seq.h"

#include <stdbool.h>
#include <stddef.h>

enum place_kind { PLACE_MISSING, PLACE_FILE, PLACE_FOLDER };

/* One file of a listing. */
struct compile_found {
	const char *place; /* absolute path, or the URI of one that is not on this machine */
	const char *name; /* relative to the folder, or to the directory in which the glob begins */
	/* What another machine says of the content, another text once that changes; NULL: of this
	   machine, or nothing is said. */
	const char *version;
};

typedef void compile_found_fn(void *found_context, const struct compile_found *found);

/* Bytes that a file may have which is fetched to be read. */
#define COMPILE_FETCH_MOST (64u << 20)

/*
 * Where sheets and input files are looked up. NULL in the options: the file
 * system of this machine, and the storages that it knows. A language server answers with unsaved
 * texts, the fuzzer with invented ones.
 */
struct compile_files {
	/* Append the file's bytes. 0 or -errno. */
	int (*read)(void *context, const char *path, struct str *out);
	enum place_kind (*kind)(void *context, const char *path);
	/*
	 * Call `found` for every regular file that the URI of a folder or glob names, in byte
	 * order. 0 or -errno; -ENOENT where there is no such folder or no match. What is known
	 * of a failure beyond that goes to `why`, as a line.
	 */
	int (*list)(void *context, const char *uri, compile_found_fn *found, void *found_context,
	            struct str *why);
	/* Add the runs that an archive has of the accession, as seq_find() of stage/seq.h. 0 or
	   -errno, and `why` as above. */
	int (*runs)(void *context, enum seq_archive archive, const char *accession,
	            struct arena *arena, struct seq_runs *runs, struct str *why);
	/*
	 * Append the bytes of a small file that another machine has. 0 or -errno, and `why` as
	 * above. NULL: none is fetched.
	 */
	int (*fetch)(void *context, const char *uri, struct str *out, struct str *why);
	/* Is it, or will it be, on a filesystem that other machines may see, too? NULL: no path is.
	 */
	bool (*network)(void *context, const char *path);
	void *context;
};

/* The file system of this machine, and the network. */
extern const struct compile_files compile_disk;

struct compile_param {
	const char *name;
	/* "@path": the content of that file without its last newline; "@@x": "@x". The values of a
	   list have a comma between them; `\,` and `\\` in one are a comma and a backslash. */
	const char *value;
};

/* Append a value to the text of a list, as a param takes it; the first one where `first`. */
void compile_param_add(struct str *list, const char *value, bool first);

/* How far to go. Each stage includes the ones before it. */
enum compile_stage {
	COMPILE_WHOLE, /* as COMPILE_EMIT */
	COMPILE_PARSE,
	COMPILE_RESOLVE,
	COMPILE_CHECK,  /* also reads the sheets that lets name */
	COMPILE_EXPAND, /* counts out the loops */
	COMPILE_PLAN,   /* every task, its requirements, files that collide */
	COMPILE_EMIT,
};

struct compile_options {
	const char *path; /* as the user wrote it; names the file in messages */
	/* NULL: read `path`. Else the text of the file, which need not exist. */
	const char *text;
	size_t text_len;
	const char *cwd; /* absolute; NULL: the working directory */
	const struct compile_param *params;
	size_t nparams;
	/* Settings that win over the file's: "memory", "fastp.memory", "big.region"; override.h. */
	const struct compile_param *sets;
	size_t nsets;
	const char *name;    /* replaces the name of the workflow; may be NULL */
	const char *profile; /* of the file, whose settings and params hold; NULL: none */
	enum compile_stage stop_after;
	/* A file of declarations for others, without a workflow, is right, too: it is checked. */
	bool module;
	/* Number of a test in the file that is to be run, from 1; 0: none. Needs COMPILE_EMIT. */
	size_t test;
	/* After errors of syntax, still find names in what could be read, silently: for editors. */
	bool lenient;
	/* Who makes workers for recruiters, and steps, that name nobody, as --recruit; NULL:
	 * nobody. */
	const char *recruit;
	/* Directories of this machine that workers elsewhere see too, with : between them; NULL. */
	const char *shared;
	/* Ask nobody on the network. Where the file has such a source, what depends on its answer
	   is not looked at and no stage comes after COMPILE_CHECK. */
	bool offline;
	const struct compile_files *files;
};

struct compilation;

/*
 * Never NULL. Texts and arrays that the options point to must stay until
 * compile_release. Several
 * errors are found in one go; a stage is entered only when the ones before it
 * found none (check also runs after resolve complained).
 */
struct compilation *compile_file(const struct compile_options *options);
void compile_release(struct compilation *c);

/* No error so far, and every stage asked for was done. */
bool compile_ok(const struct compilation *c);
/* -errno where the .scitq file itself could not be read (then there is no diagnostic). */
int compile_read_error(const struct compilation *c);
/* Sorted by place. */
const struct diag_sink *compile_diagnostics(const struct compilation *c);
struct sources *compile_sources(struct compilation *c);
/* Of a compilation that is ok after COMPILE_EMIT; it lives as long as that. Else NULL. */
const struct submission *compile_submission(const struct compilation *c);

/* What a stage made, as stable text for tests and for those who look for a mistake in it. */
void compile_dump(struct compilation *c, enum compile_stage stage, struct str *out);
/* "parse", "resolve"...; -1 where there is no such stage. */
int compile_stage_find(const char *word);

/* ---- views of a finished compilation; see graph.c and listing.c ---- */

/* Steps and what flows between them. Both work after COMPILE_CHECK; counts after PLAN. */
void compile_graph_dot(const struct compilation *c, struct str *out);
void compile_graph_mermaid(const struct compilation *c, struct str *out);
/* A drawing of it, by itself. Needs COMPILE_PLAN. */
void compile_graph_svg(const struct compilation *c, struct str *out);

/*
 * Every step with the number of its tasks and every task with the head of its
 * command, inputs, outputs and requirements. `tasks` limits the tasks shown per
 * step; 0: all. Needs COMPILE_EMIT.
 */
void compile_listing(const struct compilation *c, size_t tasks, struct str *out);

/* Who set what: params, and the settings of steps and recruiters; origin.c. Needs COMPILE_CHECK. */
void compile_origins(struct compilation *c, struct str *out);

/* ---- what the compilation depended on, for a lock file; lock.c ---- */

enum lock_section { LOCK_MODULES, LOCK_SOURCES, LOCK_IMAGES, LOCK_SECTIONS };

struct lock_entry {
	enum lock_section section;
	const char *key;    /* a path relative to the file, a listing, the name of an image */
	const char *digest; /* text; NULL: an image whose name has none */
	struct span span;   /* where it is asked for */
};

/* "modules" and the like. */
const char *lock_section_text(enum lock_section section);
size_t compile_lock_count(struct compilation *c);
struct lock_entry *compile_lock_entry(struct compilation *c, size_t i);
/* Add the warning W0301, or the error E0333. before NULL: the file `lock` does not have it. */
void compile_lock_differs(struct compilation *c, size_t i, const char *lock, const char *before,
                          bool refuse);

/* ---- tests in the file; test.c ---- */

/* Known after COMPILE_PARSE. */
size_t compile_test_count(const struct compilation *c);
const char *compile_test_name(const struct compilation *c, size_t i);
/* Of the test that was asked for; where it did not pass, why is in the diagnostics. */
bool compile_test_passed(struct compilation *c);

/* ---- shell texts, for a program that checks such text; scripts.c ---- */

/* Texts of `run` that bash or sh read. 0 before COMPILE_CHECK. */
size_t compile_script_count(const struct compilation *c);
/* Append text number i behind a head that says what holds for it: shell, options, names. */
void compile_script_text(const struct compilation *c, size_t i, struct str *out);

/* A place in what compile_script_text made: from 1, columns in characters, the end behind. */
struct script_finding {
	unsigned line, column, end_line, end_column;
	const char *code;    /* "SC2086" */
	const char *message; /* a line without a full stop */
};

/* Add the warning W0407 at the place in the .scitq file. Those of the head are left out. */
void compile_script_finding(struct compilation *c, size_t i, const struct script_finding *finding);

/* ---- the text of a task, for those who write another; texts.c ---- */

struct compile_text {
	uint32_t file;       /* of compile_sources() */
	const char *path;    /* of that module, absolute; NULL: the .scitq file itself */
	uint32_t first_line; /* from 1 */
	const char *text;    /* without the indentation; each line ends in LF */
	size_t len;
	bool list; /* what `exec` is, in this language; else what the shell of `run` reads */
	uint32_t start, end; /* where it stands in the file */
	const void *place;   /* ours */
};

/*
 * What task number i has, of a submission. False where the compiler made its command, with a
 * clause appended to `why`. It lives as long as the compilation.
 */
bool compile_text_find(struct compilation *c, uint32_t task, struct compile_text *out,
                       struct str *why);
/* Whether task number i has the text that stands there, in whatever import of a module. */
bool compile_text_has(struct compilation *c, uint32_t task, const struct compile_text *at);
/* Append the file that it stands in, with another text in its place. */
void compile_text_replace(const struct compilation *c, const struct compile_text *at,
                          const char *text, size_t len, struct str *out);

/* The text of `scitq-run explain CODE`; false where there is no such code. explain.c */
bool compile_explain(const char *code, struct str *out);

#endif
