#include "stage/stage.h"

#include "net/http.h"
#include "stage/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define MAX_BYTES ((uint64_t)16 << 40)
#define MAX_ENTRIES 10000000u

void stage_init(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	s->max_bytes = MAX_BYTES;
	s->max_entries = MAX_ENTRIES;
	s->attempts = 5;
	s->retry_wait_ms = 1000;
	s->connect_timeout_ms = 10000;
	s->stall_seconds = 60;
}

void stage_release(struct stage *s)
{
	http_free(s->http);
	s->http = NULL;
}

const char *stage_result_text(enum stage_result r)
{
	switch (r) {
	case STAGE_OK:
		return "no error";
	case STAGE_NOT_FOUND:
		return "not found";
	case STAGE_DENIED:
		return "permission denied";
	case STAGE_BAD_URI:
		return "bad URI";
	case STAGE_BAD_ARCHIVE:
		return "bad archive";
	case STAGE_LIMIT:
		return "archive too large";
	case STAGE_CONFLICT:
		return "name taken";
	case STAGE_NO_SPACE:
		return "no space";
	case STAGE_NETWORK:
		return "network failure";
	case STAGE_IO:
		return "input/output failure";
	case STAGE_CANCELLED:
		return "cancelled";
	}
	return "unknown result";
}

bool stage_result_infrastructure(enum stage_result r)
{
	return r == STAGE_NO_SPACE || r == STAGE_NETWORK || r == STAGE_IO;
}

void add_visible(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			str_addf(out, "\\x%02x", c);
		else
			str_addc(out, *text);
	}
}

/* "https://name:secret@host/x" without the secret. */
static void add_subject(struct str *out, const char *subject)
{
	const char *host = strstr(subject, "://");
	const char *at, *colon;

	if (host != NULL) {
		host += 3;
		at = host + strcspn(host, "/?#");
		while (at > host && *at != '@')
			at--;
		colon = memchr(host, ':', (size_t)(at - host));
		if (*at == '@' && colon != NULL) {
			for (const char *p = subject; p <= colon; p++)
				str_addc(out, *p);
			str_adds(out, "***");
			subject = at;
		}
	}
	add_visible(out, subject);
}

enum stage_result fault(struct str *error, enum stage_result r, const char *subject,
                        const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	add_subject(error, subject);
	str_adds(error, ": ");
	add_visible(error, text.p);
	str_addc(error, '\n');
	str_release(&text);
	return r;
}

enum stage_result fault_user(struct str *error, int err, const char *subject)
{
	enum stage_result r = STAGE_IO;

	switch (err) {
	case ENOENT:
	case ENOTDIR:
		r = STAGE_NOT_FOUND;
		break;
	case EACCES:
	case EPERM:
		r = STAGE_DENIED;
		break;
	case ENAMETOOLONG:
	case ELOOP:
		r = STAGE_BAD_URI;
		break;
	}
	return fault(error, r, subject, "%s", strerror(err));
}

enum stage_result fault_own(struct str *error, int err, const char *subject)
{
	enum stage_result r = STAGE_IO;

	switch (err) {
	case ENOSPC:
	case EDQUOT:
		r = STAGE_NO_SPACE;
		break;
	case EEXIST:
	case EISDIR:
	case ENOTDIR:
	case ENOTEMPTY:
		r = STAGE_CONFLICT;
		break;
	case ENAMETOOLONG:
		r = STAGE_BAD_URI;
		break;
	}
	return fault(error, r, subject, "%s", strerror(err));
}

enum stage_result fault_publish(struct str *error, int err, const char *subject)
{
	if (err == EACCES || err == EPERM || err == EROFS)
		return fault(error, STAGE_DENIED, subject, "%s", strerror(err));
	return fault_own(error, err, subject);
}
