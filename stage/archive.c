/*
 * libarchive reads, we write: its own writer to disk works with paths from the
 * process's current directory and sets the umask of the whole process for a
 * moment, which other threads would notice. Here every entry is made relative to
 * a directory descriptor reached without following links (stage/below.h), which
 * is what its secure flags (no "..", no absolute path, nothing through a symbolic
 * link) ask for.
 */
#include "stage/archive.h"

#include "base/fd.h"
#include "stage/below.h"
#include "stage/fault.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536
#define LONGEST_NAME 4096
/* Whoever walks or removes the tree holds a descriptor per level. */
#define DEEPEST 256

struct unpack {
	struct stage *s;
	const char *subject; /* the archive in messages */
	struct archive *in;
	struct below below;
	uint64_t bytes, entries;
	struct str *error;
};

/* Names inside are UTF-8 or plain bytes; libarchive would refuse the former in the C locale. */
static locale_t enter_utf8(locale_t *own)
{
	*own = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return *own != (locale_t)0 ? uselocale(*own) : (locale_t)0;
}

static void leave_utf8(locale_t own, locale_t before)
{
	if (own == (locale_t)0)
		return;
	uselocale(before);
	freelocale(own);
}

static enum stage_result bad_archive(const struct unpack *u)
{
	const char *text = archive_error_string(u->in);
	int err = archive_errno(u->in);

	/* What open(2) and read(2) said of the archive; libarchive's own numbers are for its
	   content. */
	if (err == ENOENT || err == EACCES || err == EIO || err == EISDIR || err == ENOTDIR)
		return fault_user(u->error, err, u->subject);
	return fault(u->error, STAGE_BAD_ARCHIVE, u->subject, "%s",
	             text != NULL ? text : "not readable");
}

static enum stage_result bad_entry(const struct unpack *u, const char *name, const char *why)
{
	return fault(u->error, STAGE_BAD_ARCHIVE, u->subject, "entry '%s' %s", name, why);
}

/* -errno while making the entry. */
static enum stage_result failed_entry(const struct unpack *u, const char *name, int err)
{
	struct str subject = STR_INIT;
	enum stage_result r;

	if (err == -ELOOP)
		return bad_entry(u, name, "goes through a symbolic link");
	if (err == -EEXIST || err == -EISDIR || err == -ENOTDIR || err == -ENOTEMPTY)
		return bad_entry(u, name, "is a file here and a directory there");
	if (err == -ENAMETOOLONG)
		return bad_entry(u, name, "has too long a name");
	str_addf(&subject, "%s: entry '%s'", u->subject, name);
	r = fault_own(u->error, -err, subject.p);
	str_release(&subject);
	return r;
}

/* Components other than "" and ".". */
static unsigned depth(const char *path)
{
	unsigned n = 0;

	for (const char *p = path; *(p += strspn(p, "/")) != '\0'; p = strchrnul(p, '/'))
		n += !(p[0] == '.' && (p[1] == '/' || p[1] == '\0'));
	return n;
}

/*
 * Whether a symbolic link `name` -> `target` stays inside. ".." may only stand at
 * the front, and no more often than the entry is deep: behind the name of another
 * link it could climb anywhere.
 */
static bool link_stays(const char *name, const char *target)
{
	unsigned left = depth(name) - 1;

	if (*target == '/' || *target == '\0')
		return false;
	while (target[0] == '.' && (target[1] == '/' || target[1] == '\0' || target[1] == '.')) {
		size_t n = strcspn(target, "/");

		if (n == 2) {
			if (left-- == 0)
				return false;
		} else if (n != 1) {
			break; /* "..name" */
		}
		target += n;
		target += strspn(target, "/");
	}
	return !below_climbs(target);
}

