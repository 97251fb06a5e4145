/*
 * One process writes a database file. The lock file beside it (FILE.lock) holds
 * the pid of who has it; the flock is what counts, and the kernel drops it with
 * the process.
 */
#include "base/fd.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FUSE_MAGIC 0x65735546UL

/*
 * SQLite's locks and its shared memory do not hold across machines. FUSE tells only
 * by its type, "fuse.sshfs", what it is. Source of the numbers: statfs(2).
 */
const char *network_filesystem(unsigned long magic, const char *type)
{
	static const struct {
		unsigned long magic;
		const char *type;
	} known[] = {
	        {0x6969, "nfs"},
	        {0xfe534d42, "smb2"},
	        {0xff534d42, "cifs"},
	        {0x517b, "smb"},
	        {0x5346414f, "afs"},
	        {0x6b414653, "afs"},
	        {0x73757245, "coda"},
	        {0x564c, "ncp"},
	        {0x0bd00bd0, "lustre"},
	        {0x47504653, "gpfs"},
	        {0x00c36400, "ceph"},
	        {0x19830326, "beegfs"},
	        {FUSE_MAGIC, "fuse.sshfs"},
	        {FUSE_MAGIC, "fuse.rclone"},
	        {FUSE_MAGIC, "fuse.s3fs"},
	        {FUSE_MAGIC, "fuse.gcsfuse"},
	        {FUSE_MAGIC, "fuse.blobfuse"},
	        {FUSE_MAGIC, "fuse.blobfuse2"},
	        {FUSE_MAGIC, "fuse.glusterfs"},
	        {FUSE_MAGIC, "fuse.ceph-fuse"},
	        {FUSE_MAGIC, "fuse.juicefs"},
	        {FUSE_MAGIC, "fuse.curlftpfs"},
	};

	magic &= 0xffffffffUL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].magic == magic &&
		    (magic != FUSE_MAGIC || strcmp(known[i].type, type) == 0))
			return known[i].type;
	}
	return NULL;
}

/*
 * The type of the filesystem of this device, from lines like
 * "36 35 0:42 / /mnt rw - fuse.sshfs host: rw" (proc(5), mountinfo). "" where none says.
 */
static void filesystem_type(dev_t device, struct str *type)
{
	struct str text = STR_INIT, number = STR_INIT;
	char *next;

	str_addf(&number, " %u:%u ", major(device), minor(device));
	if (file_read("/proc/self/mountinfo", &text) == 0) {
		for (char *line = text.p; *line != '\0'; line = next) {
			size_t len = strcspn(line, "\n");
			const char *dash;

			next = line + len + (line[len] == '\n');
			line[len] = '\0';
			dash = strstr(line, " - ");
			if (dash != NULL && strstr(line, number.p) != NULL) {
				str_add(type, dash + 3, strcspn(dash + 3, " "));
				break;
			}
		}
	}
	str_release(&text);
	str_release(&number);
}

/* The network filesystem that the file is on, or NULL. */
static const char *network_of(int fd)
{
	struct str type = STR_INIT;
	const char *network;
	struct statfs fs;
	struct stat st;

	/* What the kernel does not describe is no filesystem of the list. */
	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
		return NULL;
	if ((unsigned long)fs.f_type == FUSE_MAGIC)
		filesystem_type(st.st_dev, &type);
	network = network_filesystem((unsigned long)fs.f_type, type.p);
	str_release(&type);
	return network;
}

static bool take(int fd, const char *path, struct str *error)
{
	char holder[32];
	struct str pid = STR_INIT;
	ssize_t n;
	int err;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		n = errno == EWOULDBLOCK ? pread(fd, holder, sizeof(holder) - 1, 0) : -1;
		holder[n > 0 ? n : 0] = '\0';
		holder[strcspn(holder, "\n")] = '\0';
		if (errno == EWOULDBLOCK || n >= 0)
			str_addf(error, "another server has this database: process %s holds %s",
			         *holder ? holder : "?", path);
		else
			str_addf(error, "%s: %s", path, strerror(errno));
		return false;
	}
	str_addf(&pid, "%ld\n", (long)getpid());
	err = ftruncate(fd, 0) != 0 ? -errno : fd_write_all(fd, pid.p, pid.len);
	str_release(&pid);
	if (err != 0)
		str_addf(error, "%s: %s", path, strerror(-err));
	return err == 0;
}

int store_lock(const char *database, struct str *error)
{
	struct str path = STR_INIT;
	const char *kind;
	int fd;

	str_addf(&path, "%s.lock", database);
	fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		str_addf(error, "%s: %s", path.p, strerror(errno));
	} else if ((kind = network_of(fd)) != NULL) {
		str_addf(error,
		         "%s is on a network file system (%s), where SQLite cannot be trusted",
		         database, kind);
		close(fd);
		fd = -1;
	} else if (!take(fd, path.p, error)) {
		close(fd);
		fd = -1;
	}
	str_release(&path);
	return fd;
}
