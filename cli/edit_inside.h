/*
 * What the files of `scitq edit` share:
 *
 *	edit.c        from the command line to what is told
 *	edit_dialog.c the same of scitq-run --debug
 *	edit_text.c   the text, as it is and as it is to be
 *	edit_tasks.c  the tasks that get it
 */
#ifndef CLI_EDIT_INSIDE_H
#define CLI_EDIT_INSIDE_H

#include "cli/call.h"
#include "cli/object.h"
#include "cli/program.h"
#include "cli/written.h"
#include "model/member.h"

/* A PUT of a task. */
struct edit_put {
	const json_t *row; /* as we saw it */
	json_t *body;      /* gone when it was sent */
	bool chosen;
	bool done, refused; /* refused: it is in another status now */
};

struct edit {
	struct call call;
	struct debug *debug;         /* the dialog that asks for it; NULL: it is a command */
	const struct drafts *drafts; /* of that */
	json_t *run;                 /* NULL: the tasks are of none */
	json_t *chosen;              /* rows, all that is known of them */
	json_t *names;               /* of those that are of a run: name -> true */
	const json_t *first;         /* the first of them that can be changed */
	struct program program;
	bool with_program;
	int64_t picked;  /* task of which the dialog speaks; 0: there is none */
	bool whole;      /* the tasks of a step are chosen, not one of several */
	struct str text; /* as it was, then as it is to be */
	bool typed;      /* that came from an editor */
	VEC(struct edit_put) puts;
	/* What came of it. */
	size_t changed, withdrawn, reopened;
	json_t *failed; /* numbers of those changed that had failed */
	bool again;     /* one had begun */
	bool apart;     /* some tasks that have the text of old are of the plan */
};

/* All but the call, which its user opens and closes. */
void edit_init(struct edit *e);
void edit_release(struct edit *e);

int edit_status(const json_t *row);
/* It neither runs nor has succeeded, or is the one that was picked: that waits for its user again.
 */
bool edit_may_change(const struct edit *e, const json_t *row);
/* Append the tasks of the run; those that a filter takes, NULL: all. */
bool edit_list(struct edit *e, const char *run, const char *filter, const char *value,
               json_t *rows);

/* Choose the tasks of its step that have the text of a task. False with the code set. */
bool edit_choose_like(struct edit *e, const json_t *task);
/* What was done to how many. */
void edit_tell(const struct edit *e);

/*
 * edit_text.c: the text of the tasks, and the file that it comes from where there is one; then
 * what it is to be. False with the code set, or with nothing to do.
 */
bool edit_read(struct edit *e);
bool edit_change(struct edit *e);
/* What was typed came to nothing: say where it is. */
void edit_keep(const struct edit *e);
/* What a person sees of one task's command. Texts in the arena. */
bool edit_written(struct edit *e, const json_t *row, struct arena *arena, struct written *w,
                  const char **text);

/* edit_tasks.c: to each that neither runs nor has succeeded. */
bool edit_tasks(struct edit *e);

#endif
