#include "net/url.h"

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
		abort(); /* out of memory, as in base/alloc.c */
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
		abort();
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
		abort();
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
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
