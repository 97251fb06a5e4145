/* A copy of the database as it is at one moment, while it is written. */
#include "base/fd.h"
#include "store/inside.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool sync_directory(const char *path, struct str *error)
{
	int err = dir_sync(path);

	if (err != 0)
		str_addf(error, "%s: %s", path, strerror(-err));
	return err == 0;
}

bool store_backup(struct store *s, const char *directory, store_going *going, void *context,
                  struct problem *problem)
{
	struct str main = STR_INIT, log = STR_INIT, error = STR_INIT;
	bool ok;

	if (s->driver->backup == NULL)
		return problem_set(problem, PROBLEM_CONFLICT,
		                   "this database has tools of its own for that: pg_dump, or "
		                   "those that archive its log");
	if (mkdir(directory, 0700) < 0)
		return problem_set(problem, errno == EEXIST ? PROBLEM_CONFLICT : PROBLEM_BAD_VALUE,
		                   "cannot make %s: %s", directory, strerror(errno));
	str_addf(&main, "%s/scitq.db", directory);
	str_addf(&log, "%s/log.db", directory);
	ok = s->driver->backup(s->place, s->log_place, main.p, log.p, going, context, &error) &&
	     sync_directory(directory, &error);
	if (!ok) {
		problem_set(problem, PROBLEM_UNAVAILABLE, "no backup: %s", error.p);
		/* What there is of it is of no use; where it cannot go it says so by its name. */
		(void)tree_remove(directory);
	}
	str_release(&main);
	str_release(&log);
	str_release(&error);
	return ok;
}
