/*
 * scitq-server as a function, for its own main and for scitq-run, which starts
 * its private server by executing itself.
 */
#ifndef SERVER_SERVER_MAIN_H
#define SERVER_SERVER_MAIN_H

enum server_exit {
	SERVER_EXIT_OK = 0,     /* stopped by a signal, or nobody needs it any more */
	SERVER_EXIT_FAILED = 1, /* said why on standard error */
	SERVER_EXIT_USAGE = 2,
};

/* argv[0] is the program's name in messages. Runs until a signal ends it. */
int server_main(int argc, char **argv);

#endif
