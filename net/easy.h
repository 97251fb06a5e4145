/*
 * What http.c, multi.c and download.c share: the settings of a libcurl handle, a
 * request and its answer on it, the meaning of its results. Private to net/.
 */
#ifndef NET_EASY_H
#define NET_EASY_H

#include "base/alloc.h"
#include "net/http.h"

#include <curl/curl.h>
#include <stdlib.h>

struct http {
	CURL *easy;
	char error[CURL_ERROR_SIZE];
};

/* For options that this libcurl knows, with values in range: what fails is memory (base/alloc.h).
 */
#define easy_set(easy, option, value)                                                              \
	do {                                                                                       \
		if (curl_easy_setopt((easy), (option), (value)) != CURLE_OK)                       \
			alloc_exhausted();                                                         \
	} while (0)

/* Begin and end the use of libcurl by one client; counted and thread-safe inside it. False: no
   memory, which is tolerated. */
bool easy_global_init(void);
void easy_global_release(void);

/* Forget the last call's options (open connections stay) and set those of every call. */
void easy_common(CURL *easy, char error[CURL_ERROR_SIZE]);
/* Append a line. */
void easy_add_header(struct curl_slist **list, const char *line);

/*
 * Set everything that the request says; the body of the answer goes to
 * `response`, which is emptied. *headers is the caller's to free after the
 * transfer, also where this fails (then with response->message).
 */
enum http_error easy_prepare(CURL *easy, const struct http_request *request,
                             struct http_response *response, struct curl_slist **headers,
                             char error[CURL_ERROR_SIZE]);
/* After the transfer: status and Retry-After, or the error with its message. */
enum http_error easy_result(CURL *easy, CURLcode code, const char *error,
                            struct http_response *response);
/* The message is libcurl's. */
enum http_error easy_error(CURLcode code, const char *message);
/* libcurl's write function for a body that `response`, the context, keeps. */
size_t easy_keep(char *data, size_t size, size_t n, void *response);
/* Of the last answer, in seconds; -1 where absent or a date. */
int easy_retry_after(CURL *easy);

#endif
