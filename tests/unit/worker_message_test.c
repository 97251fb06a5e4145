/* The words between agent and supervisor, also damaged ones; the note of an execution. */
#include "worker/channel.h"
#include "worker/execution.h"
#include "worker/held.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void put_start(struct str *out)
{
	char one[] = "sh", two[] = "-c", three[] = "two\nlines 'and' \"quotes\"",
	     variable[] = "A=b", file[] = "/data/x", folder[] = "/w";
	char *lent[] = {file, folder};
	char *words[] = {one, two, three}, *variables[] = {variable};
	size_t m = message_begin(out, MESSAGE_START);

	message_add_number(out, 17);
	message_add_real(out, 0.25);
	message_add_number(out, 2);
	message_add_number(out, 5);
	message_add_number(out, 6);
	message_add_number(out, 1000);
	message_add_real(out, 0.5);
	message_add_text(out, "/w/task/1");
	message_add_text(out, "/w/task/1/tmp");
	message_add_number(out, 1);
	message_add_number(out, SHIELD_USER);
	message_add_texts(out, lent, 2);
	message_add_texts(out, words, 3);
	message_add_texts(out, words, 2);
	message_add_texts(out, variables, 1);
	message_add_bytes(out, "no\0te", 5);
	message_end(out, m);
}

static void frames_come_back_as_they_went(void **state)
{
	struct ending ending = {true, 2, "execute", 0x8b, STOP_LEASE, true, 1, UINT64_MAX, 3, true},
	              got;
	struct str out = STR_INIT;
	struct message m;
	size_t used = 0, n;

	(void)state;
	put_start(&out);
	n = message_begin(&out, MESSAGE_EXITED);
	message_add_number(&out, 18);
	message_add_ending(&out, &ending);
	message_end(&out, n);

	assert_int_equal(message_take(&out, &used, &m), 1);
	assert_int_equal(m.type, MESSAGE_START);
	assert_int_equal(message_number(&m), 17);
	assert_true(message_real(&m) == 0.25);
	assert_int_equal(message_take(&out, &used, &m), 1);
	assert_int_equal(m.type, MESSAGE_EXITED);
	assert_int_equal(message_number(&m), 18);
	message_ending(&m, &got);
	assert_false(m.broken);
	assert_string_equal(got.failed, "execute");
	assert_true(got.started && got.strays);
	assert_int_equal(got.start_errno, 2);
	assert_int_equal(got.status, 0x8b);
	assert_int_equal(got.cause, STOP_LEASE);
	assert_int_equal(got.cpu_us, 1);
	assert_true(got.peak_memory == UINT64_MAX);
	assert_int_equal(got.duration_ns, 3);
	/* Nothing is left: whatever is read now is nothing. */
	assert_int_equal(message_number(&m), 0);
	assert_string_equal(message_text(&m), "");
	assert_true(m.broken);
	assert_int_equal(message_take(&out, &used, &m), 0);
	str_release(&out);
}

static void half_a_frame_waits(void **state)
{
	struct str out = STR_INIT, in = STR_INIT;
	struct message m;

	(void)state;
	put_start(&out);
	for (size_t i = 0; i < out.len; i++) {
		size_t used = 0;

		assert_int_equal(message_take(&in, &used, &m), 0);
		assert_int_equal(used, 0);
		str_addc(&in, out.p[i]);
	}
	str_release(&out);
	str_release(&in);
}

static void damage_is_noticed(void **state)
{
	static const uint32_t headers[][2] = {{0, MESSAGE_START},
	                                      {3, MESSAGE_START},
	                                      {12, 0},
	                                      {12, 99},
	                                      {UINT32_MAX, MESSAGE_START}};
	struct str out = STR_INIT;
	struct message m;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		size_t used = 0;

		str_reset(&out);
		str_add(&out, headers[i], sizeof(headers[i]));
		assert_int_equal(message_take(&out, &used, &m), -1);
	}
	/* Every frame that is cut, or has one byte changed, is read without harm. */
	for (size_t cut = 8; cut < 300; cut++) {
		uint32_t len = (uint32_t)cut - 4;
		size_t used = 0;
		struct held *h;

		str_reset(&out);
		put_start(&out);
		if (cut >= out.len)
			break;
		out.len = cut;
		memcpy(out.p, &len, sizeof(len));
		assert_int_equal(message_take(&out, &used, &m), 1);
		h = held_new(&m);
		assert_null(h);
	}
	for (size_t i = 8; i < 400; i++) {
		size_t used = 0;
		struct held *h;

		str_reset(&out);
		put_start(&out);
		if (i >= out.len)
			break;
		out.p[i] = (char)(out.p[i] ^ 0x81);
		assert_int_equal(message_take(&out, &used, &m), 1);
		h = held_new(&m);
		if (h != NULL)
			held_free(h);
	}
	str_release(&out);
}

