/*
 * A VFS of SQLite that hands the frames of a commit to the kernel together. SQLite writes the WAL
 * in two calls a page, and each of them costs more than the bytes. Here they are gathered until the
 * WAL is synced, read, or asked about; nobody looks at frames earlier, as a commit is announced in
 * the WAL index after its sync. So it is for connections with synchronous=FULL alone.
 *
 * See "The SQLite OS Interface or VFS" and "WAL-mode File Format" in SQLite's documentation.
 */
#ifndef STORE_SQLITE_WAL_H
#define STORE_SQLITE_WAL_H

/* The name for sqlite3_open_v2(); registered with the first call. NULL: out of memory. */
const char *sqlite_wal_vfs(void);

#endif
