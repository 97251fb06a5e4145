#include "base/network_fs.h"

#include "base/fd.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define FUSE_MAGIC 0x65735546UL

const char *network_fs_name(unsigned long magic, const char *type)
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

const char *network_fs_of(int fd)
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
	network = network_fs_name((unsigned long)fs.f_type, type.p);
	str_release(&type);
	return network;
}
