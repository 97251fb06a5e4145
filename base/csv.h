/* Lines of tables whose cells stand between commas, or in double quotes (RFC 4180, without line
 * breaks in cells). */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>

/*
 * The first cell of *line, unquoted in place; *line moves behind its comma, `more` tells whether
 * another follows. NULL where a quote is left open or something stands behind it.
 */
char *csv_cell(char **line, bool *more);

#endif
