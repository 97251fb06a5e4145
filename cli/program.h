/*
 * The .scitq file of a run, compiled as the run was, and again with another text in the place of
 * one that its tasks have, which may stand in a module; each with the identities of its tasks.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "base/vec.h"
#include "cli/call.h"
#include "compiler/compile.h"
#include "runtime/identities.h"

struct program {
	char *path;                 /* of the .scitq file, absolute, without symbolic links */
	char *text_path;            /* the same of the file in which the text stands */
	struct compile_files files; /* of text_path new_text */
	struct compile_options options;
	VEC(struct compile_param) params, sets; /* of the command line */
	struct arena arena;                     /* of what the run had */
	struct compilation *before, *after;
	uint32_t task;                 /* whose text it is */
	struct compile_text place;     /* in `before` */
	struct str old_text, new_text; /* of text_path; new_text "": not known yet */
	struct digests digests;
	struct identities ids_before, ids_after;
	char digest[DIGEST_TEXT_SIZE]; /* of the plan with new_text */
	bool open;
};

/*
 * The file that is at the path, compiled with what the run had, or with --param, --set and
 * --profile where one of these is given, and the text of the task of that name. False
 * with the call's code set. Always to be closed.
 */
bool program_open(struct program *p, struct call *c, const char *path, const json_t *run,
                  const char *task);
/* With that text. False with the code set and the diagnostics told where it cannot be compiled. */
bool program_change(struct program *p, struct call *c, const struct str *text);
void program_close(struct program *p);

const struct submission *program_before(const struct program *p);
const struct submission *program_after(const struct program *p);
/* Whether task number i of `before` has the text, too. */
bool program_shares(struct program *p, uint32_t i);

/* Append what has changed, as diff -u shows it. */
void program_patch(const struct program *p, struct str *out);
/* Write new_text, where the file still has old_text. False with the call's code set. */
bool program_write(const struct program *p, struct call *c);

#endif
