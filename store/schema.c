/*
 * The tables, made from the field tables of model/, and the steps from one
 * version of the schema to the next.
 *
 * To change the schema: raise SCHEMA_VERSION and add a row to `upgrades` that
 * brings a database of the version before it to the new one. New tables and
 * columns of a fresh database come from the field tables by themselves.
 */
#include "base/clock.h"
#include "store/indexed.h"
#include "store/inside.h"
#include "store/row.h"

#include <string.h>

#define SCHEMA_VERSION 21

/*
 * SQL that leads from version i + 1 to i + 2; missing tables and indexes are made after it. Types
 * are names of the dialect in braces. PostgreSQL began at version 6.
 */
static const char *const upgrades[SCHEMA_VERSION - 1] = {
        /* Other indexes for tasks and executions. */
        "DROP INDEX IF EXISTS task_undone; DROP INDEX IF EXISTS task_failed;"
        "DROP INDEX IF EXISTS task_batch; DROP INDEX IF EXISTS task_name;"
        "DROP INDEX IF EXISTS task_run; DROP INDEX IF EXISTS task_identity;"
        "DROP INDEX IF EXISTS execution_task; DROP INDEX IF EXISTS execution_live;"
        "DROP INDEX IF EXISTS requirement_task; DROP INDEX IF EXISTS requirement_other;"
        "DROP INDEX IF EXISTS run_name;",
        /* Tokens of workers, tokens that expire; the table of the audit log is new. */
        "ALTER TABLE token ADD COLUMN worker {text};"
        "ALTER TABLE token ADD COLUMN expiry_date {date};",
        /* What a task promised to write; identities are found with their place. */
        "ALTER TABLE task ADD COLUMN yields {text}; DROP INDEX IF EXISTS task_identity;",
        /* Settings of single attempts. */
        "ALTER TABLE task ADD COLUMN attempt_settings {text}",
        /* The same index in words that both databases know. */
        "DROP INDEX IF EXISTS task_identity",
        /* Gathers of which some may fail. */
        "ALTER TABLE requirement ADD COLUMN gather {integer};"
        "ALTER TABLE requirement ADD COLUMN may_fail {integer};"
        "ALTER TABLE requirement ADD COLUMN input {text};"
        "ALTER TABLE task ADD COLUMN partial {boolean}",
        /* Hooks of runs. */
        "ALTER TABLE run ADD COLUMN on_success {text};"
        "ALTER TABLE run ADD COLUMN on_failure {text};"
        "ALTER TABLE batch ADD COLUMN hook {boolean}",
        /* What the workers of a run cost. */
        "ALTER TABLE run ADD COLUMN cost {real};"
        "ALTER TABLE worker ADD COLUMN charged_date {date}",
        /* GPUs. */
        "ALTER TABLE task ADD COLUMN gpu {integer};"
        "ALTER TABLE worker ADD COLUMN gpus {integer};"
        "ALTER TABLE flavor ADD COLUMN gpus {integer}",
        /* When machines end. */
        "ALTER TABLE worker ADD COLUMN end_date {date};"
        "ALTER TABLE flavor_metrics ADD COLUMN walltime {integer}",
        /* Runs that are debugged. */
        "ALTER TABLE run ADD COLUMN debug {boolean}",
        /* Long logs in files, of which older programs do not know. */
        "",
        /* With what a run was compiled. */
        "ALTER TABLE run ADD COLUMN arguments {text}",
        /* Tokens for joining. */
        "ALTER TABLE token ADD COLUMN exchanged {text}",
        /* How often a task was evicted. */
        "ALTER TABLE task ADD COLUMN evictions {integer}",
        /* Flavors that share a quota. */
        "ALTER TABLE flavor_metrics ADD COLUMN pool {text}",
        /* Where a worker that was taken over goes back to. */
        "ALTER TABLE worker ADD COLUMN home {text}",
        /* How far a run is on its way into debug. */
        "ALTER TABLE run ADD COLUMN debug_from {integer}",
        /* Old keys are found without it. */
        "DROP INDEX IF EXISTS idempotency_date",
        /* A key that created a task has the task's number in place of a copy. */
        "ALTER TABLE idempotency RENAME TO idempotency_20;"
        "CREATE TABLE idempotency (key {text}, digest {text}, creation_date {date},"
        " task_id {integer}, reply {text}, PRIMARY KEY (key)){by_key};"
        "INSERT INTO idempotency (key, digest, creation_date, reply)"
        " SELECT key, digest, creation_date, reply FROM idempotency_20;"
        "DROP TABLE idempotency_20",
};

