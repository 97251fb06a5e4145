#include "net/url.h"

#include "base/alloc.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void url_escape(struct str *out, const char *text, size_t n)
{
	char *escaped;

	if (n == 0) /* libcurl would take strlen */
		return;
	assert(n <= INT_MAX);
	escaped = curl_easy_escape(NULL, text, (int)n);
	if (escaped == NULL)
		alloc_exhausted();
	else
		str_adds(out, escaped);
	curl_free(escaped);
}

void url_unescape(struct str *out, const char *text, size_t n)
{
	char *plain;
	int len;

	if (n == 0)
		return;
	assert(n <= INT_MAX);
	plain = curl_easy_unescape(NULL, text, (int)n, &len);
	if (plain == NULL)
		alloc_exhausted();
	else
		str_add(out, plain, (size_t)len);
	curl_free(plain);
}

bool url_file_name(struct str *out, const char *url)
{
	CURLU *u = curl_url();
	struct str name = STR_INIT;
	char *path = NULL;
	bool ok = false;

	if (u == NULL)
		alloc_exhausted();
	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
		const char *last = strrchr(path, '/');

		last = last != NULL ? last + 1 : path;
		url_unescape(&name, last, strlen(last));
		ok = name.len > 0 && strcmp(name.p, ".") != 0 && strcmp(name.p, "..") != 0 &&
		     strlen(name.p) == name.len && strchr(name.p, '/') == NULL;
	}
	if (ok)
		str_add(out, name.p, name.len);
	str_release(&name);
	curl_free(path);
	curl_url_cleanup(u);
	return ok;
}

void url_server_init(struct url_server *u)
{
	str_init(&u->user);
	str_init(&u->password);
	str_init(&u->host);
	str_init(&u->port);
}

void url_server_release(struct url_server *u)
{
	str_release(&u->user);
	str_release(&u->password);
	str_release(&u->host);
	str_release(&u->port);
}

static void take_part(CURLU *u, CURLUPart part, unsigned flags, struct str *out)
{
	char *text = NULL;

	str_reset(out);
	if (curl_url_get(u, part, &text, flags) == CURLUE_OK)
		str_adds(out, text);
	curl_free(text);
}

bool url_server_read(struct url_server *u, const char *url)
{
	CURLU *parts = curl_url();
	bool ok;

	if (parts == NULL)
		alloc_exhausted();
	ok = parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
	if (ok) {
		take_part(parts, CURLUPART_USER, CURLU_URLDECODE, &u->user);
		take_part(parts, CURLUPART_PASSWORD, CURLU_URLDECODE, &u->password);
		take_part(parts, CURLUPART_HOST, 0, &u->host);
		take_part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT, &u->port);
	}
	curl_url_cleanup(parts);
	return ok && u->host.len > 0;
}
