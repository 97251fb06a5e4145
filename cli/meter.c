#include "cli/meter.h"

#include "base/clock.h"

#include <stdio.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define BETWEEN_NS (NS_PER_SECOND / 4)

static void size_text(double bytes, char text[24])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t unit = 0;

	while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1000;
		unit++;
	}
	snprintf(text, 24, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void meter_text(uint64_t done, uint64_t total, int64_t elapsed_ns, char text[96])
{
	char have[24], all[24] = "", rate[24];
	double seconds = (double)elapsed_ns / (double)NS_PER_SECOND;

	size_text((double)done, have);
	size_text(seconds > 0 ? (double)done / seconds : 0, rate);
	if (total >= done && total > 0) {
		size_text((double)total, all);
		snprintf(text, 96, "%s of %s, %.0f %%, %s/s", have, all,
		         100.0 * (double)done / (double)total, rate);
	} else {
		snprintf(text, 96, "%s, %s/s", have, rate);
	}
}

void meter_init(struct meter *m)
{
	m->began_ns = clock_monotonic_ns();
	m->shown_ns = 0;
}

void meter_show(void *meter, uint64_t done, uint64_t total)
{
	struct meter *m = meter;
	int64_t now = clock_monotonic_ns();
	char text[96];

	if (now - m->began_ns < BETWEEN_NS || now - m->shown_ns < BETWEEN_NS)
		return;
	m->shown_ns = now;
	meter_text(done, total, now - m->began_ns, text);
	fprintf(stderr, "\r%s\033[K", text);
	fflush(stderr);
}

void meter_clear(struct meter *m)
{
	if (m->shown_ns != 0)
		fputs("\r\033[K", stderr);
	m->shown_ns = 0;
}
