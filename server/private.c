#include "server/private.h"

#include "base/fd.h"
#include "base/state_dir.h"
#include "model/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool failed(const char *what, const char *path, int err, struct problem *problem)
{
	return problem_set(problem, PROBLEM_INTERNAL, "cannot %s %s: %s", what, path,
	                   strerror(err));
}

void state_dir_init(struct state_dir *dir)
{
	str_init(&dir->path);
	dir->lock = -1;
	dir->described = false;
}

bool state_dir_open(struct state_dir *dir, const char *path, struct problem *problem)
{
	char *real;
	int err;

	if (path != NULL)
		str_adds(&dir->path, path);
	else if (!state_dir_default(&dir->path))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "neither --state, XDG_STATE_HOME nor HOME names a directory");
	err = dir_make(dir->path.p, 0700);
	if (err < 0)
		return failed("make", dir->path.p, -err, problem);
	real = realpath(dir->path.p, NULL);
	if (real == NULL)
		return failed("resolve", dir->path.p, errno, problem);
	str_reset(&dir->path);
	str_adds(&dir->path, real);
	free(real);
	return true;
}

void state_dir_file(const struct state_dir *dir, const char *name, struct str *out)
{
	str_addf(out, "%s/%s", dir->path.p, name);
}

/* The store of this process holds it. */
static bool is_own_lock(const char *path)
{
	struct str text = STR_INIT;
	bool own = file_read(path, &text) == 0 && strtol(text.p, NULL, 10) == getpid();

	str_release(&text);
	return own;
}

static bool take_lock(struct state_dir *dir, const char *path, struct problem *problem)
{
	char pid[24];
	int err, len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	dir->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->lock < 0)
		return failed("open", path, errno, problem);
	do {
		err = flock(dir->lock, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
	} while (err == EINTR);
	if (err == 0 && ftruncate(dir->lock, 0) < 0)
		err = errno;
	if (err == 0)
		err = -fd_write_all(dir->lock, pid, (size_t)len);
	if (err == 0)
		return true;
	close(dir->lock);
	dir->lock = -1;
	if (err != EWOULDBLOCK)
		return failed("lock", path, err, problem);
	if (is_own_lock(path))
		return true;
	return problem_set(problem, PROBLEM_CONFLICT, "another server works on %s", dir->path.p);
}

bool state_dir_claim(struct state_dir *dir, struct problem *problem)
{
	struct str path = STR_INIT;
	bool ok;

	state_dir_file(dir, "server.lock", &path);
	ok = take_lock(dir, path.p, problem);
	str_reset(&path);
	state_dir_file(dir, "server.json", &path);
	if (ok && unlink(path.p) < 0 && errno != ENOENT)
		ok = failed("remove", path.p, errno, problem);
	str_release(&path);
	return ok;
}

bool state_dir_describe(struct state_dir *dir, const char *url, const char *providers,
                        struct problem *problem)
{
	struct str boot = STR_INIT, text = STR_INIT, path = STR_INIT;
	json_t *object = json_object();
	int err = file_read("/proc/sys/kernel/random/boot_id", &boot);

	json_object_set_new(object, "url", json_string(url));
	json_object_set_new(object, "pid", json_integer(getpid()));
	json_object_set_new(object, "providers", json_text(providers));
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

void state_dir_forget(struct state_dir *dir)
{
	struct str path = STR_INIT;

	if (!dir->described)
		return;
	state_dir_file(dir, "server.json", &path);
	/* Whoever finds a stale one finds the lock free. */
	(void)unlink(path.p);
	str_release(&path);
	dir->described = false;
}

void state_dir_release(struct state_dir *dir)
{
	if (dir->lock >= 0)
		close(dir->lock);
	dir->lock = -1;
	str_release(&dir->path);
}
