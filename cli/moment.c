#include "cli/moment.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define US_PER_SECOND INT64_C(1000000)

/* "90d": seconds, or -1. */
static int64_t read_time(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	for (size_t i = 0; errno == 0 && end != text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*end == units[i].unit && end[1] == '\0' && n >= 0 && n <= 1000000)
			return n * units[i].seconds;
	}
	return -1;
}

bool moment_read(const char *text, int direction, char date[DATE_TEXT_SIZE])
{
	int64_t seconds = read_time(text), moment;

	if (seconds < 0 && !date_parse(text, &moment))
		return false;
	if (seconds >= 0)
		moment = clock_date_us() + direction * seconds * US_PER_SECOND;
	date_format(moment, date);
	return true;
}
