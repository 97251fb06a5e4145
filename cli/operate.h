/*
 * scitq-server, which serves, and its commands about a server that runs: tokens,
 * backups, pruning. They call that server over REST: the one of the state directory, or the one
 * that is named.
 */
#ifndef CLI_OPERATE_H
#define CLI_OPERATE_H

/* argv[1] may be a command; otherwise server_main(). The exit codes are those of enum
   server_exit. */
int operate_main(int argc, char **argv);

#endif