/* One block at `offset` of the file, within the limits. */
static enum stage_result write_block(struct unpack *u, const char *name, int fd, const char *data,
                                     size_t n, la_int64_t offset, uint64_t *end)
{
	uint64_t top;
	int err;

	if (stage_stopped(u->s))
		return STAGE_CANCELLED;
	if (offset < 0 || __builtin_add_overflow((uint64_t)offset, n, &top))
		return bad_entry(u, name, "has an impossible size");
	if (top > *end) {
		uint64_t grown = top - *end;

		if (grown > u->s->max_bytes - u->bytes)
			return fault(u->error, STAGE_LIMIT, u->subject,
			             "unpacks to more than %llu bytes",
			             (unsigned long long)u->s->max_bytes);
		u->bytes += grown;
		*end = top;
	}
	err = fd_write_all_at(fd, data, n, (off_t)offset);
	if (err != 0)
		return failed_entry(u, name, err);
	u->s->bytes += n;
	return STAGE_OK;
}

/* The data of the current entry into fd. */
static enum stage_result write_data(struct unpack *u, const char *name, int fd)
{
	enum stage_result r = STAGE_OK;
	uint64_t end = 0;

	while (r == STAGE_OK) {
		const void *data;
		la_int64_t offset;
		size_t n;
		int got = archive_read_data_block(u->in, &data, &n, &offset);

		if (got == ARCHIVE_EOF)
			break;
		if (got == ARCHIVE_RETRY)
			continue;
		if (got != ARCHIVE_OK) /* a warning here means damaged data */
			return bad_archive(u);
		r = write_block(u, name, fd, data, n, offset, &end);
	}
	return r;
}

/* A sparse file may end in a hole. */
static enum stage_result set_length(struct unpack *u, struct archive_entry *e, int fd)
{
	const char *name = archive_entry_pathname(e);
	struct stat st;
	la_int64_t size = archive_entry_size(e);

	if (!archive_entry_size_is_set(e))
		return STAGE_OK;
	if (fstat(fd, &st) != 0)
		return failed_entry(u, name, -errno);
	if (size <= st.st_size)
		return STAGE_OK;
	if ((uint64_t)(size - st.st_size) > u->s->max_bytes - u->bytes)
		return fault(u->error, STAGE_LIMIT, u->subject, "unpacks to more than %llu bytes",
		             (unsigned long long)u->s->max_bytes);
	u->bytes += (uint64_t)(size - st.st_size);
	return ftruncate(fd, size) == 0 ? STAGE_OK : failed_entry(u, name, -errno);
}

static int set_date(struct archive_entry *e, int fd)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (archive_entry_mtime_is_set(e)) {
		times[1].tv_sec = archive_entry_mtime(e);
		times[1].tv_nsec = archive_entry_mtime_nsec(e);
	}
	return futimens(fd, times) == 0 ? 0 : -errno;
}

static enum stage_result make_file(struct unpack *u, struct archive_entry *e, int at,
                                   const char *last)
{
	const char *name = archive_entry_pathname(e);
	mode_t mode = 0600 | (archive_entry_perm(e) & 0777);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, last, flags, mode);
	enum stage_result r;
	int err;

	/* A later entry of the same name replaces the earlier one. */
	if (fd < 0 && errno == EEXIST && unlinkat(at, last, 0) == 0)
		fd = openat(at, last, flags, mode);
	if (fd < 0)
		return failed_entry(u, name, -errno);
	r = write_data(u, name, fd);
	if (r == STAGE_OK)
		r = set_length(u, e, fd);
	err = r == STAGE_OK ? set_date(e, fd) : 0;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	if (r == STAGE_OK && err != 0)
		r = failed_entry(u, name, err);
	u->s->files += r == STAGE_OK;
	return r;
}

