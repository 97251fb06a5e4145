/* The transport of http, https and ftp: whole files, resumed where a connection broke. */
#include "model/digest.h"
#include "net/download.h"
#include "net/url.h"
#include "stage/fault.h"
#include "stage/remote.h"
#include "stage/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_WAIT_MS 60000
#define WAIT_SLICE_MS 100
/* How often a file that arrives damaged is fetched. */
#define DAMAGED_TRIES 2
/* An attempt that brought this much is not counted. */
#define PROGRESS ((uint64_t)1 << 20)

static struct http *client(struct stage *s)
{
	if (s->http == NULL)
		s->http = http_new();
	return s->http;
}

static bool stop_transfer(void *context, uint64_t done, uint64_t total)
{
	const struct stage *s = context;

	if (s->progress != NULL)
		s->progress(s->progress_ctx, done, total);
	return stage_stopped(s);
}

/* False when cancelled meanwhile. */
static bool wait_ms(const struct stage *s, int ms)
{
	while (ms > 0) {
		int slice = ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS;

		if (stage_stopped(s))
			return false;
		if (poll(NULL, 0, slice) < 0 && errno != EINTR)
			return false;
		ms -= slice;
	}
	return !stage_stopped(s);
}

static bool is_ftp(const struct uri *uri)
{
	return strcmp(uri->scheme, "ftp") == 0;
}

static bool worth_retrying(const struct uri *uri, enum http_error err, long status)
{
	if (err == HTTP_OTHER && is_ftp(uri))
		return status / 100 == 4;
	if (err == HTTP_OTHER)
		return http_status_retriable(status);
	return http_error_retriable(err);
}

/* Whose fault an answered status is. */
static enum stage_result of_status(const struct uri *uri, long status)
{
	if (is_ftp(uri))
		return status == 550 || status == 553 ? STAGE_NOT_FOUND
		       : status / 100 == 5            ? STAGE_DENIED
		                                      : STAGE_NETWORK;
	if (status == 404 || status == 410)
		return STAGE_NOT_FOUND;
	return status / 100 == 4 && !http_status_retriable(status) ? STAGE_DENIED : STAGE_NETWORK;
}

static enum stage_result failed(const struct uri *uri, enum http_error err,
                                const struct http_report *report, struct str *error)
{
	enum stage_result r = STAGE_NETWORK;

	if (err == HTTP_CANCELLED)
		return STAGE_CANCELLED;
	if (err == HTTP_WRITE)
		return fault_own(error, report->write_errno, uri->text);
	if (err == HTTP_BAD_URL)
		r = STAGE_BAD_URI;
	else if (err == HTTP_OTHER)
		r = of_status(uri, report->status);
	return fault(error, r, uri->text, "%s",
	             report->message[0] != '\0' ? report->message : http_error_text(err));
}

static int longer_wait(int wait)
{
	return wait < LONGEST_WAIT_MS / 2 ? wait * 2 : LONGEST_WAIT_MS;
}

static enum stage_result download(struct fetch *f, int fd, struct checksum *checksum)
{
	struct stage *s = f->s;
	struct http_report report;
	struct http_download d = {
	        .url = f->uri->place,
	        .fd = fd,
	        .progress = stop_transfer,
	        .context = s,
	        .connect_timeout_ms = s->connect_timeout_ms,
	        .stall_seconds = s->stall_seconds,
	};
	int wait = s->retry_wait_ms;
	unsigned tries = 0;

	http_report_init(&report);
	for (;;) {
		enum http_error err = http_download(client(s), &d, &report);
		int asked = report.retry_after < 0 ? 0
		            : report.retry_after > LONGEST_WAIT_MS / 1000
		                    ? LONGEST_WAIT_MS
		                    : report.retry_after * 1000;

		s->bytes += report.size > d.offset ? report.size - d.offset : 0;
		if (err == HTTP_OK) {
			*checksum = report.checksum;
			return STAGE_OK;
		}
		if (report.size >= d.offset + PROGRESS)
			tries = 0;
		if (!worth_retrying(f->uri, err, report.status) || ++tries >= s->attempts)
			return failed(f->uri, err, &report, f->error);
		if (!wait_ms(s, asked > wait ? asked : wait))
			return STAGE_CANCELLED;
		wait = longer_wait(wait);
		d.offset = report.size;
	}
}

/* Whether the file is what its server says; where the server says nothing, it is. */
static enum stage_result verify(struct fetch *f, const char *path, const struct checksum *c)
{
	char text[DIGEST_TEXT_SIZE] = "";
	const char *wanted = *c->sha256 != '\0' ? c->sha256 : c->md5;
	int err = 0;

	if (*c->sha256 != '\0')
		err = digest_file(path, text);
	else if (*c->md5 != '\0')
		err = digest_md5_file(path, text);
	if (err != 0)
		return fault_own(f->error, -err, path);
	return strcmp(text, wanted) == 0
	               ? STAGE_OK
	               : fault(f->error, STAGE_NETWORK, f->uri->text,
	                       "arrived damaged: its checksum is %s, not %s", text, wanted);
}

