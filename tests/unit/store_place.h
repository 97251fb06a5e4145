/* A place of its own for each test of store/, and rows to put into the database there. */
#ifndef TESTS_UNIT_STORE_PLACE_H
#define TESTS_UNIT_STORE_PLACE_H

#include "base/str.h"
#include "store/store.h"

struct place {
	char *dir;
	struct str uri, path, log_path; /* of the database in it, and of its log */
};

/*
 * To be called by main first, and its end at last. With the word `postgres` as argument every place
 * is a database of a cluster that is started here (tests/tools/cluster). Not 0: what main
 * returns at once.
 */
int place_begin(int argc, char **argv);
void place_end(void);
bool place_is_postgres(void);
/* The test is about files: skipped where there are none. */
void place_needs_sqlite(void);
void place_needs_postgres(void);

void place_make(struct place *p);
/* With everything in it. */
void place_remove(struct place *p);
/* Opened; the test fails where that does. */
struct store *place_open(const struct place *p);
/*
 * One statement on a connection of its own, as with the sqlite3 shell or psql. `sqlite_master`
 * stands for the tables and indexes (name, sql) in both.
 */
void place_sql(const char *path, const char *sql);
/* The integer that a query of one row answers. */
int64_t place_number(const char *path, const char *sql);

/* Number of the field; the test fails where there is none. */
int field_number(enum table_id table, const char *name);
uint64_t field_bit(enum table_id table, const char *name);
/* Default rows with keys and dates. */
struct task some_task(int64_t id);
struct execution some_execution(int64_t id, int64_t task_id);
/* Each in a transaction of its own. */
void put(struct store *s, enum table_id table, const void *row);

#endif