/*
 * Few and mostly partial: each index is paid for by every task. docs/schema.md
 * says which query needs which.
 */
#define INDEX "CREATE INDEX IF NOT EXISTS "

static const char *const indexes[] = {
        INDEX "task_batch ON task(batch)",
        INDEX "task_name ON task(name) WHERE name IS NOT NULL",
        INDEX "task_run ON task(run_id) WHERE run_id IS NOT NULL",
        INDEX "task_stuck ON task(status) WHERE " TASK_IS_STUCK,
        INDEX "task_identity ON task(" IDENTITY_START("identity") ", " PLACE_END(
                "output") ") WHERE identity IS NOT NULL",
        INDEX "execution_task ON execution(task_id)",
        INDEX "execution_worker ON execution(worker_id)",
        INDEX "execution_live ON execution(status) WHERE " EXECUTION_IS_LIVE,
        INDEX "execution_failed ON execution(status) WHERE " EXECUTION_IS_FAILED,
        INDEX "requirement_task ON requirement(task_id)",
        INDEX "requirement_other ON requirement(other_task_id)",
        INDEX "signal_execution ON signal(execution_id)",
        INDEX "worker_name ON worker(name)",
        INDEX "run_name ON run(name)",
        INDEX "audit_token ON audit(token)",
        INDEX "audit_date ON audit(date)",
        "CREATE UNIQUE INDEX IF NOT EXISTS token_hash ON token(hash)",
};

/* They stand last in their table: what comes before them is found without reading them. */
static const char *const long_texts[] = {
        "command",    "script", "input",        "output",  "resource", "identity_parts", "outputs",
        "output_uri", "log",    "output_files", "message", "reply",    "yields",
};

static bool is_long(const struct field *f)
{
	for (size_t i = 0; i < sizeof(long_texts) / sizeof(long_texts[0]); i++) {
		if (strcmp(f->name, long_texts[i]) == 0)
			return true;
	}
	return false;
}

static const char *type_of(const struct dialect *d, enum field_kind kind)
{
	switch (kind) {
	case KIND_INT:
		return d->integer;
	case KIND_REAL:
		return d->real;
	case KIND_BOOL:
		return d->boolean;
	case KIND_DATE:
		return d->date;
	case KIND_TEXT:
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		return d->text;
	case KIND_INTS:
		break;
	}
	return NULL;
}

static void add_table(const struct dialect *d, const struct table *t, struct str *sql)
{
	bool auto_key = table_has_number(t);
	const char *comma = "";

	str_addf(sql, "CREATE TABLE IF NOT EXISTS \"%s\" (", t->name);
	for (unsigned at = 0; at < 2 * t->nfields; at++) {
		unsigned i = at % t->nfields;
		const struct field *f = &t->fields[i];

		if ((f->flags & FIELD_VIRTUAL) || is_long(f) != (at >= t->nfields))
			continue;
		if (auto_key && i == 0)
			str_addf(sql, "\"%s\" %s", f->name, d->auto_key);
		else
			str_addf(sql, "%s\"%s\" %s", comma, f->name, type_of(d, f->kind));
		comma = ", ";
	}
	if (!auto_key) {
		comma = ", PRIMARY KEY (";
		for (unsigned i = 0; i < t->nfields; i++) {
			if (t->fields[i].flags & FIELD_KEY) {
				str_addf(sql, "%s\"%s\"", comma, t->fields[i].name);
				comma = ", ";
			}
		}
		str_addc(sql, ')');
	}
	str_addc(sql, ')');
	/* A row comes with nearly every call, and its key is all that is ever asked for. */
	if (t == table_get(TABLE_IDEMPOTENCY))
		str_adds(sql, d->by_key);
	if (auto_key && d->keep_number != NULL)
		str_addf(sql,
		         "; CREATE OR REPLACE TRIGGER keep_number BEFORE DELETE ON \"%s\""
		         " FOR EACH STATEMENT EXECUTE FUNCTION %s('%s')",
		         t->name, d->keep_number, t->fields[0].name);
}

