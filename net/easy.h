/* What http.c and multi.c share: an easy handle prepared for a request. Private to net/. */
#ifndef NET_EASY_H
#define NET_EASY_H

#include "net/http.h"

#include <curl/curl.h>

/* Initialise libcurl once per process. */
void easy_global(void);
/*
 * Set everything that the request says; the body of the answer goes to
 * `response`. The caller frees the list after the transfer.
 */
struct curl_slist *easy_prepare(CURL *easy, const struct http_request *request,
                                struct http_response *response, char error[CURL_ERROR_SIZE]);
/* After the transfer: status and Retry-After, or the error with its message. */
enum http_error easy_result(CURL *easy, CURLcode code, const char *error,
                            struct http_response *response);
enum http_error easy_error(CURLcode code);

#endif
