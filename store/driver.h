/*
 * What a database driver offers: connections, prepared statements with numbered
 * parameters, and its words where databases differ. The queries above it are the
 * same for all. Private to store/.
 *
 * Queries write parameters as ? or ?1; a driver whose database wants other marks
 * translates once, when it prepares.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/str.h"
#include "store/store.h"

struct connection;
struct statement;

enum connection_kind {
	CONNECTION_WRITER,
	CONNECTION_READER,
	CONNECTION_LOG,
	CONNECTION_LOG_READER
};

struct dialect {
	const char *begin;       /* of a transaction that writes */
	const char *begin_read;  /* of one that only reads, all of it as of one moment */
	const char *begin_alone; /* of one beside which no other of this kind is open: migrations */
	const char *integer, *real, *text, *boolean, *date, *bytes; /* column types */
	/* Types of arrays of numbers and dates, reals, texts and yes or no, which unnest() takes;
	   NULL: there are none. */
	const char *integers, *reals, *texts, *booleans;
	/* Definition of an integer key whose numbers are not given twice. */
	const char *auto_key;
	/* Behind the columns of a table that is to stand in the order of its primary key. */
	const char *by_key;
	/* What says behind a column that it is in a list: one text parameter, a JSON array of
	   integers. */
	const char *among;
	/* A query with one text parameter, a table: the largest key that a deleted row had, or that
	   any had. No row: 0. */
	const char *last_number;
	/* A query: how many tables there are, 0 where one of them is schema_version. */
	const char *foreign;
	/* What else a new database needs, made after schema_version and before the tables; NULL:
	   nothing. */
	const char *setup;
	/* A trigger function of `setup` that notes the key named by its argument before rows of a
	   table with an auto_key go; NULL: the database does so itself. */
	const char *keep_number;
};

struct driver {
	const char *const *prefixes; /* of its URIs, NULL-ended */
	/*
	 * True: the place is the whole URI of a server that others use too, log and all; one
	 * server leads (leader.c). False: the place is a path, the rest of the URI; the log is a
	 * second file and a lock file keeps others away.
	 */
	bool shared;
	const struct dialect *dialect;
	/* The place for messages, without passwords. */
	void (*describe)(const char *place, struct str *out);
	/* NULL with `error` set. */
	struct connection *(*open)(const char *place, enum connection_kind kind,
	                           const struct store_options *options, struct str *error);
	void (*close)(struct connection *c);
	/*
	 * After STORE_LOST: connect again. Where nothing was lost it does nothing. A reader
	 * connects again by itself when its next query begins.
	 */
	enum store_result (*recover)(struct connection *c);
	/* Counts the times that `c` was connected. */
	unsigned (*session)(const struct connection *c);
	enum store_result (*execute)(struct connection *c, const char *sql);
	/*
	 * Prepared once per connection and text; owned by the connection, which forgets what was
	 * not used for long, but for what is kept. To be used at once. NULL: error.
	 */
	struct statement *(*prepare)(struct connection *c, const char *sql);
	void (*keep)(struct statement *st);
	/* Parameters count from 1. Texts and bytes are borrowed until the statement is reset. */
	void (*bind_integer)(struct statement *st, int i, int64_t value);
	void (*bind_real)(struct statement *st, int i, double value);
	void (*bind_text)(struct statement *st, int i, const char *value);
	void (*bind_bytes)(struct statement *st, int i, const void *data, size_t n);
	void (*bind_null)(struct statement *st, int i);
	/* STORE_OK with a row, STORE_NONE at the end, else an error. */
	enum store_result (*step)(struct statement *st);
	/* Be ready for the next use, for which every parameter is bound again. To be called after
	 * every use. */
	void (*reset)(struct statement *st);
	bool (*is_null)(struct statement *st, int column); /* columns count from 0 */
	int64_t (*integer)(struct statement *st, int column);
	double (*real)(struct statement *st, int column);
	/* Both live until the next step or reset. A text that is null is NULL, a number 0. */
	const char *(*text)(struct statement *st, int column);
	const void *(*bytes)(struct statement *st, int column, size_t *n);
	/*
	 * Many new rows: a statement that takes `n` values per row, bound and then given to
	 * bulk_row; nothing else happens on the connection until bulk_end, which frees it and says
	 * how it went. `target` is the table with its columns in brackets. The members are NULL
	 * where the database has nothing faster than a prepared INSERT.
	 */
	struct statement *(*bulk)(struct connection *c, const char *target, int n);
	enum store_result (*bulk_row)(struct statement *st);
	enum store_result (*bulk_end)(struct statement *st);
	/* Rows changed by the last statement. */
	int64_t (*changes)(struct connection *c);
	const char *(*error)(struct connection *c);
	void (*deadline)(struct connection *c, int64_t deadline_ns);
	/*
	 * Copy both files into new ones as they are at one moment, while others write. NULL: a
	 * database with tools of its own for that. False with `error` set; what was begun is the
	 * caller's to remove.
	 */
	bool (*backup)(const char *place, const char *log_place, const char *target,
	               const char *log_target, store_going *going, void *context,
	               struct str *error);
};

extern const struct driver sqlite_driver;
extern const struct driver postgres_driver;

#endif
