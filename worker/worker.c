#include "worker/worker.h"

#include "worker/agent.h"
#include "worker/runner.h"
#include "worker/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What every process needs: 0, 1 and 2 are open, so that no file becomes one of them. */
static bool open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	return fd >= 0 && close(fd) == 0;
}

/* The program that stands at our path now, which may be another than we are. Returns where it
   cannot be executed. */
static int execute_anew(char **argv, const struct log *log)
{
	static const char gone[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	size_t tail = sizeof(gone) - 1;

	if (n > (ssize_t)tail && memcmp(path + n - tail, gone, tail) == 0)
		n -= (ssize_t)tail;
	if (n > 0) {
		path[n] = '\0';
		(void)signal(SIGCHLD, SIG_DFL);
		(void)signal(SIGPIPE, SIG_DFL);
		log_info(log, "executing %s anew", path);
		execv(path, argv);
	}
	log_error(log, "cannot execute %s: %s", n > 0 ? path : "/proc/self/exe", strerror(errno));
	return 1;
}

int worker_main(int argc, char **argv)
{
	struct options options;
	struct log log;
	int code, fd = 2;

	/* Before anything is opened: its socket is descriptor 3. */
	if (argc > 1 && strcmp(argv[1], SUPERVISOR_ARGUMENT) == 0)
		return supervisor_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], RUNNER_ARGUMENT) == 0)
		return runner_main(argc, argv);
	log_init(&log, "worker", LOG_LEVEL_INFO, 2);
	if (!open_standard_files())
		return 1;
	switch (options_read(&options, argc, argv)) {
	case OPTIONS_HELP:
		options_release(&options);
		return 0;
	case OPTIONS_WRONG:
		options_release(&options);
		return 2;
	case OPTIONS_OK:
		break;
	}
	if (options.log != NULL) {
		fd = open(options.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0) {
			log_error(&log, "cannot open %s: %s", options.log, strerror(errno));
			options_release(&options);
			return 2;
		}
		log.fd = fd;
	}
	code = agent_run(&options, &log);
	if (code == AGENT_RESTARTS)
		code = execute_anew(argv, &log);
	if (fd != 2)
		close(fd);
	options_release(&options);
	return code;
}
