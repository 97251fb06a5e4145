/*
 * The limit that a chain of tasks is measured against: N times posix_spawn of a
 * program and waiting for it, one after the other. Prints the nanoseconds taken.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
	char program[] = "/bin/true";
	char *child_argv[] = {program, NULL};
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long i = 0; i < n; i++) {
		int status, err;
		pid_t pid;

		err = posix_spawn(&pid, program, NULL, NULL, child_argv, environ);
		if (err != 0) {
			fprintf(stderr, "posix_spawn: %s\n", strerror(err));
			return 1;
		}
		while (waitpid(pid, &status, 0) < 0) {
			if (errno != EINTR)
				return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%lld\n", (b.tv_sec - a.tv_sec) * 1000000000LL + (b.tv_nsec - a.tv_nsec));
	return 0;
}
