/* The objects of a server that commands list, show and change, and how a command line names them.
 */
#ifndef CLI_OBJECT_H
#define CLI_OBJECT_H

#include "cli/call.h"
#include "model/field.h"

struct object {
	const char *noun;    /* "task": the first word of its commands */
	const char *path;    /* "/tasks/" */
	const char *key;     /* member that names one in a path */
	const char *columns; /* of a list */
	const char *more;    /* and of a long one */
	const char *least;   /* of those of a list, what a narrow terminal has no room for first */
	const char
	        *events; /* kinds that tell of a change in a list: of GET /events; NULL: none do */
	enum table_id table; /* whose fields it has */
	bool named;          /* a list can be asked for one name */
	bool pages;          /* a list comes in portions, behind the key of the last row */
	bool full;           /* fields that v1 did not have come where they are asked for */
};

/* That of the command's first word; never NULL. */
const struct object *object_of(const struct command *command);
const struct object *object_named(const char *noun);

/* Keys of rows, as texts that stand in a path. */
struct keys {
	VEC(char *) list;
};

void keys_release(struct keys *k);
/*
 * Those that the command line names by words, numbers or names, and by --id and --name. A name
 * that several have is refused, and so is naming none. False with the call's code set.
 */
bool object_keys(struct call *c, const struct object *o, struct keys *keys);
/* The key of one word. */
bool object_key(struct call *c, const struct object *o, const char *word, struct keys *keys);

/*
 * Of verbs that have no noun (logs, why, retry...) a number is that of a run; a task has its name,
 * the run before it, or --id. False, told, where a run stands alone and a task is wanted.
 */
bool object_no_run_alone(struct call *c);
/* The command line of such a verb names a run by its number, and nothing else. */
bool object_is_run_alone(const struct command_call *command);
/* A task by TASK, the newest of a name, or by RUN STEP:KEY as the summary of a run names it. */
bool object_task(struct call *c, struct keys *keys);
/* Tasks as object_keys() takes them, `newest`: of a name that several have the newest; or those by
   RUN STEP:KEY... */
bool object_tasks(struct call *c, bool newest, struct keys *keys);

/* PATH/KEY for a call, percent-encoded. */
void object_path(const struct object *o, const char *key, struct str *path);
/* Append the key of a row, which may be a number. */
void object_row_key(const struct object *o, const json_t *row, struct str *key);
/* The row of that key with all that is known of it; NULL with the call's code set. */
json_t *object_get(struct call *c, const struct object *o, const char *key);
/* Whether the run of this row has not ended. */
bool object_run_lives(const json_t *row);
/* Append NAME=VALUE to the query of a path. */
void query_add(struct str *path, const char *name, const char *value);

/*
 * Every row of a list that pages, in portions: `list` is its path with the filters, and the walk
 * goes on behind the key of the last row. False with the call's code set.
 */
bool object_rows(struct call *c, const struct object *o, const char *list,
                 void (*each)(void *context, const json_t *row), void *context);
/* The same behind the key *last, which becomes that of the last row. */
bool object_rows_after(struct call *c, const struct object *o, const char *list, int64_t *last,
                       void (*each)(void *context, const json_t *row), void *context);

/*
 * The members that options name: those of the command's first group, as the fields of the object's
 * table are typed. NULL with the call's code set.
 */
json_t *object_members(struct call *c, const struct object *o);
/* The first group of options as the query of a list. */
void object_filters(const struct call *c, struct str *path);

#endif
