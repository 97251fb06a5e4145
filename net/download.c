#include "net/download.h"

#include "net/easy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define REDIRECTS 10L
#define LOW_SPEED 1L
#define STALL_SECONDS 60

/* One attempt. `at` is where the next byte of the body goes, known once `placed`. */
struct attempt {
	const struct http_download *d;
	struct http_report *report;
	CURL *easy;
	struct curl_slist *headers;
	uint64_t at;
	bool placed;
	bool misplaced; /* a part came that was not asked for */
};

void http_report_init(struct http_report *report)
{
	memset(report, 0, sizeof(*report));
	report->modified_s = report->retry_after = -1;
}

static const char *answer_header(CURL *easy, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
	               ? header->value
	               : NULL;
}

/* What If-Range may carry: a strong ETag or a date (RFC 9110, 13.1.5). */
static void take_validator(CURL *easy, struct http_report *report)
{
	const char *value = answer_header(easy, "ETag");

	if (value == NULL || value[0] != '"')
		value = answer_header(easy, "Last-Modified");
	if (value == NULL || strlen(value) >= sizeof(report->validator))
		value = "";
	snprintf(report->validator, sizeof(report->validator), "%s", value);
}

/* What the answer tells of the whole file; a file that is sent anew may be another. */
static void take_checksum(CURL *easy, bool whole, struct http_report *report)
{
	struct curl_header *header = NULL;

	if (whole)
		memset(&report->checksum, 0, sizeof(report->checksum));
	while ((header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != NULL)
		checksum_take(&report->checksum, header->name, header->value, whole);
}

static bool is_ftp(CURL *easy)
{
	char *scheme = NULL;

	return curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme) == CURLE_OK && scheme != NULL &&
	       strcasecmp(scheme, "ftp") == 0;
}

