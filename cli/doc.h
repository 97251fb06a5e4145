/*
 * scitq-run doc FILE, and --help with a file: what it says about itself, with the params of
 * the modules that it imports.
 */
#ifndef CLI_DOC_H
#define CLI_DOC_H

#include "base/diag.h"
#include "cli/run_options.h"

/* An exit code; mistakes of syntax go to `report`. */
int doc_file(const struct run_options *o,
             void (*report)(const struct diag_sink *sink, struct sources *sources));

#endif