static enum stage_result make_directory(struct unpack *u, struct archive_entry *e, int at,
                                        const char *last)
{
	const char *name = archive_entry_pathname(e);
	struct stat st;

	if (mkdirat(at, last, 0700 | (archive_entry_perm(e) & 0777)) == 0)
		return STAGE_OK;
	if (errno != EEXIST)
		return failed_entry(u, name, -errno);
	if (fstatat(at, last, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return failed_entry(u, name, -errno);
	if (S_ISLNK(st.st_mode))
		return failed_entry(u, name, -ELOOP);
	return S_ISDIR(st.st_mode) ? STAGE_OK : failed_entry(u, name, -EEXIST);
}

static enum stage_result make_symlink(struct unpack *u, struct archive_entry *e, int at,
                                      const char *last)
{
	const char *name = archive_entry_pathname(e);
	const char *target = archive_entry_symlink(e);

	if (target == NULL || !link_stays(name, target))
		return bad_entry(u, name, "is a link that leads outside");
	if (symlinkat(target, at, last) != 0 &&
	    (errno != EEXIST || unlinkat(at, last, 0) != 0 || symlinkat(target, at, last) != 0))
		return failed_entry(u, name, -errno);
	u->s->files++;
	return STAGE_OK;
}

/* A second name of a file that the archive brought before. */
static enum stage_result make_hardlink(struct unpack *u, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *target = archive_entry_hardlink(e);
	const char *last;
	struct stat st;
	int at, held, err = 0;

	if (*target == '/' || below_climbs(target) || depth(target) == 0)
		return bad_entry(u, name, "is a link that leads outside");
	at = below_parent(&u->below, target, false, &last);
	if (at < 0)
		return failed_entry(u, name, at);
	if (fstatat(at, last, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? bad_entry(u, name, "is a link to a file that is not there")
		                       : failed_entry(u, name, -errno);
	if (!S_ISREG(st.st_mode))
		return bad_entry(u, name, "is a hard link to something else than a file");
	/* The next walk closes `at`. */
	held = fcntl(at, F_DUPFD_CLOEXEC, 3);
	if (held < 0)
		return failed_entry(u, name, -errno);
	target = last;
	at = below_parent(&u->below, name, true, &last);
	if (at < 0)
		err = at;
	else if (linkat(held, target, at, last, 0) != 0 &&
	         (errno != EEXIST || unlinkat(at, last, 0) != 0 ||
	          linkat(held, target, at, last, 0) != 0))
		err = -errno;
	close(held);
	if (err != 0)
		return failed_entry(u, name, err);
	u->s->files++;
	return STAGE_OK;
}

/* Without trailing slashes, which directories of a zip have, and without "./" in front. */
static void tidy_name(struct archive_entry *e, struct str *name)
{
	const char *p = archive_entry_pathname(e);

	while (p[0] == '.' && p[1] == '/')
		p += 1 + strspn(p + 1, "/");
	str_reset(name);
	str_adds(name, p);
	while (name->len > 0 && name->p[name->len - 1] == '/')
		name->p[--name->len] = '\0';
	archive_entry_copy_pathname(e, name->p);
}

static enum stage_result make_entry(struct unpack *u, struct archive_entry *e, struct str *name)
{
	const char *raw = archive_entry_pathname(e), *last;
	mode_t type = archive_entry_filetype(e);
	int at;

	if (raw == NULL)
		return fault(u->error, STAGE_BAD_ARCHIVE, u->subject,
		             "the name of entry %llu cannot be read",
		             (unsigned long long)u->entries);
	if (*raw == '/')
		return bad_entry(u, raw, "is absolute");
	if (below_climbs(raw))
		return bad_entry(u, raw, "leads outside");
	if (strlen(raw) >= LONGEST_NAME)
		return bad_entry(u, raw, "has too long a name");
	tidy_name(e, name);
	if (depth(name->p) > DEEPEST)
		return bad_entry(u, name->p, "is too deep");
	if (depth(name->p) == 0) /* "./": the directory that is there */
		return STAGE_OK;
	if (strcmp(strrchr(name->p, '/') ? strrchr(name->p, '/') + 1 : name->p, ".") == 0)
		return bad_entry(u, name->p, "ends in a dot");
	if (archive_entry_hardlink(e) != NULL)
		return make_hardlink(u, e);
	if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
		return STAGE_OK;
	at = below_parent(&u->below, name->p, true, &last);
	if (at < 0)
		return failed_entry(u, name->p, at);
	if (type == AE_IFDIR)
		return make_directory(u, e, at, last);
	if (type == AE_IFLNK)
		return make_symlink(u, e, at, last);
	return make_file(u, e, at, last);
}

static enum stage_result make_entries(struct unpack *u)
{
	enum stage_result r = STAGE_OK;
	struct str name = STR_INIT;

	while (r == STAGE_OK) {
		struct archive_entry *e;
		int got = archive_read_next_header(u->in, &e);

		if (got == ARCHIVE_EOF)
			break;
		if (got == ARCHIVE_RETRY)
			continue;
		if (got < ARCHIVE_WARN)
			r = bad_archive(u);
		else if (stage_stopped(u->s))
			r = STAGE_CANCELLED;
		else if (++u->entries > u->s->max_entries)
			r = fault(u->error, STAGE_LIMIT, u->subject, "has more than %llu entries",
			          (unsigned long long)u->s->max_entries);
		else
			r = make_entry(u, e, &name);
	}
	str_release(&name);
	return r;
}

/* False: lack of memory. Only what is decompressed in this process: no helper programs. */
static bool set_formats(struct archive *in, enum archive_kind kind)
{
	if (kind == ARCHIVE_ZIP)
		return archive_read_support_format_zip(in) == ARCHIVE_OK;
	return archive_read_support_format_tar(in) == ARCHIVE_OK &&
	       archive_read_support_filter_gzip(in) == ARCHIVE_OK &&
	       archive_read_support_filter_bzip2(in) == ARCHIVE_OK &&
	       archive_read_support_filter_xz(in) == ARCHIVE_OK &&
	       archive_read_support_filter_lzma(in) == ARCHIVE_OK &&
	       archive_read_support_filter_lzip(in) == ARCHIVE_OK &&
	       archive_read_support_filter_zstd(in) == ARCHIVE_OK &&
	       archive_read_support_filter_lz4(in) == ARCHIVE_OK &&
	       archive_read_support_filter_compress(in) == ARCHIVE_OK;
}

enum stage_result stage_unpack(struct stage *s, enum archive_kind kind, const char *path,
                               const char *subject, const char *dest_dir, struct str *error)
{
	struct unpack u = {.s = s,
	                   .subject = subject != NULL ? subject : path,
	                   .in = archive_read_new(),
	                   .error = error};
	locale_t own, before = enter_utf8(&own);
	enum stage_result r;
	int err = below_init(&u.below, dest_dir, false);

	if (err != 0)
		r = fault_own(error, -err, dest_dir);
	else if (u.in == NULL || !set_formats(u.in, kind))
		r = fault(error, STAGE_IO, u.subject, "libarchive cannot start");
	else if (archive_read_open_filename(u.in, path, BLOCK) != ARCHIVE_OK)
		r = bad_archive(&u);
	else
		r = make_entries(&u);
	if (u.in != NULL)
		archive_read_free(u.in);
	below_release(&u.below);
	leave_utf8(own, before);
	return r;
}

/* The one entry of a gzip stream, which libarchive calls a raw archive. */
static enum stage_result gunzip_into(struct unpack *u, int fd)
{
	struct archive_entry *e;
	int got = archive_read_next_header(u->in, &e);

	/* What is not compressed is a raw archive too; nothing at all is an empty one. */
	if (got != ARCHIVE_OK && got != ARCHIVE_EOF)
		return bad_archive(u);
	if (archive_filter_code(u->in, 0) != ARCHIVE_FILTER_GZIP)
		return fault(u->error, STAGE_BAD_ARCHIVE, u->subject, "not a gzip file");
	return got == ARCHIVE_EOF ? STAGE_OK : write_data(u, u->subject, fd);
}

enum stage_result stage_gunzip(struct stage *s, const char *path, const char *subject,
                               const char *dest_path, struct str *error)
{
	struct unpack u = {.s = s,
	                   .subject = subject != NULL ? subject : path,
	                   .in = archive_read_new(),
	                   .error = error};
	enum stage_result r;
	int fd = -1;

	if (u.in == NULL || archive_read_support_format_raw(u.in) != ARCHIVE_OK ||
	    archive_read_support_format_empty(u.in) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(u.in) != ARCHIVE_OK) {
		r = fault(error, STAGE_IO, u.subject, "libarchive cannot start");
	} else if (archive_read_open_filename(u.in, path, BLOCK) != ARCHIVE_OK) {
		r = bad_archive(&u);
	} else if ((fd = open(dest_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0) {
		r = fault_own(error, errno, u.subject);
	} else {
		r = gunzip_into(&u, fd);
		if (close(fd) != 0 && r == STAGE_OK)
			r = fault_own(error, errno, u.subject);
		if (r != STAGE_OK)
			unlink(dest_path);
		else
			s->files++;
	}
	if (u.in != NULL)
		archive_read_free(u.in);
	return r;
}
