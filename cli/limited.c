#include "cli/limited.h"

#include "base/arena.h"
#include "base/str.h"

#include <jansson.h>
#include <math.h>

/* Seconds of all attempts that a task may have; NaN where one of them has no limit. */
static double limit_of(const struct task *row)
{
	json_t *attempts =
	        row->attempt_settings ? json_loads(row->attempt_settings, 0, NULL) : NULL;
	double seconds = 0;

	for (int64_t i = 0; i <= row->retry; i++) {
		json_t *own = json_object_get(json_array_get(attempts, (size_t)i), "run_timeout");

		if (json_is_integer(own))
			seconds += (double)json_integer_value(own);
		else
			seconds += row->run_timeout == INT_NULL ? (double)NAN
			                                        : (double)row->run_timeout;
	}
	json_decref(attempts);
	return seconds;
}

static bool same_limits(const struct task *a, const struct task *b)
{
	return a->retry == b->retry && a->run_timeout == b->run_timeout &&
	       text_same(a->attempt_settings, b->attempt_settings);
}

double limited_seconds(const struct submission *s, const struct submission_step *step)
{
	struct arena arena, kept;
	struct task last = {0};
	double each = 0, seconds = 0;

	arena_init(&arena);
	arena_init(&kept);
	for (uint32_t k = 0; k < step->task_count && !isnan(seconds); k++) {
		struct task row = {0};

		arena_clear(&arena);
		s->limits(s, step->first_task + k, &arena, &row);
		/* Most tasks have the limits of the one before: their JSON is read once. */
		if (k == 0 || !same_limits(&row, &last)) {
			each = limit_of(&row);
			arena_clear(&kept);
			last = row;
			if (row.attempt_settings != NULL)
				last.attempt_settings = arena_strdup(&kept, row.attempt_settings);
		}
		seconds += each;
	}
	arena_release(&kept);
	arena_release(&arena);
	return seconds;
}
