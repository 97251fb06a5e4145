/* The command line of scitq-worker, made into absolute paths and a server's URL. */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "base/config.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
	struct str url;    /* "http://host:port", no slash at the end */
	struct str name;   /* of the worker */
	const char *batch; /* NULL: the server's default */
	int64_t concurrency;
	int64_t prefetch;
	struct str work;      /* directory of this worker */
	struct str state;     /* state directory, "" where there is none to look into */
	struct str token;     /* "": none found */
	struct str own;       /* what is spoken with once it has joined (join.h); "": the token */
	const char *ca;       /* checks the certificate of a server of https; NULL: the system's */
	const char *log;      /* NULL: standard error */
	bool revocable;       /* its machine may be taken away, by a TERM to all */
	int64_t ends_s;       /* when its machine ends, seconds since 1970; 0: nobody says */
	bool v1;              /* the server speaks v1's polling alone */
	bool private_mode;    /* of a private server: follows server.json, ends with it */
	int64_t grace_s;      /* between TERM and KILL */
	int64_t max_output;   /* bytes kept of each of stdout and stderr */
	int64_t gpus;         /* that tasks may have; -1: those that are found */
	struct config config; /* settings of the environment and files */
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_WRONG };

/* Prints help or what is wrong. argv is borrowed. */
enum options_result options_read(struct options *o, int argc, char **argv);
void options_release(struct options *o);
/*
 * What the private server wrote into server.json and token, read again: it may have been started
 * anew on another port. False where there is none.
 */
bool options_find_private(struct options *o);

#endif
