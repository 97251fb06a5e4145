#include "cli/editor.h"

#include "base/fd.h"
#include "runtime/debug.h"
#include "runtime/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* That somebody named; NULL: nobody did. */
static const char *named_program(void)
{
	const char *named = getenv("VISUAL");

	if (named == NULL || *named == '\0')
		named = getenv("EDITOR");
	return named != NULL && *named != '\0' ? named : NULL;
}

static const char *program(void)
{
	const char *named = named_program();

	return named != NULL ? named : "vi";
}

/* By a shell, since the variables hold command lines; it stays when the editor is interrupted. 0
   and *status, or -errno. */
static int run(const char *path, struct debug *dialog, int *status)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
	sigset_t none;
	struct str line = STR_INIT;
	pid_t pid;
	int err = 0;

	str_addf(&line, "trap : INT QUIT; %s \"$1\"", program());
	/* What is typed is the editor's. */
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &interrupt, NULL);
		sigaction(SIGQUIT, &quit, NULL);
		/* Data may go elsewhere. */
		if (!isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
			(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		/* What a dialog hears itself, or does without. */
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", line.p, "sh", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		err = -errno;
	if (pid > 0 && dialog != NULL)
		debug_await(dialog, pid);
	while (pid > 0 && waitpid(pid, status, 0) < 0 && err == 0)
		err = errno == EINTR ? 0 : -errno;
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	str_release(&line);
	return err;
}

static bool change_file(struct call *c, struct debug *dialog, const char *path, int fd,
                        struct str *text)
{
	int err = fd_write_all(fd, text->p, text->len), status = 0;

	if (close(fd) != 0 && err == 0)
		err = -errno;
	if (err == 0)
		err = run(path, dialog, &status);
	if (err == 0 && status != 0)
		return call_fail(c, EXIT_CODE_USAGE, "VISUAL or EDITOR names another",
		                 "nothing is changed: the editor, %s, did not end well", program());
	if (err == 0) {
		str_reset(text);
		err = file_read(path, text);
	}
	return err == 0 ||
	       call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", path, strerror(-err));
}

bool editor_change(struct call *c, struct debug *dialog, const char *suffix, struct str *text)
{
	struct str path = STR_INIT;
	int fd;
	bool ok;

	/* One that was named may need none. */
	if (named_program() == NULL &&
	    !(isatty(STDIN_FILENO) && (isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))))
		return call_fail(c, EXIT_CODE_USAGE,
		                 "--from FILE has the new text, - is standard input; or VISUAL or "
		                 "EDITOR names a program that needs none",
		                 "the editor, %s, wants a terminal", program());
	str_addf(&path, "%s/scitq-edit-XXXXXX%s", temporary_place(), suffix);
	fd = mkostemps(path.p, (int)strlen(suffix), 0);
	if (fd < 0)
		ok = call_fail(c, EXIT_CODE_INFRASTRUCTURE, NULL, "cannot make %s: %s", path.p,
		               strerror(errno));
	else
		ok = change_file(c, dialog, path.p, fd, text);
	if (fd >= 0)
		(void)unlink(path.p);
	str_release(&path);
	return ok;
}

void editor_keep(const char *suffix, const struct str *text)
{
	struct str path = STR_INIT;
	int fd;

	str_addf(&path, "%s/scitq-edit-XXXXXX%s", temporary_place(), suffix);
	fd = mkostemps(path.p, (int)strlen(suffix), 0);
	if (fd >= 0 && fd_write_all(fd, text->p, text->len) == 0)
		fprintf(stderr, "what was written is in %s: scitq edit --from takes it\n", path.p);
	if (fd >= 0)
		close(fd);
	str_release(&path);
}
