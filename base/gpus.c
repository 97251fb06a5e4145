#include "base/gpus.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DRIVER "/proc/driver/nvidia/gpus"
#define NODE "nvidia" /* in /dev, a number behind it */
/* Numbers of device nodes above it are not looked for. */
#define MOST 1024

void gpus_add(struct str *list, const char *name, size_t len)
{
	if (list->len > 0)
		str_addc(list, ',');
	str_add(list, name, len);
}

/* A number, or the name of a whole GPU or of a part of one. */
static bool names_one(const char *name, size_t len)
{
	size_t digits = 0;

	while (digits < len && isdigit((unsigned char)name[digits]))
		digits++;
	return len > 0 &&
	       (digits == len || strncmp(name, "GPU-", 4) == 0 || strncmp(name, "MIG-", 4) == 0);
}

static void add_visible(struct str *list, const char *visible)
{
	const char *name;
	size_t len;

	while ((name = gpus_next(&visible, &len)) != NULL && names_one(name, len))
		gpus_add(list, name, len);
}

static bool is_node(const char *name, unsigned long *number)
{
	const size_t prefix = strlen(NODE);
	char *end;

	if (strncmp(name, NODE, prefix) != 0 || !isdigit((unsigned char)name[prefix]))
		return false;
	*number = strtoul(name + prefix, &end, 10);
	return *end == '\0' && *number < MOST;
}

static void add_nodes(struct str *list)
{
	DIR *dir = opendir("/dev");
	bool there[MOST] = {false};
	const struct dirent *entry;
	unsigned long number;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (is_node(entry->d_name, &number))
			there[number] = true;
	}
	if (dir != NULL)
		closedir(dir);
	for (number = 0; number < MOST; number++) {
		if (there[number])
			str_addf(list, "%s%lu", list->len > 0 ? "," : "", number);
	}
}

/* In a container the nodes may be missing until they are asked for. */
static size_t count_known(void)
{
	DIR *dir = opendir(DRIVER);
	const struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

size_t gpus_find(struct str *list)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	struct str found = STR_INIT;
	size_t n;

	if (visible != NULL)
		add_visible(&found, visible);
	else
		add_nodes(&found);
	if (visible == NULL && found.len == 0)
		gpus_first(count_known(), &found);
	n = gpus_count(found.p);
	if (n > 0)
		gpus_add(list, found.p, found.len);
	str_release(&found);
	return n;
}

void gpus_first(size_t n, struct str *list)
{
	for (size_t i = 0; i < n; i++)
		str_addf(list, "%s%zu", list->len > 0 ? "," : "", i);
}

size_t gpus_count(const char *list)
{
	size_t n = *list != '\0';

	for (; *list != '\0'; list++)
		n += *list == ',';
	return n;
}

const char *gpus_next(const char **list, size_t *len)
{
	const char *name = *list;

	if (*name == '\0')
		return NULL;
	*len = strcspn(name, ",");
	*list = name + *len + (name[*len] == ',');
	return name;
}

bool gpus_have(const char *list, const char *name, size_t len)
{
	const char *one;
	size_t n;

	while ((one = gpus_next(&list, &n)) != NULL) {
		if (n == len && memcmp(one, name, len) == 0)
			return true;
	}
	return false;
}

size_t gpus_common(const char *list, const char *other)
{
	const char *name;
	size_t n = 0, len;

	while ((name = gpus_next(&list, &len)) != NULL)
		n += gpus_have(other, name, len);
	return n;
}
