/* The backup of the SQLite driver; sqlite.c names it in its table. */
#ifndef STORE_SQLITE_BACKUP_H
#define STORE_SQLITE_BACKUP_H

#include "store/driver.h"

/* See struct driver. */
bool sqlite_backup(const char *place, const char *log_place, const char *target,
                   const char *log_target, store_going *going, void *context, struct str *error);

#endif
