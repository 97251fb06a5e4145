/* The terminal of a descriptor. */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdbool.h>

struct terminal_size {
	unsigned columns, lines; /* 0: unknown */
};

/* It is one, and what stands on it can be drawn over. */
bool terminal_draws(int fd);
/* As it says itself. */
struct terminal_size terminal_size(int fd);
/* As a person wants it: COLUMNS and LINES come first, and where nobody says there are 80 columns.
 */
struct terminal_size terminal_wanted(int fd);

/* What the locale variables say of it. */
bool terminal_is_utf8(void);

#endif
