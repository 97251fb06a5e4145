/*
 * Sources: lists that come from files. lines(), table(), columns() and local
 * files(). Cells and lines are texts that know the directory of their file, which may be a URI,
 * so that a relative path in a sheet is relative to the sheet.
 */
#ifndef COMPILER_SHEET_H
#define COMPILER_SHEET_H

#include "compiler/compilation.h"
#include "compiler/node.h"

/* Elements that one list may have, bytes of one text. */
#define LIST_LIMIT 10000000u
#define TEXT_MOST (16u << 20)
/* Bytes of the texts and lists made for one task, or while a file is checked. */
#define MADE_MOST (512u << 20)

/*
 * The list of one source. `path` is a text; `key` names the column that names the
 * rows (table only; NULL: the first). What is wrong in the file is reported at
 * `span` with the file's own line. BAD after an error.
 */
struct value source_read(struct compilation *c, enum source_kind kind, struct value path,
                         const char *key, enum files_group group, struct span span,
                         struct arena *arena);

/*
 * Where a cell stands in its sheet, which becomes a source; the sheet is read again for it, and is
 * missing at `span` where it has gone. False: the cell is of none that stays, or it is not told.
 */
bool sheet_cell(struct compilation *c, const struct value *cell, struct span span,
                struct span *place);

/* files() alone; `path` is a text. files.c */
struct value source_files(struct compilation *c, struct value path, enum files_group group,
                          struct span span, struct arena *arena);

#endif
