/*
 * Unpacking archives that nobody vouches for, through libarchive. An entry that
 * is absolute, holds "..", goes through a symbolic link, or is a link that leads
 * out of the directory is an error that names it. Devices, FIFOs and sockets are
 * skipped. Owners are not restored, set-id and sticky bits are dropped, files and
 * directories stay readable and writable to us. The limits of struct stage hold.
 *
 * The archive itself is only read. What was unpacked before a failure stays: use
 * a directory of its own.
 */
#ifndef STAGE_ARCHIVE_H
#define STAGE_ARCHIVE_H

#include "base/str.h"
#include "stage/stage.h"

enum archive_kind { ARCHIVE_TAR, ARCHIVE_ZIP };

/*
 * Unpack `path` below dest_dir, which exists. ARCHIVE_TAR: plain or compressed by
 * gzip, bzip2, xz, lzma, lzip, zstd, lz4 or compress. `error` gets a line that
 * begins with `subject` (NULL: the path), which is what the user calls the archive.
 */
enum stage_result stage_unpack(struct stage *s, enum archive_kind kind, const char *path,
                               const char *subject, const char *dest_dir, struct str *error);

/* Decompress a gzip file (also of several members, as bgzip writes) to a new file. */
enum stage_result stage_gunzip(struct stage *s, const char *path, const char *subject,
                               const char *dest_path, struct str *error);

#endif
