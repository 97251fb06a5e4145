#include "store/sqlite_wal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME "scitq-wal"
/* A commit of a few rows has ten frames of 4 KiB; what is longer goes in parts. */
#define GATHERED (128 << 10)

struct wal_file {
	sqlite3_file base;  /* first: what SQLite knows of us */
	char *gathered;     /* NULL until something is written */
	int n;              /* bytes in it */
	sqlite3_int64 at;   /* where they belong */
	int failed;         /* SQLite may not have heard of it; SQLITE_OK: nothing */
	sqlite3_file *real; /* lies behind this structure */
};

static sqlite3_vfs *parent;
static sqlite3_vfs vfs;

static struct wal_file *wal(sqlite3_file *file)
{
	return (struct wal_file *)file;
}

/*
 * `heard`: SQLite looks at the answer, and rolls back. What failed in a call whose answer it may
 * pass over is told by the next one that it looks at.
 */
static int flush(struct wal_file *w, bool heard)
{
	int n = w->n, code = SQLITE_OK;

	w->n = 0;
	if (n > 0)
		code = w->real->pMethods->xWrite(w->real, w->gathered, n, w->at);
	if (w->failed != SQLITE_OK)
		code = w->failed;
	w->failed = heard ? SQLITE_OK : code;
	return code;
}

static int wal_close(sqlite3_file *file)
{
	struct wal_file *w = wal(file);
	int flushed = flush(w, true), closed = w->real->pMethods->xClose(w->real);

	free(w->gathered);
	w->gathered = NULL;
	return flushed != SQLITE_OK ? flushed : closed;
}

static int wal_read(sqlite3_file *file, void *into, int n, sqlite3_int64 at)
{
	struct wal_file *w = wal(file);
	int code = flush(w, true);

	return code != SQLITE_OK ? code : w->real->pMethods->xRead(w->real, into, n, at);
}

static int wal_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
	struct wal_file *w = wal(file);
	int code = SQLITE_OK;

	if (w->failed != SQLITE_OK || (w->n > 0 && (at != w->at + w->n || n > GATHERED - w->n)))
		code = flush(w, true);
	if (code != SQLITE_OK)
		return code;
	if (n > GATHERED)
		return w->real->pMethods->xWrite(w->real, from, n, at);
	if (w->gathered == NULL && (w->gathered = malloc(GATHERED)) == NULL)
		return SQLITE_IOERR_NOMEM;
	if (w->n == 0)
		w->at = at;
	memcpy(w->gathered + w->n, from, (size_t)n);
	w->n += n;
	return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct wal_file *w = wal(file);
	int code = flush(w, false);

	return code != SQLITE_OK ? code : w->real->pMethods->xTruncate(w->real, size);
}

static int wal_sync(sqlite3_file *file, int flags)
{
	struct wal_file *w = wal(file);
	int code = flush(w, true);

	return code != SQLITE_OK ? code : w->real->pMethods->xSync(w->real, flags);
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct wal_file *w = wal(file);
	int code = flush(w, false);

	return code != SQLITE_OK ? code : w->real->pMethods->xFileSize(w->real, size);
}

static int wal_control(sqlite3_file *file, int operation, void *argument)
{
	struct wal_file *w = wal(file);
	int code = flush(w, false);

	return code != SQLITE_OK ? code
	                         : w->real->pMethods->xFileControl(w->real, operation, argument);
}

/* Locks are on the database; these are here because the structure has them. */
static int wal_lock(sqlite3_file *file, int lock)
{
	return wal(file)->real->pMethods->xLock(wal(file)->real, lock);
}

static int wal_unlock(sqlite3_file *file, int lock)
{
	return wal(file)->real->pMethods->xUnlock(wal(file)->real, lock);
}

static int wal_reserved(sqlite3_file *file, int *held)
{
	return wal(file)->real->pMethods->xCheckReservedLock(wal(file)->real, held);
}

static int wal_sector(sqlite3_file *file)
{
	return wal(file)->real->pMethods->xSectorSize(wal(file)->real);
}

static int wal_traits(sqlite3_file *file)
{
	return wal(file)->real->pMethods->xDeviceCharacteristics(wal(file)->real);
}

/* Version 1: no memory is shared by a WAL, nor is it mapped. */
static const sqlite3_io_methods methods = {
        .iVersion = 1,
        .xClose = wal_close,
        .xRead = wal_read,
        .xWrite = wal_write,
        .xTruncate = wal_truncate,
        .xSync = wal_sync,
        .xFileSize = wal_size,
        .xLock = wal_lock,
        .xUnlock = wal_unlock,
        .xCheckReservedLock = wal_reserved,
        .xFileControl = wal_control,
        .xSectorSize = wal_sector,
        .xDeviceCharacteristics = wal_traits,
};

/* Files other than a WAL are the parent's own, in the room that is there for ours. */
static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *opened)
{
	struct wal_file *w = wal(file);
	int code;

	(void)self;
	if ((flags & SQLITE_OPEN_WAL) == 0)
		return parent->xOpen(parent, name, file, flags, opened);
	*w = (struct wal_file){.real = (sqlite3_file *)(w + 1)};
	code = parent->xOpen(parent, name, w->real, flags, opened);
	if (code == SQLITE_OK)
		w->base.pMethods = &methods;
	else if (w->real->pMethods != NULL)
		(void)w->real->pMethods->xClose(w->real);
	return code;
}

static void set_up(void)
{
	parent = sqlite3_vfs_find(NULL);
	if (parent == NULL)
		return;
	/* What else it does it does for us too. */
	vfs = *parent;
	vfs.zName = NAME;
	vfs.szOsFile = (int)sizeof(struct wal_file) + parent->szOsFile;
	vfs.xOpen = vfs_open;
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
		parent = NULL;
}

const char *sqlite_wal_vfs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up);
	return parent != NULL ? NAME : NULL;
}
