/*
 * What a provider's program reads and writes (docs/providers.md), for those in C: main() calls
 * provider_main() with its verbs.
 */
#ifndef PROVIDERS_SPEAK_H
#define PROVIDERS_SPEAK_H

#include <jansson.h>
#include <stdbool.h>

/* Texts are the request's, NULL where it has none. */
struct request {
	const char *verb, *owner, *region, *flavor;
	const char *server; /* URL by which workers reach it */
	const char *ca;     /* PEM text of who vouches for it */
	const char *directory;
	const char *worker; /* program of a worker, on this machine */
	json_t *workers;    /* array of objects */
};

/* One of them. */
struct wanted {
	const char *tag, *name, *token;
	int64_t concurrency, prefetch;
};

/* Each writes a line; `tag` NULL: of all. */
void say_progress(const char *tag, int percent, const char *text);
void say_log(const char *tag, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Done; the reference is stolen, NULL is {}. */
void say_result(const char *tag, json_t *result);
/* It failed; `final`: it would again. */
void say_error(const char *tag, bool final, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

struct verb {
	const char *word;
	void (*all)(const struct request *request);                               /* either, */
	void (*each)(const struct request *request, const struct wanted *worker); /* or */
};

/* Read the request from standard input and have it done. The exit code. */
int provider_main(const struct verb *verbs, size_t n);

/* Read the i-th worker of the request. False: its line was written. */
bool request_worker(const struct request *request, size_t i, struct wanted *worker);
/*
 * A new directory DIRECTORY/TAG (0700) for a worker with what it needs to speak to the server:
 * its token in the file `token`, and `ca.pem` where there is one (both 0600). False: the error
 * was written.
 */
bool worker_files(const struct request *request, const struct wanted *worker, const char *path);

#endif
