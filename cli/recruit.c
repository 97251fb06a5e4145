#include "cli/recruit.h"

#include <string.h>

bool recruit_wish_read(struct recruit_wish *wish, char *text)
{
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon++ = '\0';
	wish->provider = text;
	wish->region = colon;
	return *text != '\0' && strpbrk(text, ",/") == NULL && (colon == NULL || *colon != '\0');
}

struct submission recruit_apply(const struct recruit_wish *wish, const struct submission *s,
                                struct arena *arena)
{
	struct recruiter *rows = arena_array(arena, struct recruiter, s->recruiter_count + 1);
	struct submission changed = *s;

	for (size_t i = 0; i < s->recruiter_count; i++) {
		rows[i] = s->recruiters[i];
		if (rows[i].worker_provider != NULL)
			continue;
		rows[i].worker_provider = wish->provider;
		if (wish->region != NULL || rows[i].worker_region == NULL)
			rows[i].worker_region = wish->region ? wish->region : "auto";
	}
	changed.recruiters = rows;
	return changed;
}