static bool run(struct store *s, struct connection *c, const char *sql, struct str *error)
{
	if (s->driver->execute(c, sql) == STORE_OK)
		return true;
	str_addf(error, "%s: %s", s->shown.p, s->driver->error(c));
	return false;
}

static bool make_indexes(struct store *s, struct str *error)
{
	bool ok = true;

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]) && ok; i++)
		ok = run(s, s->main, indexes[i], error);
	return ok;
}

/* Those that are missing. */
static bool make_resources(struct store *s, struct str *error)
{
	const struct dialect *d = s->driver->dialect;
	struct str sql = STR_INIT;
	bool ok = true;

	for (int id = 0; id < TABLE_COUNT && ok; id++) {
		str_reset(&sql);
		add_table(d, table_get((enum table_id)id), &sql);
		ok = run(s, s->main, sql.p, error);
	}
	str_release(&sql);
	return ok && make_indexes(s, error);
}

static bool make_tables(struct store *s, struct str *error)
{
	struct str sql = STR_INIT;
	const struct dialect *d = s->driver->dialect;
	bool ok = d->setup == NULL || run(s, s->main, d->setup, error);

	str_addf(&sql, "CREATE TABLE log_orphan (execution_id %s PRIMARY KEY)", d->integer);
	ok = ok && run(s, s->main, sql.p, error) && make_resources(s, error);
	str_reset(&sql);
	str_addf(&sql, "INSERT INTO schema_version (version, date) VALUES (%d, %lld)",
	         SCHEMA_VERSION, (long long)clock_date_us());
	ok = ok && run(s, s->main, sql.p, error);
	str_release(&sql);
	return ok;
}

/* The version that the database has, 0 for a new one, -1 after an error. */
static int read_version(struct store *s, struct str *error)
{
	struct statement *st =
	        s->driver->prepare(s->main, "SELECT coalesce(max(version), 0) FROM schema_version");
	int version = -1;

	if (st != NULL && s->driver->step(st) == STORE_OK)
		version = (int)s->driver->integer(st, 0);
	else
		str_addf(error, "%s: %s", s->shown.p, s->driver->error(s->main));
	if (st != NULL)
		s->driver->reset(st);
	return version;
}

/* A database of something else is left alone. */
static int read_tables(struct store *s, struct str *error)
{
	struct statement *st = s->driver->prepare(s->main, s->driver->dialect->foreign);
	int foreign = -1;

	if (st != NULL && s->driver->step(st) == STORE_OK)
		foreign = (int)s->driver->integer(st, 0);
	else
		str_addf(error, "%s: %s", s->shown.p, s->driver->error(s->main));
	if (st != NULL)
		s->driver->reset(st);
	if (foreign > 0)
		str_addf(error, "%s is a database, but not one of scitq", s->shown.p);
	return foreign == 0 ? 0 : -1;
}

/* Types for their names. */
static void add_typed(const struct dialect *d, const char *text, struct str *sql)
{
	const struct {
		const char *name, *type;
	} types[] = {{"{integer}", d->integer}, {"{real}", d->real},       {"{text}", d->text},
	             {"{date}", d->date},       {"{boolean}", d->boolean}, {"{bytes}", d->bytes},
	             {"{by_key}", d->by_key}};

	while (*text != '\0') {
		size_t i = 0;

		while (i < sizeof(types) / sizeof(types[0]) &&
		       strncmp(text, types[i].name, strlen(types[i].name)) != 0)
			i++;
		if (i == sizeof(types) / sizeof(types[0])) {
			str_addc(sql, *text++);
		} else {
			str_adds(sql, types[i].type);
			text += strlen(types[i].name);
		}
	}
}

