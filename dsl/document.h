/*
 * What a workflow file says about itself: its first comment, its params, its steps.
 * For `scitq-run FILE --help` and `scitq-run doc`. Only the syntax is looked at: a
 * file whose params have no value yet, or whose sheets are missing, can be read too.
 *
 * The comment that begins the file, before or behind `scitq 1`, says what it is for.
 * A comment right above a step, or at the end of its first line, is the step's.
 */
#ifndef DSL_DOCUMENT_H
#define DSL_DOCUMENT_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "base/str.h"

struct document_param {
	const char *name;
	const char *form;   /* "FILE", "paired|single", "INT,..." */
	const char *value;  /* its default as written; NULL: it has none */
	const char *limits; /* "in 1..5", "matches /x/" as written; NULL: none */
	const char *help;   /* may be NULL */
	bool optional;      /* may be none */
};

struct document_yield {
	const char *name, *file; /* the latter as written */
};

struct document_step {
	const char *name; /* of one with parameters "trim(sample, reads)" */
	const char *of;   /* "c.trim", which it uses; NULL: it has a text of its own */
	const char *about;     /* paragraphs, an empty line between two; may be NULL */
	const char *loops;     /* "for each sample in samples, where ..."; NULL: runs once */
	const char *container; /* these three as written; may be NULL */
	const char *input, *resource;
	const struct document_yield *yields;
	size_t nyields;
	const char *text; /* of run, or NULL */
};

/* A file whose steps and params this one uses; its path as written. */
struct document_import {
	const char *path, *as;
};

struct document {
	const char *file;
	const char *name;  /* of the workflow, as written in its quotes; NULL: there is none */
	const char *about; /* as that of a step */
	const struct document_param *params;
	size_t nparams;
	const struct document_step *steps;
	size_t nsteps;
	const struct document_import *imports;
	size_t nimports;
};

/* False after errors of syntax, which go to the sink. Everything lies in the arena. */
bool document_read(struct document *d, struct arena *arena, struct sources *sources, uint32_t file,
                   struct diag_sink *sink);

/* The params of a module go behind those of the file, as "c.adapter". In the arena. */
void document_add_params(struct document *d, const struct document *module, const char *as,
                         struct arena *arena);

enum document_form { DOCUMENT_TEXT, DOCUMENT_MAN, DOCUMENT_MARKDOWN, DOCUMENT_FORMS };

/* "text", "man", "markdown"; -1 where there is no such form. */
int document_form_find(const char *word);

/* Purpose, params and steps. */
void document_print(const struct document *d, enum document_form form, struct str *out);
/* Purpose and params, as the help of a program. */
void document_print_help(const struct document *d, struct str *out);

#endif
