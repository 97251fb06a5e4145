/*
 * A body that goes to a file: http, https or ftp, with resumption. Redirects
 * (http and https only, 10 at most) are followed. Retrying is the caller's: call
 * again with offset = the bytes that are there.
 */
#ifndef NET_DOWNLOAD_H
#define NET_DOWNLOAD_H

#include "net/checksum.h"
#include "net/http.h"

#include <stdint.h>

#define HTTP_MESSAGE_SIZE 256 /* as libcurl wants it */
#define HTTP_VALIDATOR_SIZE 256

struct http_download {
	const char *url;
	/* Where the body goes, by pwrite. The offset is the bytes that the file has already. A
	   server that does not resume sends everything: the file is then cut to nothing first. */
	int fd;
	uint64_t offset;
	/* Called now and then, also when nothing comes; true stops the download
	   (HTTP_CANCELLED). total 0: unknown. May be NULL. */
	bool (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
	int connect_timeout_ms; /* 0: ten seconds */
	int stall_seconds;      /* HTTP_TIMEOUT when nothing came for so long; 0: 60 */
};

/* What is known of the file; kept by the caller from one attempt to the next. */
struct http_report {
	long status;                     /* 0: no answer; ftp has its own numbers */
	uint64_t size;                   /* bytes of the file now (http_head: announced) */
	bool size_known;                 /* of http_head: whether the server announced it */
	int64_t modified_s;              /* Last-Modified, seconds since 1970; -1: not told */
	int retry_after;                 /* -1: not told */
	int write_errno;                 /* of HTTP_WRITE */
	char message[HTTP_MESSAGE_SIZE]; /* "" on success */
	/* A strong ETag, else Last-Modified: sent as If-Range with an offset, so that a file that
	   changed meanwhile is sent whole. "" on the first attempt. */
	char validator[HTTP_VALIDATOR_SIZE];
	struct checksum checksum; /* of the whole file, where an answer told it */
};

void http_report_init(struct http_report *report);

/*
 * Download into d->fd. HTTP_OK only for a complete file and a status below 400; the
 * file holds report->size bytes whatever the result. For a status of 400 and
 * above the result is HTTP_OTHER, report->status tells, and nothing was written.
 */
enum http_error http_download(struct http *h, const struct http_download *d,
                              struct http_report *report);

/* Size, date, validator and checksum without the body, redirects followed; same results. */
enum http_error http_head(struct http *h, const char *url, struct http_report *report);

#endif
