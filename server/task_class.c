#include "server/task_class.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct task_class_entry {
	struct task_class class;
	uint32_t users;
	uint32_t next_free;
};

static_assert(sizeof(struct task_class) == 48, "a class has no padding");

uint32_t task_class_take(struct task_classes *classes, const struct task_class *wanted)
{
	struct task_class key = *wanted;
	struct task_class_entry *entry;
	uint64_t *place;
	bool is_new;

	if (isnan(key.cpu))
		key.cpu = (double)NAN;
	if (classes->last < classes->entries.n) {
		entry = classes->entries.v[classes->last];
		if (entry->users > 0 && memcmp(&entry->class, &key, sizeof(key)) == 0) {
			entry->users++;
			return classes->last;
		}
	}
	place = map_get(&classes->map, (const char *)&key, sizeof(key));
	if (place != NULL) {
		classes->last = (uint32_t)*place;
		classes->entries.v[classes->last]->users++;
		return classes->last;
	}
	if (classes->free != 0) {
		classes->last = classes->free - 1;
		entry = classes->entries.v[classes->last];
		classes->free = entry->next_free;
	} else {
		entry = xmalloc(sizeof(*entry));
		classes->last = (uint32_t)classes->entries.n;
		vec_push(&classes->entries, entry);
	}
	*entry = (struct task_class_entry){key, 1, 0};
	place = map_put(&classes->map, (const char *)&entry->class, sizeof(entry->class), &is_new);
	assert(is_new);
	*place = classes->last;
	return classes->last;
}

void task_class_drop(struct task_classes *classes, uint32_t class)
{
	struct task_class_entry *entry = classes->entries.v[class];

	assert(entry->users > 0);
	if (--entry->users > 0)
		return;
	map_delete(&classes->map, (const char *)&entry->class, sizeof(entry->class));
	entry->next_free = classes->free;
	classes->free = class + 1;
}

const struct task_class *task_class_get(const struct task_classes *classes, uint32_t class)
{
	return &classes->entries.v[class]->class;
}

void task_classes_release(struct task_classes *classes)
{
	for (size_t i = 0; i < classes->entries.n; i++)
		free(classes->entries.v[i]);
	vec_release(&classes->entries);
	map_release(&classes->map);
}