static long status_of(CURL *easy)
{
	long status;

	return curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

/* Decide, once the headers are there, where the body goes. False: it has no place. */
static bool place_body(struct attempt *a)
{
	const char *range = answer_header(a->easy, "Content-Range");
	uint64_t first;

	if (a->placed)
		return true;
	a->at = 0;
	if (is_ftp(a->easy)) {
		a->at = a->d->offset;
	} else if (status_of(a->easy) == 206) {
		char *end;

		if (range == NULL || strncasecmp(range, "bytes ", 6) != 0) {
			a->misplaced = true;
			return false;
		}
		first = strtoull(range + 6, &end, 10);
		if (end == range + 6 || *end != '-' || first != a->d->offset) {
			a->misplaced = true;
			return false;
		}
		a->at = first;
	}
	if (!is_ftp(a->easy)) {
		take_validator(a->easy, a->report);
		take_checksum(a->easy, status_of(a->easy) != 206, a->report);
	}
	a->report->size = a->at;
	if (a->at == 0 && a->d->offset > 0 && ftruncate(a->d->fd, 0) != 0) {
		a->report->write_errno = errno;
		return false;
	}
	a->placed = true;
	return true;
}

static size_t write_body(char *data, size_t size, size_t n, void *ctx)
{
	struct attempt *a = ctx;
	size_t left = n *= size;

	if (!place_body(a))
		return 0;
	while (left > 0) {
		ssize_t w = pwrite(a->d->fd, data, left, (off_t)a->at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			a->report->write_errno = errno;
			return 0;
		}
		data += w;
		left -= (size_t)w;
		a->at += (uint64_t)w;
		a->report->size = a->at;
	}
	return n;
}

static size_t drop_body(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * n;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up)
{
	struct attempt *a = ctx;
	uint64_t base = a->placed && a->at >= (uint64_t)done ? a->at - (uint64_t)done : 0;

	(void)up_total;
	(void)up;
	return a->d->progress(a->d->context, a->placed ? a->at : 0,
	                      a->placed && total > 0 ? base + (uint64_t)total : 0);
}

static enum http_error prepare(struct http *h, const char *url, struct http_report *report)
{
	_Static_assert(HTTP_MESSAGE_SIZE >= CURL_ERROR_SIZE, "libcurl writes there");

	easy_common(h->easy, report->message);
	report->status = 0;
	report->retry_after = report->modified_s = -1;
	report->write_errno = 0;
	if (curl_easy_setopt(h->easy, CURLOPT_URL, url) != CURLE_OK) {
		snprintf(report->message, HTTP_MESSAGE_SIZE, "the URL is too long");
		return HTTP_BAD_URL;
	}
	easy_set(h->easy, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
	easy_set(h->easy, CURLOPT_FOLLOWLOCATION, 1L);
	easy_set(h->easy, CURLOPT_MAXREDIRS, REDIRECTS);
	easy_set(h->easy, CURLOPT_FAILONERROR, 1L);
	easy_set(h->easy, CURLOPT_FILETIME, 1L);
	return HTTP_OK;
}

static void ask_for_rest(struct attempt *a)
{
	char line[HTTP_VALIDATOR_SIZE + 16];

	if (strncasecmp(a->d->url, "ftp:", 4) == 0) {
		easy_set(a->easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)a->d->offset);
		return;
	}
	snprintf(line, sizeof(line), "%llu-", (unsigned long long)a->d->offset);
	easy_set(a->easy, CURLOPT_RANGE, line);
	if (a->report->validator[0] == '\0')
		return;
	snprintf(line, sizeof(line), "If-Range: %s", a->report->validator);
	easy_add_header(&a->headers, line);
}

/* An empty range and the size: what a server that has nothing behind our offset says. */
static bool have_everything(const struct attempt *a)
{
	const char *range = answer_header(a->easy, "Content-Range");
	char *end;
	unsigned long long size;

	if (range == NULL || strncasecmp(range, "bytes */", 8) != 0)
		return false;
	size = strtoull(range + 8, &end, 10);
	return end != range + 8 && *end == '\0' && size == a->d->offset;
}

/* The server cannot continue at our offset: what we have is of no use. */
static enum http_error start_over(struct attempt *a)
{
	a->report->validator[0] = '\0';
	a->report->size = 0;
	if (ftruncate(a->d->fd, 0) != 0) {
		a->report->write_errno = errno;
		return HTTP_WRITE;
	}
	snprintf(a->report->message, HTTP_MESSAGE_SIZE, "the file changed on the server");
	return HTTP_NO_CONNECTION;
}

/* What the answer's headers say, whatever became of its body. */
static void take_answer(CURL *easy, struct http_report *report)
{
	curl_off_t modified;

	report->status = status_of(easy);
	report->retry_after = easy_retry_after(easy);
	if (curl_easy_getinfo(easy, CURLINFO_FILETIME_T, &modified) == CURLE_OK)
		report->modified_s = modified;
}

static enum http_error described(CURLcode code, struct http_report *report)
{
	if (code == CURLE_OK)
		report->message[0] = '\0';
	else if (report->message[0] == '\0')
		snprintf(report->message, HTTP_MESSAGE_SIZE, "%s", curl_easy_strerror(code));
	return easy_error(code, report->message);
}

/* The handle outlives what it was given. */
static void let_go(struct http *h, struct curl_slist *headers)
{
	easy_set(h->easy, CURLOPT_HTTPHEADER, NULL);
	easy_set(h->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(headers);
}

static enum http_error finish(struct attempt *a, CURLcode code)
{
	struct http_report *report = a->report;

	take_answer(a->easy, report);
	if (a->d->offset > 0 && code == CURLE_HTTP_RETURNED_ERROR && report->status == 416) {
		if (!have_everything(a))
			return start_over(a);
		report->size = a->d->offset;
		return described(CURLE_OK, report);
	}
	if (a->misplaced)
		return start_over(a);
	if (code == CURLE_OK && !is_ftp(a->easy) && report->status / 100 != 2) {
		snprintf(report->message, HTTP_MESSAGE_SIZE, "unexpected answer %ld",
		         report->status);
		return HTTP_OTHER;
	}
	if (code == CURLE_OK && !place_body(a)) /* a body of no bytes */
		code = CURLE_WRITE_ERROR;
	if (report->write_errno != 0)
		snprintf(report->message, HTTP_MESSAGE_SIZE, "%s", strerror(report->write_errno));
	return described(code, report);
}

enum http_error http_download(struct http *h, const struct http_download *d,
                              struct http_report *report)
{
	struct attempt a = {.d = d, .report = report, .easy = h->easy};
	enum http_error err = prepare(h, d->url, report);

	report->size = d->offset;
	if (err != HTTP_OK)
		return err;
	if (d->offset > 0)
		ask_for_rest(&a);
	easy_set(h->easy, CURLOPT_HTTPHEADER, a.headers);
	easy_set(h->easy, CURLOPT_WRITEFUNCTION, write_body);
	easy_set(h->easy, CURLOPT_WRITEDATA, &a);
	easy_set(h->easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED);
	easy_set(h->easy, CURLOPT_LOW_SPEED_TIME,
	         (long)(d->stall_seconds > 0 ? d->stall_seconds : STALL_SECONDS));
	if (d->connect_timeout_ms > 0)
		easy_set(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)d->connect_timeout_ms);
	if (d->progress != NULL) {
		easy_set(h->easy, CURLOPT_NOPROGRESS, 0L);
		easy_set(h->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
		easy_set(h->easy, CURLOPT_XFERINFODATA, &a);
	}
	err = finish(&a, curl_easy_perform(h->easy));
	let_go(h, a.headers);
	return err;
}

enum http_error http_head(struct http *h, const char *url, struct http_report *report)
{
	enum http_error err = prepare(h, url, report);
	curl_off_t size;

	report->size = 0;
	report->size_known = false;
	if (err != HTTP_OK)
		return err;
	easy_set(h->easy, CURLOPT_NOBODY, 1L);
	easy_set(h->easy, CURLOPT_WRITEFUNCTION, drop_body); /* ftp: headers of its own */
	easy_set(h->easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED);
	easy_set(h->easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	err = described(curl_easy_perform(h->easy), report);
	take_answer(h->easy, report);
	if (err == HTTP_OK) {
		if (curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size) ==
		            CURLE_OK &&
		    size >= 0) {
			report->size = (uint64_t)size;
			report->size_known = true;
		}
		if (!is_ftp(h->easy)) {
			take_validator(h->easy, report);
			take_checksum(h->easy, true, report);
		}
	}
	let_go(h, NULL);
	return err;
}
