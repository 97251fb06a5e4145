#include "worker/slots.h"

#include "model/weight.h"

#include <math.h>

#define SHORT_NS 100e6
/* What must be ready at hand, in time: a round trip and a commit with room to spare. */
#define AHEAD_NS 60e6

ptrdiff_t slots_pick(struct slot_claim *const *claims, size_t n, double used, size_t gpus)
{
	for (size_t i = 0; i < n; i++) {
		struct slot_claim *c = claims[i];

		if (c->frozen)
			continue;
		if (used + c->weight <= 1 + WEIGHT_EPSILON && c->gpus <= gpus) {
			for (size_t k = 0; k < i; k++)
				claims[k]->passed += !claims[k]->frozen;
			return (ptrdiff_t)i;
		}
		if (c->passed >= SLOTS_PASSED_MAX)
			return -1;
	}
	return -1;
}

void slots_pace_add(struct slots_pace *pace, uint64_t duration_ns)
{
	double d = duration_ns > 0 ? (double)duration_ns : 1;

	/* Upwards at once, so that long tasks after short ones are not hoarded. */
	if (pace->mean_ns <= 0 || d > 4 * pace->mean_ns)
		pace->mean_ns = d;
	else
		pace->mean_ns += (d - pace->mean_ns) / 8;
}

bool slots_are_short(const struct slots_pace *pace)
{
	return pace->mean_ns > 0 && pace->mean_ns < SHORT_NS;
}

unsigned slots_extra(const struct slots_pace *pace, unsigned running)
{
	double want;

	if (!slots_are_short(pace))
		return 0;
	want = ceil((double)running * AHEAD_NS / pace->mean_ns);
	return want > SLOTS_EXTRA_MAX ? SLOTS_EXTRA_MAX : (unsigned)want;
}
