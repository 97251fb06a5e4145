#include "tests/unit/goldens.h"

#include "base/fd.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_input(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".scitq") == 0;
}

int goldens_each(const char *dir, bool (*look)(const char *dir, const char *name, void *context),
                 void *context, int *failed)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_input, alphasort);

	for (int i = 0; i < n; i++) {
		*failed += !look(dir, names[i]->d_name, context);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (n > 0)
		return n;
	fprintf(stderr, "%s: no goldens\n", dir);
	(*failed)++;
	return -1;
}

bool goldens_equal(const char *dir, const char *name, const struct str *got)
{
	bool update = getenv("UPDATE") != NULL, same;
	struct str want = STR_INIT;
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/%.*s.out", dir, (int)strlen(name) - 6, name);
	err = update ? file_replace(path, got->p, got->len, 0644) : file_read(path, &want);
	if (err != 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	same = err == 0 &&
	       (update || (got->len == want.len && memcmp(got->p, want.p, got->len) == 0));
	if (!same)
		fprintf(stderr, "%s/%s: got\n%s--- instead of\n%s", dir, name, got->p, want.p);
	str_release(&want);
	return same;
}
