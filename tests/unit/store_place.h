/* A directory of its own for each test of store/, and rows to put into databases there. */
#ifndef TESTS_UNIT_STORE_PLACE_H
#define TESTS_UNIT_STORE_PLACE_H

#include "base/str.h"
#include "store/store.h"

struct place {
	char *dir;
	struct str uri, path, log_path; /* of the database in it, and of its log */
};

void place_make(struct place *p);
/* With everything in it. */
void place_remove(struct place *p);
/* Opened; the test fails where that does. */
struct store *place_open(const struct place *p);
/* One statement on a connection of its own, as with the sqlite3 shell. */
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