static bool upgrade(struct store *s, int version, struct str *error)
{
	struct str sql = STR_INIT;
	bool ok = true;

	for (; version < SCHEMA_VERSION && ok; version++) {
		str_reset(&sql);
		add_typed(s->driver->dialect, upgrades[version - 1], &sql);
		ok = sql.len == 0 || run(s, s->main, sql.p, error);
		str_reset(&sql);
		str_addf(&sql, "INSERT INTO schema_version (version, date) VALUES (%d, %lld)",
		         version + 1, (long long)clock_date_us());
		ok = ok && run(s, s->main, sql.p, error);
	}
	str_release(&sql);
	return ok && make_resources(s, error);
}

/* An older server that leads would go on in tables that it does not know. */
static bool may_upgrade(struct store *s, struct str *error)
{
	struct str name = STR_INIT;
	bool may = !s->driver->shared || !leader_lives(s, &name);

	if (!may)
		str_addf(error, "an older server has this database: stop %s first", name.p);
	str_release(&name);
	return may;
}

static bool migrate_main(struct store *s, struct str *error)
{
	const struct dialect *d = s->driver->dialect;
	int version = read_tables(s, error);
	struct str sql = STR_INIT;
	bool ok;

	if (version < 0)
		return false;
	str_addf(&sql,
	         "CREATE TABLE IF NOT EXISTS schema_version (version %s PRIMARY KEY, date %s)",
	         d->integer, d->date);
	ok = run(s, s->main, sql.p, error);
	str_release(&sql);
	if (!ok)
		return false;
	version = read_version(s, error);
	if (version < 0)
		return false;
	if (version > SCHEMA_VERSION) {
		str_addf(error,
		         "%s has schema version %d, this program knows %d: it was written by a "
		         "newer scitq",
		         s->shown.p, version, SCHEMA_VERSION);
		return false;
	}
	if (version == SCHEMA_VERSION)
		return true;
	if (version == 0)
		return make_tables(s, error);
	return may_upgrade(s, error) && upgrade(s, version, error);
}

static bool migrate_log(struct store *s, struct str *error)
{
	const struct dialect *d = s->driver->dialect;
	struct str sql = STR_INIT;
	bool ok;

	str_addf(&sql,
	         "CREATE TABLE IF NOT EXISTS log_chunk (execution_id %s, stream %s, start %s,"
	         " data %s);"
	         "CREATE UNIQUE INDEX IF NOT EXISTS log_chunk_start"
	         " ON log_chunk(execution_id, stream, start);",
	         d->integer, d->integer, d->integer, d->bytes);
	if (s->log_dir != NULL)
		str_addf(&sql,
		         "CREATE TABLE IF NOT EXISTS log_file (execution_id %s, stream %s,"
		         " start %s, size %s, PRIMARY KEY (execution_id, stream, start))",
		         d->integer, d->integer, d->integer, d->integer);
	ok = run(s, s->log, sql.p, error);
	str_release(&sql);
	return ok;
}

/* One at a time where several servers begin at once. */
static bool in_transaction(struct store *s, struct connection *c,
                           bool (*migrate)(struct store *s, struct str *error), struct str *error)
{
	if (!run(s, c, s->driver->dialect->begin_alone, error))
		return false;
	if (!migrate(s, error)) {
		/* The error that led here is the one to tell. */
		(void)s->driver->execute(c, "ROLLBACK");
		return false;
	}
	return run(s, c, "COMMIT", error);
}

bool store_migrate(struct store *s, struct str *error)
{
	return in_transaction(s, s->main, migrate_main, error) &&
	       in_transaction(s, s->log, migrate_log, error);
}
