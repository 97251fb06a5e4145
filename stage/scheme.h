/*
 * The table of transports. What is not in a row cannot be done for that scheme.
 * Private to stage/.
 */
#ifndef STAGE_SCHEME_H
#define STAGE_SCHEME_H

#include "stage/fetch.h"
#include "stage/list.h"
#include "stage/put.h"

typedef enum stage_result scheme_get_fn(struct fetch *f);
/* Entries in any order; stage_list sorts. */
typedef enum stage_result scheme_list_fn(struct stage *s, const struct uri *uri, unsigned how,
                                         struct arena *arena, struct entries *entries,
                                         struct str *error);
typedef enum stage_result scheme_put_fn(struct stage *s, const char *source_dir,
                                        const struct uri *dest, struct arena *arena,
                                        struct entries *entries, struct str *warnings,
                                        struct str *error);
/* Of a folder only what one of the patterns takes, where there are any. */
typedef enum stage_result scheme_remove_fn(struct stage *s, const struct uri *uri,
                                           const char *const *patterns, size_t n,
                                           struct arena *arena, struct str *error);

struct scheme {
	const char *name;
	scheme_get_fn *get; /* add what the URI names to the fetch */
	scheme_list_fn *list;
	scheme_put_fn *put; /* NULL: not writable */
	scheme_remove_fn *remove;
	bool rclone; /* rclone speaks it: copies need not pass through this machine */
};

/* The row of the URI's scheme, or NULL with *r and a line in `error`. */
const struct scheme *scheme_find(const struct uri *uri, struct str *error, enum stage_result *r);

scheme_get_fn local_get, remote_get, cloud_get, fastq_get;
scheme_list_fn local_list, remote_list, cloud_list, fastq_list;
scheme_put_fn local_put, cloud_put;
scheme_remove_fn local_remove, cloud_remove;

#endif
