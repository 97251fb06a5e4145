/*
 * Conditions of partial indexes, for those who make the indexes and those who
 * query. SQLite uses such an index only for a query that repeats its condition.
 *
 * They are chains of OR because IN builds a table of its words each time
 * that a row changes, which makes every change of a status six times as dear.
 *
 * Private to store/.
 */
#ifndef STORE_INDEXED_H
#define STORE_INDEXED_H

/* Not those that wait: they may be as many as all tasks, and every grant would pay. */
#define TASK_IS_STUCK "(status = 'paused' OR status = 'failed' OR status = 'debug')"
#define EXECUTION_IS_LIVE "(status = 'pending' OR status = 'accepted' OR status = 'running')"
#define EXECUTION_IS_FAILED "(status = 'failed' OR status = 'refused')"

/* Enough of a digest to find the few rows that share it; a whole one would double the index. */
#define IDENTITY_START(text) "substr(" text ", 1, 8)"
/* Equal tasks differ in the last folder of their output, where one has many of them. */
#define PLACE_END(text) "substr(coalesce(" text ", ''), length(coalesce(" text ", '')) - 7)"

#endif
