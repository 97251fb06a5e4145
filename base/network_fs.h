/*
 * Filesystems that several machines share: locks and shared memory do not hold across them, and
 * files on them can be seen from elsewhere.
 */
#ifndef BASE_NETWORK_FS_H
#define BASE_NETWORK_FS_H

/* The one that the file is on, such as "nfs", or NULL. */
const char *network_fs_of(int fd);
/* The same of what statfs(2) and mountinfo tell. FUSE tells only by its type, "fuse.sshfs", what it
   is. */
const char *network_fs_name(unsigned long magic, const char *type);

#endif