/* Once more where it arrived damaged. */
static enum stage_result download_verified(struct fetch *f, const char *path)
{
	enum stage_result r = STAGE_NETWORK;
	size_t said = f->error->len;

	for (int tries = 0; tries < DAMAGED_TRIES && r == STAGE_NETWORK; tries++) {
		struct checksum checksum = {0};
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);

		if (fd < 0)
			return fault_own(f->error, errno, f->uri->text);
		r = download(f, fd, &checksum);
		if (close(fd) != 0 && r == STAGE_OK)
			r = fault_own(f->error, errno, f->uri->text);
		if (r != STAGE_OK)
			return r;
		if (f->error->len > said) { /* of the one before */
			f->error->len = said;
			f->error->p[said] = '\0';
		}
		r = verify(f, path, &checksum);
	}
	return r;
}

enum stage_result remote_read(struct stage *s, const struct uri *uri, const char *url,
                              struct str *body, struct str *error)
{
	struct http_request request = {.method = "GET",
	                               .url = url,
	                               .timeout_ms = s->stall_seconds * 1000,
	                               .connect_timeout_ms = s->connect_timeout_ms};
	struct http_response response;
	struct http_report report;
	enum stage_result r = STAGE_OK;
	int wait = s->retry_wait_ms;

	http_response_init(&response);
	http_report_init(&report);
	for (unsigned tries = 1;; tries++) {
		enum http_error err = http_call(client(s), &request, &response);
		bool again = err != HTTP_OK ? http_error_retriable(err)
		                            : http_status_retriable(response.status);

		if (err == HTTP_OK && response.status / 100 == 2) {
			str_add(body, response.body.p, response.body.len);
			break;
		}
		if (!again || tries >= s->attempts) {
			report.status = response.status;
			if (err == HTTP_OK)
				snprintf(report.message, sizeof(report.message), "%s answers %d",
				         url, response.status);
			else
				snprintf(report.message, sizeof(report.message), "%s: %s", url,
				         http_error_text(err));
			r = failed(uri, err == HTTP_OK ? HTTP_OTHER : err, &report, error);
			break;
		}
		if (!wait_ms(s, wait)) {
			r = STAGE_CANCELLED;
			break;
		}
		wait = longer_wait(wait);
	}
	http_response_release(&response);
	return r;
}

enum stage_result remote_get(struct fetch *f)
{
	struct str name = STR_INIT;
	struct item item = {.owned = true};
	enum stage_result r;
	const char *dir;

	if (f->uri->folder)
		return fault(f->error, STAGE_BAD_URI, f->uri->text,
		             "a folder cannot be fetched by %s", f->uri->scheme);
	if (!url_file_name(&name, f->uri->place))
		return fault(f->error, STAGE_BAD_URI, f->uri->text,
		             "does not end in the name of a file");
	item.name = arena_strdup(&f->arena, name.p);
	str_release(&name);
	dir = fetch_directory(f, &r);
	if (dir == NULL)
		return r;
	item.path = arena_printf(&f->arena, "%s/%s", dir, item.name);
	r = download_verified(f, item.path);
	if (r != STAGE_OK)
		return r;
	f->s->files++;
	vec_push(&f->items.list, item);
	return STAGE_OK;
}

/* What the server says of the bytes, the best first; NULL where it says nothing. */
static const char *digest_of(const struct http_report *report, struct arena *arena)
{
	const struct checksum *c = &report->checksum;

	if (*c->md5 != '\0' || *c->sha256 != '\0')
		return arena_printf(arena, "%s:%s", *c->md5 != '\0' ? "md5" : "sha256",
		                    *c->md5 != '\0' ? c->md5 : c->sha256);
	/* Else the validator is a date. */
	return report->validator[0] == '"' ? arena_printf(arena, "etag:%s", report->validator)
	                                   : NULL;
}

enum stage_result remote_list(struct stage *s, const struct uri *uri, unsigned how,
                              struct arena *arena, struct entries *entries, struct str *error)
{
	struct stage_entry entry = {.place = uri->place, .mtime_ns = INT64_MIN};
	struct str name = STR_INIT;
	struct http_report report;
	enum http_error err;

	if (uri->folder)
		return fault(error, STAGE_BAD_URI, uri->text, "a folder cannot be listed by %s",
		             uri->scheme);
	if (!url_file_name(&name, uri->place))
		return fault(error, STAGE_BAD_URI, uri->text, "does not end in the name of a file");
	entry.name = arena_strdup(arena, name.p);
	str_release(&name);
	http_report_init(&report);
	err = http_head(client(s), uri->place, &report);
	if (err != HTTP_OK)
		return failed(uri, err, &report, error);
	entry.size = report.size;
	if (report.modified_s >= 0)
		entry.mtime_ns = report.modified_s * 1000000000;
	if ((how & (STAGE_DIGESTS | STAGE_KEPT_DIGESTS)) != 0)
		entry.digest = digest_of(&report, arena);
	vec_push(&entries->list, entry);
	return STAGE_OK;
}