static void a_held_task_has_its_words(void **state)
{
	char kept[] = "PATH=/bin", token[] = "SCITQ_TOKEN=x", cpu[] = "CPU=9", home[] = "INPUTS=y";
	char gpus[] = "CUDA_VISIBLE_DEVICES=4,5,6", *all[] = {kept, token, cpu, gpus, home, NULL},
	     **environment = held_environment(all);
	struct held_list waiting = {0}, running = {0};
	struct str out = STR_INIT;
	struct spawn spawn;
	struct message m;
	struct arena arena;
	struct held *h;
	size_t used = 0;

	(void)state;
	put_start(&out);
	assert_int_equal(message_take(&out, &used, &m), 1);
	h = held_new(&m);
	str_release(&out);
	assert_non_null(h);
	assert_int_equal(h->id, 17);
	assert_int_equal(h->note.len, 5);
	assert_memory_equal(h->note.p, "no\0te", 5);
	assert_string_equal(h->marker, "SCITQ_TASK_DIR=/w/task/1");
	arena_init(&arena);
	held_spawn(h, environment, &arena, &spawn);
	assert_int_equal(spawn.shield.kind, SHIELD_USER);
	assert_int_equal(spawn.shield.npaths, 2);
	assert_string_equal(spawn.shield.paths[1], "/w");
	/* It lies below a lent folder and is written to all the same. */
	assert_string_equal(spawn.shield.own, "/w/task/1");
	arena_release(&arena);
	arena_init(&arena);
	held_spawn(h, environment, &arena, &spawn);
	assert_string_equal(spawn.argv[2], "two\nlines 'and' \"quotes\"");
	assert_null(spawn.argv[3]);
	assert_string_equal(spawn.fallback[1], "-c");
	assert_null(spawn.fallback[2]);
	assert_string_equal(spawn.envp[0], "PATH=/bin");
	assert_string_equal(spawn.envp[1], "CUDA_VISIBLE_DEVICES=4,5,6");
	assert_string_equal(spawn.envp[2], "INPUTS=y");
	assert_string_equal(spawn.envp[3], "A=b");
	assert_null(spawn.envp[4]);
	assert_string_equal(spawn.out, "/w/task/1/stdout");
	assert_string_equal(spawn.directory, "/w/task/1/tmp");
	assert_string_equal(spawn.file, "/proc/self/exe");
	assert_true(spawn.privileges);
	vec_push(&waiting, h);
	assert_int_equal(held_list_pick(&waiting, &running, "4,6"), 0);
	/* There are two of them, but they are not told apart by their number alone. */
	assert_int_equal(held_list_pick(&waiting, &running, "4"), -1);
	assert_false(held_take_gpus(h, "4", &running));
	assert_int_equal(h->gpus.len, 0);
	assert_true(held_take_gpus(h, "4,5,6", &running));
	assert_string_equal(h->gpus.p, "4,5");
	h->contained = false;
	held_spawn(h, environment, &arena, &spawn);
	assert_string_equal(spawn.envp[1], "INPUTS=y");
	assert_string_equal(spawn.envp[2], "SCITQ_GPUS=4,5");
	assert_string_equal(spawn.envp[3], "CUDA_VISIBLE_DEVICES=4,5");
	assert_string_equal(spawn.envp[4], "NVIDIA_VISIBLE_DEVICES=4,5");
	assert_string_equal(spawn.envp[5], "A=b");
	assert_null(spawn.envp[6]);
	vec_push(&running, h);
	assert_int_equal(held_list_pick(&waiting, &running, "4,6"), -1);
	running.n = 0;
	assert_ptr_equal(held_list_find(&waiting, 17), h);
	held_list_remove(&waiting, h);
	assert_null(held_list_find(&waiting, 17));
	held_end(h);
	assert_int_equal(h->note.len, 5);
	held_free(h);
	vec_release(&waiting);
	vec_release(&running);
	arena_release(&arena);
	free(environment);
}

