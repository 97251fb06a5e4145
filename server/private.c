#include "server/private.h"

#include "base/fd.h"
#include "model/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool failed(const char *what, const char *path, int err, struct problem *problem)
{
	return problem_set(problem, PROBLEM_INTERNAL, "cannot %s %s: %s", what, path,
	                   strerror(err));
}

static bool default_path(struct str *out, struct problem *problem)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state != NULL && state[0] == '/')
		str_addf(out, "%s/scitq", state);
	else if (home != NULL && home[0] == '/')
		str_addf(out, "%s/.local/state/scitq", home);
	else
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "neither --state, XDG_STATE_HOME nor HOME names a directory");
	return true;
}

enum state_dir_result state_dir_open(struct state_dir *dir, const char *path,
                                     struct problem *problem)
{
	struct str lock = STR_INIT;
	int err;

	str_init(&dir->path);
	dir->lock = -1;
	dir->described = false;
	if (path != NULL)
		str_adds(&dir->path, path);
	else if (!default_path(&dir->path, problem))
		return STATE_DIR_FAILED;
	err = dir_make(dir->path.p, 0700);
	if (err < 0) {
		failed("make", dir->path.p, -err, problem);
		return STATE_DIR_FAILED;
	}
	state_dir_file(dir, "server.lock", &lock);
	dir->lock = open(lock.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->lock < 0)
		failed("open", lock.p, errno, problem);
	str_release(&lock);
	if (dir->lock < 0)
		return STATE_DIR_FAILED;
	do {
		err = flock(dir->lock, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
	} while (err == EINTR);
	if (err == 0)
		return STATE_DIR_OK;
	close(dir->lock);
	dir->lock = -1;
	if (err != EWOULDBLOCK) {
		failed("lock", dir->path.p, err, problem);
		return STATE_DIR_FAILED;
	}
	problem_set(problem, PROBLEM_CONFLICT, "another server works on %s", dir->path.p);
	return STATE_DIR_HELD;
}

void state_dir_file(const struct state_dir *dir, const char *name, struct str *out)
{
	str_addf(out, "%s/%s", dir->path.p, name);
}

bool state_dir_describe(struct state_dir *dir, const char *url, struct problem *problem)
{
	struct str boot = STR_INIT, text = STR_INIT, path = STR_INIT;
	json_t *object = json_object();
	int err = file_read("/proc/sys/kernel/random/boot_id", &boot);

	json_object_set_new(object, "url", json_string(url));
	json_object_set_new(object, "pid", json_integer(getpid()));
	json_object_set_new(object, "boot_id",
	                    err < 0 ? json_null() : json_stringn(boot.p, strcspn(boot.p, "\n")));
	json_print(object, &text);
	str_addc(&text, '\n');
	json_decref(object);
	state_dir_file(dir, "server.json", &path);
	err = file_replace(path.p, text.p, text.len, 0600);
	if (err < 0)
		failed("write", path.p, -err, problem);
	dir->described = err == 0;
	str_release(&boot);
	str_release(&text);
	str_release(&path);
	return dir->described;
}

void state_dir_release(struct state_dir *dir)
{
	struct str path = STR_INIT;

	if (dir->described) {
		state_dir_file(dir, "server.json", &path);
		/* A reader that finds a stale one finds its process gone. */
		(void)unlink(path.p);
		str_release(&path);
	}
	if (dir->lock >= 0)
		close(dir->lock);
	str_release(&dir->path);
}
