#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_date_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void date_format(int64_t date_us, char text[DATE_TEXT_SIZE])
{
	int64_t seconds = date_us / 1000000, us = date_us % 1000000;
	time_t t;
	struct tm tm;
	size_t n;

	if (us < 0) {
		us += 1000000;
		seconds--;
	}
	t = (time_t)seconds;
	gmtime_r(&t, &tm);
	n = strftime(text, DATE_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, DATE_TEXT_SIZE - n, ".%06d", (int)us);
}

bool date_parse(const char *text, int64_t *date_us)
{
	struct tm tm = {0}, day;
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	int64_t us = 0, unit = 100000;

	if (p == NULL || (*p != 'T' && *p != ' '))
		return false;
	p = strptime(p + 1, "%H:%M:%S", &tm);
	if (p == NULL)
		return false;
	if (*p == '.') {
		if (p[1] == '\0')
			return false;
		for (p++; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
			us += (*p - '0') * unit;
	}
	if (*p != '\0')
		return false;
	/* The 31st of February would be one of March. */
	day = tm;
	*date_us = (int64_t)timegm(&day) * 1000000 + us;
	return day.tm_mday == tm.tm_mday && day.tm_sec == tm.tm_sec;
}
