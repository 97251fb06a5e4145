#include "worker/spawn.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What execvp() takes where the environment has no PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* Shared with the child until it executes. */
struct outcome {
	const char *failed;
	int err;
};

/* The files that may be meant by the name, NULL-ended. */
static char **candidates(const struct spawn *s, const char *name, struct arena *a)
{
	const char *path = DEFAULT_PATH;
	size_t n = 2;
	char **list;

	for (char *const *e = s->envp; *e != NULL; e++) {
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	}
	for (const char *p = path; *p != '\0'; p++)
		n += *p == ':';
	list = arena_array(a, char *, n + 1);
	if (strchr(name, '/') != NULL || *name == '\0') {
		list[0] = arena_strdup(a, name);
		return list;
	}
	n = 0;
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, ":");

		list[n++] = len == 0 ? arena_printf(a, "./%s", name)
		                     : arena_printf(a, "%.*s/%s", (int)len, p, name);
		p += len;
		if (*p == '\0')
			break;
	}
	return list;
}

static int redirect(const char *path, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : dup2(fd, to);
}

/* An errno value; does not return where it executes. */
static int execute(char *const *files, char *const *argv, char *const *envp)
{
	int err = ENOENT;

	for (; *files != NULL; files++) {
		execve(*files, argv, envp);
		/* A file that is there but cannot be run tells more than that others are missing.
		 */
		if (errno != ENOENT && errno != ENOTDIR)
			err = errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	return err;
}

/*
 * Runs in the child on the parent's memory: system calls only. Returns where
 * something failed.
 */
static void become(const struct spawn *s, char *const *files, char *const *fallback_files,
                   pid_t parent, struct outcome *o)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	o->failed = "enter its control groups";
	for (size_t i = 0; i < s->nentries; i++) {
		if (write(s->entries[i], "0", 1) != 1)
			goto failed;
	}
	/* Before others, because other credentials forget the signal of the parent's death. */
	o->failed = "shield its inputs";
	errno = -shield_raise(&s->shield);
	if (errno != 0)
		goto failed;
	o->failed = "prepare the process";
	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    (!s->privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0))
		goto failed;
	if (getppid() != parent) {
		errno = ESRCH;
		goto failed;
	}
	o->failed = "enter the working directory";
	if (chdir(s->directory) != 0)
		goto failed;
	o->failed = "open stdin";
	if (dup2(s->null, 0) < 0)
		goto failed;
	o->failed = "open stdout";
	if (redirect(s->out, 1) < 0)
		goto failed;
	o->failed = "open stderr";
	if (redirect(s->err, 2) < 0)
		goto failed;
	o->failed = "execute";
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		goto failed;
	err = execute(files, s->argv, s->envp);
	if (s->fallback != NULL)
		err = execute(fallback_files, s->fallback, s->envp);
	o->err = err;
	return;
failed:
	o->err = errno;
}

pid_t spawn_start(const struct spawn *s, const char **failed)
{
	/* Volatile: written by the child, read by the parent after vfork() returned twice. */
	struct outcome *volatile outcome;
	char **volatile files, **volatile fallback_files = NULL;
	struct arena arena;
	pid_t pid, self = getpid();

	arena_init(&arena);
	outcome = arena_new(&arena, struct outcome);
	files = candidates(s, s->file != NULL ? s->file : s->argv[0], &arena);
	if (s->fallback != NULL)
		fallback_files = candidates(s, s->fallback[0], &arena);
	pid = vfork();
	if (pid == 0) {
		become(s, files, fallback_files, self, outcome);
		_exit(127);
	}
	*failed = "";
	if (pid < 0) {
		*failed = "make a process";
		pid = -errno;
	} else if (outcome->err != 0) {
		*failed = outcome->failed;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		pid = -outcome->err;
	}
	arena_release(&arena);
	return pid;
}
