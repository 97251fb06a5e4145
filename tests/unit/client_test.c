/* How servers are named. */
#include "client/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void names(const char *server, const char *wanted_url, const char *wanted_token)
{
	struct str url = STR_INIT, token = STR_INIT;

	if (!client_address(server, &url, &token))
		fail_msg("%s is no server", server);
	assert_string_equal(url.p, wanted_url);
	assert_string_equal(token.p, wanted_token);
	str_release(&url);
	str_release(&token);
}

static void test_names(void **unused)
{
	(void)unused;
	names("host", "http://host:5000", "");
	names("host:80", "http://host:80", "");
	names("10.1.2.3", "http://10.1.2.3:5000", "");
	names("[::1]", "http://[::1]:5000", "");
	names("[::1]:80", "http://[::1]:80", "");
	names("me:secret@host", "http://host:5000", "secret");
	names("me:se@cr:et@host:80", "http://host:80", "se@cr:et");
	names("me@host", "http://host:5000", "");
	names("http://host", "http://host:5000", "");
	names("http://host:80//", "http://host:80", "");
	names("http://me:secret@host:80/", "http://host:80", "secret");
	names("https://host", "https://host", "");
	names("https://host:5000", "https://host:5000", "");
	names("https://me:secret@[fd00::1]:5000", "https://[fd00::1]:5000", "secret");
	names("https://host/scitq/", "https://host/scitq", "");
}

static void test_no_names(void **unused)
{
	static const char *const none[] = {"",        ":5000",    "/",         "http://",
	                                   "ftp://h", "a b",      "host/path", "http://:80",
	                                   "x@",      "http:///", "h?x",       "https://h#x"};

	(void)unused;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct str url = STR_INIT, token = STR_INIT;

		if (client_address(none[i], &url, &token))
			fail_msg("'%s' is taken for %s", none[i], url.p);
		assert_int_equal(url.len + token.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
