/*
 * NDJSON, for --json: what the compiler found and planned, and what commands list. One object per
 * line, each with a `type`. The first is {"type": "scitq", "version": 1}; a reader ignores types
 * and members that it does not know. docs/json.md describes them.
 */
#ifndef CLI_NDJSON_H
#define CLI_NDJSON_H

#include "base/diag.h"
#include "base/source.h"
#include "base/str.h"
#include "model/submission.h"

#include <jansson.h>

/* The first line. */
void ndjson_begin(struct str *out);
/* The object as a line of that type; takes it over. */
void ndjson_line(struct str *out, const char *type, json_t *object);
/* A `diagnostic` each, and a `summary`. */
void ndjson_diagnostics(const struct diag_sink *sink, struct sources *sources, struct str *out);
/* The `workflow`, each `step`, `recruiter` and `task`, in this order; to standard output as they
   are made. An exit code. */
int ndjson_plan(const struct submission *s);

#endif
