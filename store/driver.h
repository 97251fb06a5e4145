/*
 * What a database driver offers: connections, prepared statements with numbered
 * parameters, and its words where databases differ. The queries above it are the
 * same for all. Private to store/.
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
	const char *begin; /* of a transaction that writes */
	const char *integer, *real, *text, *boolean, *date, *bytes; /* column types */
	/* Definition of an integer key whose numbers are not given twice. */
	const char *auto_key;
	/* A query with one text parameter, a JSON array: its items as rows (position, value). */
	const char *array_rows;
	/* A query: how many tables there are, 0 where one of them is schema_version. */
	const char *foreign;
};

struct driver {
	const char *scheme; /* "sqlite" */
	const struct dialect *dialect;
	/* NULL with `error` set. `place` is the URI behind the scheme. */
	struct connection *(*open)(const char *place, enum connection_kind kind,
	                           const struct store_options *options, struct str *error);
	void (*close)(struct connection *c);
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
	/* Rows changed by the last statement. */
	int64_t (*changes)(struct connection *c);
	const char *(*error)(struct connection *c);
	void (*deadline)(struct connection *c, int64_t deadline_ns);
};

extern const struct driver sqlite_driver;

#endif
