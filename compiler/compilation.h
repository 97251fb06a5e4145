/*
 * What the passes of one compilation share; private to compiler/. Everything is
 * owned by `arena` unless a release in compile.c says otherwise.
 */
#ifndef COMPILER_COMPILATION_H
#define COMPILER_COMPILATION_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/source.h"
#include "compiler/compile.h"
#include "compiler/env.h"
#include "compiler/plan.h"
#include "compiler/program.h"
#include "dsl/codes.h"

#include <regex.h>

/* A sheet as it was read; its cells point into the text, which is cut up. */
struct sheet_text {
	const char *name; /* as the file wrote it */
	const char *full; /* its path or URI */
	const char *text;
	size_t len;
};

struct compilation {
	struct arena arena;
	struct compile_options options; /* a copy; what it points to is the caller's */
	struct compile_files files;
	struct sources sources;
	struct diag_sink sink;
	int read_error;
	uint32_t file;
	const char *cwd; /* absolute */
	/* Directories that relative paths start from; [0] is the .scitq file's. Absolute. */
	VEC(const char *) bases;
	VEC(regex_t *) regexes;
	VEC(struct sheet_text) sheets; /* that stay; for sheet_cell() */
	struct ast *ast;
	struct program program;
	struct env env;
	struct plan plan;
	const char *workflow; /* its name, after check */
	const char *storage;  /* URI of a folder, after check */
	struct submission *submission;
	VEC(struct lock_entry *) locks;
	struct map locked_keys; /* of them */
	bool images_noted;
	enum compile_stage done; /* the last stage that was finished without an error */
	struct map answers;      /* of the network, by question; network.c */
	struct map versions;     /* what was told of a file there, by its URI */
	bool unasked;            /* offline, something on the network was to be asked */
	/*
	 * The body of a step with parameters means something else at each of its uses. What
	 * is bound while use number n is looked at is found only while it is looked at again;
	 * 0: outside of such bodies.
	 */
	uint32_t use, uses;
};

/* The passes, each in the file of its name. */
void compile_resolve(struct compilation *c);
void compile_check(struct compilation *c);
void compile_expand(struct compilation *c);
void compile_plan(struct compilation *c);
void compile_emit(struct compilation *c);
/* Of `then`; then.c. */
void check_next(struct compilation *c, struct next *next);
void emit_nexts(struct compilation *c, struct submission *s);
/*
 * What the setting, `input` or `resource`, of a task names, which env stands at; emit.c. In the
 * arena of env, which that of plan.other is to be, too.
 */
const struct submission_uri *emit_uris(struct compilation *c, const struct step *step,
                                       uint32_t tuple, enum setting_key key, size_t *n);
/* How a step takes what another one makes; graph.c. */
enum flow { FLOW_NONE, FLOW_ORDER, FLOW_DATA, FLOW_GATHER };
enum flow flow_between(const struct step *from, const struct step *to);
/* Of one value, which takes by `plain` unless it gathers. */
enum flow flow_of(const struct node *n, const struct step *from, enum flow plain);
/* The assertions of the test that runs, if any; test.c. */
void compile_test(struct compilation *c);
/* The same of the profile that holds; profile.c. */
const struct expr *profile_param(const struct compilation *c, const char *name);
/* What the test that runs gives for a param of the file; NULL: nothing. */
const struct expr *test_param(const struct compilation *c, const char *name);

/*
 * Report; on the result use diag_label(), diag_help() and diag_relate() at once.
 *
 *	report(c, E0201, span, "...", ...)
 */
#define report(c, code, span, ...) diag_add(&(c)->sink, code_of(code), (span), __VA_ARGS__)
#define label(c, d, ...) diag_label(&(c)->sink, (d), __VA_ARGS__)
#define help(c, d, ...) diag_help(&(c)->sink, (d), __VA_ARGS__)
#define fix(c, d, span, ...) diag_fix(&(c)->sink, (d), (span), __VA_ARGS__)
#define relate(c, d, span, ...) diag_relate(&(c)->sink, (d), (span), __VA_ARGS__)

/* What resolve.c found for a name; the key is its EXPR_NAME. NULL: never looked at. */
struct binding *binding_of(struct compilation *c, const void *name);

/* The directory that relative paths of the file of this place start from. */
uint16_t base_at(const struct compilation *c, struct span place);
/* "qc.scitq:47", in the arena. */
const char *place_text(struct compilation *c, struct span place, struct arena *arena);

/* A directory's number in bases; added where it is new. */
uint16_t base_add(struct compilation *c, const char *dir);

/* "INPUT" for `input`: the variable of a task that is called so in another case, or NULL. */
const char *task_variable_like(const char *name);
/* The one nearest to a name that is none of them, or NULL. */
const char *task_variable_nearest(const char *name);

#endif
