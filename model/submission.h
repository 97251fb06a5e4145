/*
 * What a compiled workflow is to those who run it: the rows to submit, without
 * anything of the language. The compiler fills one (compiler/emit.h), the
 * runtime reads it. Tasks are made one at a time by a callback, so that a
 * million of them need not exist as rows at once.
 *
 * Tasks are numbered 0..task_count-1 such that every requirement of a task has
 * a smaller number. Everything is owned by whoever made the submission.
 */
#ifndef MODEL_SUBMISSION_H
#define MODEL_SUBMISSION_H

#include "base/arena.h"
#include "model/resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One URI that a task stages in. */
struct submission_uri {
	const char *uri;     /* without actions; local files are file:///absolute/path */
	const char *actions; /* "|untar|mv:dir" as the column has them, "" for none */
	/* Task that writes it, or UINT32_MAX for a source that was there before. */
	uint32_t producer;
	/* What another machine tells of its content, another text once that changes; NULL: it was
	   not asked, or the file is on this machine. */
	const char *version;
};

struct submission_task {
	/* Ready for the task table: name, batch, command, container, input, output...
	   required_task_ids is not filled. */
	struct task row;
	/* What decides the result, apart from inputs and resources: the text of `run` with the
	   values bound to it, without anything that depends on the place in the file. */
	const char *identity_command;
	/* It runs whether or not it has succeeded before, and what takes from it does, too. */
	bool fresh;
	const struct submission_uri *inputs;
	size_t ninputs;
	const struct submission_uri *resources;
	size_t nresources;
	const uint32_t *requires; /* numbers of other tasks, ascending, each once */
	size_t nrequires;
	/* Of each requirement its place in may_fail, UINT32_MAX where it must succeed; NULL where
	   all must. may_fail: how many of such a gather may fail. */
	const uint32_t *gathers;
	const uint32_t *may_fail;
	size_t ngathers;
	/* Of a removal: the task whose output it deletes, once those that it requires have
	   succeeded: that one, and all that take from it. Its only input is that output, which
	   row.input does not name; it writes nothing. */
	uint32_t removes;
	/* Paths below row.output that it promised to write: names or globs; a trailing / is a
	 * folder. */
	const char *const *yields;
	size_t nyields;
	/* Another one takes its whole output: the folder stands even if nothing is written. */
	bool whole;
};

struct submission_step {
	const char *name;                /* "fastp" */
	const char *batch;               /* "qc.fastp" */
	int64_t concurrency;             /* INT_NULL: not given */
	int64_t gpus;                    /* that a task of it takes at most, in whatever attempt */
	uint32_t depth;                  /* longest chain of steps before it */
	uint32_t first_task, task_count; /* its tasks have consecutive numbers */
	const char *source;              /* "qc.scitq:47" */
	const uint32_t
	        *after; /* steps that it waits for, by number, for the graph and the progress */
	size_t nafter;
};

/* A task that the server makes when the run has ended so. */
struct submission_hook {
	const char *word; /* the column of the run: "on_success", "on_failure" */
	struct task row;
	const char *text; /* what it runs, for people */
};

/* A value of a param: a text, or where files will be that are to be listed. */
struct submission_param {
	const char *name;
	bool list, optional;     /* it takes a list of files, not one; it may be none */
	const char *text;        /* as --param takes it; NULL: `uris` */
	const char *const *uris; /* files, globs, or folders with / at their end */
	size_t nuris;
};

/* Another file that is run when this workflow has succeeded. */
struct submission_next {
	const char *path; /* absolute */
	const struct submission_param *params;
	size_t nparams;
};

struct submission {
	const char *workflow;                /* matches [A-Za-z0-9_-]+ */
	const char *source;                  /* path of the file as given */
	int64_t maximum_workers;             /* INT_NULL: none */
	double max_cost;                     /* NaN: none */
	const struct submission_step *steps; /* in the order of definition */
	uint32_t step_count;
	const struct submission_hook *hooks;
	size_t hook_count;
	const struct submission_next *nexts; /* one after the other */
	size_t next_count;
	const struct recruiter *recruiters;
	size_t recruiter_count;
	uint32_t task_count;
	uint32_t first_removal; /* tasks from this number on are removals, in the order of `removes`
	                         */
	bool some_fresh;        /* a task may be `fresh` */
	/* Fill `out` with task number i; what it points to lives in `arena` or in the submission.
	 */
	void (*task)(const struct submission *s, uint32_t i, struct arena *arena,
	             struct submission_task *out);
	/* Fill of task number i only what limits its attempts: retry, attempt_settings and
	   run_timeout, as `task` does. Cheap: for those who ask it of each task. */
	void (*limits)(const struct submission *s, uint32_t i, struct arena *arena,
	               struct task *row);
	const void *context; /* of the callbacks */
};

#endif
