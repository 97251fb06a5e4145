/* Copying the bytes of one file, as cheaply as the file systems allow. Private to stage/. */
#ifndef STAGE_COPY_H
#define STAGE_COPY_H

#include "stage/stage.h"

#include <sys/stat.h>

/*
 * Share the bytes of `from` with the empty file `to`. False where the file system
 * cannot, which is remembered: the next one is not even tried.
 */
bool copy_reflink(struct stage *s, int from, const struct stat *st, int to);

/*
 * All bytes of `from` into the empty file `to`, then the date of `st`. 0, -errno,
 * or -ECANCELED when the stage is cancelled; *reading tells which side failed.
 */
int copy_bytes(struct stage *s, int from, const struct stat *st, int to, bool *reading);

#endif
