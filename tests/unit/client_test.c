/* How servers are named. */
#include "client/address.h"
#include "client/events.h"

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
	names("me:se/cr@host", "http://host:5000", "se/cr");
	/* What is behind the host of a URL is its path, and no other host. */
	names("https://host/team@lab", "https://host/team@lab", "");
	names("https://me:secret@host/team@lab:2", "https://host/team@lab:2", "secret");
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

static bool note(void *context, const char *kind, const struct str *data)
{
	str_addf(context, "%s=%s;", kind, data->p);
	return true;
}

/* Events come out the same, wherever what arrives is cut. */
static void test_events(void **unused)
{
	static const char text[] = "retry: 1\nevent: ready\nid: 1\ndata: {}\n\n:\n\nevent: task\r\n"
	                           "data: a\r\ndata:b\r\n\r\ndata: none\n\nevent: half\ndata: x";

	(void)unused;
	for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
		struct str told = STR_INIT;
		struct events events;

		events_init(&events, note, &told);
		assert_true(events_read(&events, text, cut));
		assert_true(events_read(&events, text + cut, sizeof(text) - 1 - cut));
		assert_string_equal(told.p, "ready={};task=a\nb;=none;");
		/* Another stream: what was half read is forgotten. */
		events_reset(&events);
		assert_true(events_read(&events, "\n", 1));
		assert_string_equal(told.p, "ready={};task=a\nb;=none;");
		events_release(&events);
		str_release(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_no_names),
	        cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
