/*
 * The .scitq file of a run, compiled as the run was, and again with another text in the place of
 * one that its tasks have, which may stand in a module; each with the identities of its tasks.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include "base/vec.h"
#include "cli/call.h"
#include "cli/frozen.h"
#include "cli/lock_file.h"
#include "compiler/compile.h"
#include "runtime/identities.h"

/* A file that is to be read as another text than it has on the disk. */
struct draft {
	char *path;         /* absolute, without symbolic links */
	struct str was, is; /* was: on the disk, when it was read */
};

struct drafts {
	VEC(struct draft) list;
};

struct program {
	/* First, since what is read by its files is ours, too: texts of drafts, and new_text. */
	struct frozen frozen;
	struct lock_file lock;
	char *path;      /* of the .scitq file, absolute, without symbolic links */
	char *text_path; /* the same of the file in which the text stands */
	const struct drafts *drafts;
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
 * --profile where one of these is given, and the text of the task of that name. drafts
 * may be NULL. False with the call's code set. Always to be closed.
 */
bool program_open(struct program *p, const struct drafts *drafts, struct call *c, const char *path,
                  const json_t *run, const char *task);
/* With that text. False with the code set and the diagnostics told where it cannot be compiled. */
bool program_change(struct program *p, struct call *c, const struct str *text);
void program_close(struct program *p);

const struct submission *program_before(const struct program *p);
const struct submission *program_after(const struct program *p);
/* Whether task number i of `before` has the text, too. */
bool program_shares(struct program *p, uint32_t i);

/* What helps where the file is not that of the tasks, and where it has not what they are. */
const char *program_as_run(const struct drafts *drafts);
extern const char program_alone[];

/* Append what has changed, as diff -u shows it. */
void program_patch(const struct program *p, struct str *out);
/* Write new_text, where the file still has old_text. False with the call's code set. */
bool program_write(const struct program *p, struct call *c);

/* On standard error. */
void program_tell_written(const char *path, bool module);

/* From here on the program's file is to be read as new_text. */
void drafts_keep(struct drafts *drafts, const struct program *p);
void drafts_release(struct drafts *drafts);
/* Append what has changed of all of them; `path` is that of the .scitq file. */
void drafts_patch(const struct drafts *drafts, const char *path, struct str *out);
/* Write it. False with the code of the call set. */
bool draft_write(const struct draft *d, struct call *c);

#endif
