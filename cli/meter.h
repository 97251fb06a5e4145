/* How far a transfer is, on one line of a terminal that is written over. */
#ifndef CLI_METER_H
#define CLI_METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
	int64_t began_ns, shown_ns; /* shown_ns 0: nothing yet */
};

void meter_init(struct meter *m);
/* `meter` is a struct meter: the type is that of stage's progress. total 0: not known. */
void meter_show(void *meter, uint64_t done, uint64_t total);
/* Take the line away. */
void meter_clear(struct meter *m);

/* "12.3 MB of 45.0 MB, 27 %, 5.1 MB/s" after that time. */
void meter_text(uint64_t done, uint64_t total, int64_t elapsed_ns, char text[96]);

#endif
