#include "cli/lock_file.h"

#include "base/fd.h"

#include <errno.h>
#include <string.h>

/* "qc.lock" for "qc.scitq". */
static void add_name(const char *path, struct str *out)
{
	size_t n = strlen(path);

	if (n > 6 && strcmp(path + n - 6, ".scitq") == 0)
		n -= 6;
	str_add(out, path, n);
	str_adds(out, ".lock");
}

bool lock_file_read(struct lock_file *l, const char *path, struct str *error)
{
	int err;

	*l = (struct lock_file){.name = STR_INIT, .text = STR_INIT};
	add_name(path, &l->name);
	err = file_read(l->name.p, &l->text);
	if (err == -ENOENT)
		return true;
	l->content = err == 0 ? json_loadb(l->text.p, l->text.len, 0, NULL) : NULL;
	if (json_integer_value(json_object_get(l->content, "scitq_lock")) == 1)
		return true;
	if (err != 0)
		str_addf(error, "%s: %s", l->name.p, strerror(-err));
	else
		str_addf(error,
		         "%s is no lock file of this version; --update-lock cannot replace it, "
		         "remove it",
		         l->name.p);
	return false;
}

void lock_file_release(struct lock_file *l)
{
	json_decref(l->content);
	str_release(&l->name);
	str_release(&l->text);
}

json_t *lock_file_answers(const struct lock_file *l)
{
	return json_object_get(l->content, "answers");
}