static void a_channel_carries_more_than_fits(void **state)
{
	struct channel a, b;
	struct message m;
	struct str big = STR_INIT;
	size_t begun, len;
	int fds[2], got = 0, full = 1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
	                 0);
	channel_init(&a);
	channel_init(&b);
	channel_open(&a, fds[0]);
	channel_open(&b, fds[1]);
	for (int i = 0; i < 3000000; i++)
		str_addc(&big, (char)('a' + i % 26));
	begun = message_begin(&a.out, MESSAGE_NOTE);
	message_add_number(&a.out, 4);
	message_add_bytes(&a.out, big.p, big.len);
	message_end(&a.out, begun);
	while (got == 0) {
		if (full > 0)
			full = channel_flush(&a);
		assert_true(full >= 0);
		assert_int_equal(channel_fill(&b), 1);
		got = channel_take(&b, &m);
	}
	assert_int_equal(message_number(&m), 4);
	assert_memory_equal(message_bytes(&m, &len), big.p, big.len);
	assert_int_equal(len, big.len);
	channel_close(&a);
	assert_int_equal(channel_fill(&b), 0);
	channel_release(&a);
	channel_release(&b);
	str_release(&big);
}

static json_t *grant(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static void an_execution_survives_in_its_note(void **state)
{
	struct problem problem = {0};
	json_t *j =
	        grant("{\"execution_id\": 5, \"epoch\": 2, \"task_id\": 9, \"name\": \"a:b\","
	              " \"command\": \"sh -c 'x'\", \"output\": \"file:///o/\", \"weight\": 0.5,"
	              " \"upload_timeout\": null}");
	struct execution *e = execution_new(j, &problem), *again;
	struct place place = {.number = 7};
	struct str note = STR_INIT;
	const char *names;
	unsigned number;

	(void)state;
	json_decref(j);
	assert_non_null(e);
	e->place = &place;
	execution_note(e, &note);
	again = execution_from_note(5, note.p, note.len, &number, &names);
	assert_non_null(again);
	assert_int_equal(number, 7);
	assert_int_equal(again->epoch, 2);
	assert_int_equal(again->task_id, 9);
	assert_string_equal(again->output, "file:///o/");
	assert_string_equal(again->command, "sh -c 'x'");
	assert_int_equal(again->upload_timeout, INT_NULL);
	assert_false(again->listed);
	execution_free(again);

	e->listed = true;
	e->outcome.outputs = json_pack("[{s:s,s:i}]", "path", "x y", "size", 3);
	str_reset(&note);
	execution_note(e, &note);
	again = execution_from_note(5, note.p, note.len, &number, &names);
	assert_true(again->listed);
	assert_true(again->resumed);
	assert_true(json_equal(again->outcome.outputs, e->outcome.outputs));
	execution_free(again);
	for (size_t n = 0; n < note.len; n++)
		assert_null(execution_from_note(5, note.p, n, &number, &names));
	str_release(&note);
	e->place = NULL;
	execution_free(e);
}

static void bad_grants_are_refused(void **state)
{
	static const char *const bad[] = {
	        "{}",
	        "{\"execution_id\": 1, \"epoch\": 1}",
	        "{\"execution_id\": 1, \"command\": \"x\"}",
	        "{\"execution_id\": \"1\", \"epoch\": 1, \"command\": \"x\"}",
	        "{\"execution_id\": 1, \"epoch\": 1, \"command\": \"x\", \"weight\": 0}",
	        "{\"execution_id\": 1, \"epoch\": 1, \"command\": \"x\", \"weight\": 1.5}",
	        "{\"execution_id\": 1, \"epoch\": 1, \"command\": 7}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problem problem = {0};
		json_t *j = grant(bad[i]);

		assert_null(execution_new(j, &problem));
		assert_true(problem.message[0] != '\0');
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(frames_come_back_as_they_went),
	        cmocka_unit_test(half_a_frame_waits),
	        cmocka_unit_test(damage_is_noticed),
	        cmocka_unit_test(a_held_task_has_its_words),
	        cmocka_unit_test(a_channel_carries_more_than_fits),
	        cmocka_unit_test(an_execution_survives_in_its_note),
	        cmocka_unit_test(bad_grants_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
