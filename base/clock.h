/*
 * Time. Dates are microseconds since 1970 in UTC; durations measured here are
 * monotonic nanoseconds. DATE_NULL is the absent date.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_NULL INT64_MIN
#define DATE_TEXT_SIZE 32

int64_t clock_date_us(void);
int64_t clock_monotonic_ns(void);

/* "2026-11-23T21:31:23.655007": always six digits, no zone, as v1 clients parse it. */
void date_format(int64_t date_us, char text[DATE_TEXT_SIZE]);
/* The same form, 'T' or a blank, fraction optional. False where it is not one, or a day that there
 * is not. */
bool date_parse(const char *text, int64_t *date_us);

#endif
