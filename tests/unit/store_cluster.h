/* A PostgreSQL cluster for the tests of one program: tests/tools/cluster as a child process. */
#ifndef TESTS_UNIT_STORE_CLUSTER_H
#define TESTS_UNIT_STORE_CLUSTER_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* 77 where PostgreSQL is not installed. */
int cluster_begin(void);
/* Nothing where there is none. */
void cluster_end(void);
bool cluster_is_there(void);

/* As kill -9 would. */
void cluster_stop(void);
void cluster_start(void);

/* The URI of a new, empty schema. */
void cluster_place(struct str *uri);
/* The first column of the first row as a number, 0 where none is wanted. */
int64_t cluster_run(const char *uri, const char *sql, bool wants_row);

#endif
