/*
 * The .scitq file of a run, compiled as the run was, and again with another text in the place of
 * one of its `run`s; each with the identities of its tasks.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "base/vec.h"
#include "cli/call.h"
#include "compiler/compile.h"
#include "runtime/identities.h"

struct program {
	char *path; /* of the file, absolute */
	struct compile_options options;
	VEC(struct compile_param) params, sets; /* of the command line */
	struct arena arena;                     /* of what the run had */
	struct compilation *before, *after;
	struct compile_text place; /* of the `run`, in `before` */
	struct str old_text, new_text;
	struct digests digests;
	struct identities ids_before, ids_after;
	char digest[DIGEST_TEXT_SIZE]; /* of the plan of new_text */
	bool open;
};

/*
 * The file that is at the path, compiled with what the run had, or with --param, --set and
 * --profile where one of these is given, and the `run` that begins at `source`, "FILE:LINE". False
 * with the call's code set. Always to be closed.
 */
bool program_open(struct program *p, struct call *c, const char *path, const json_t *run,
                  const char *source);
/* With that text. False with the code set and the diagnostics told where it cannot be compiled. */
bool program_change(struct program *p, struct call *c, const struct str *text);
void program_close(struct program *p);

const struct submission *program_before(const struct program *p);
const struct submission *program_after(const struct program *p);

/* What has changed, as diff -u shows it. */
void program_patch(const struct program *p, struct str *out);
/* Write new_text, where the file still has old_text. False with the call's code set. */
bool program_write(const struct program *p, struct call *c);

#endif
