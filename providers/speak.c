#include "providers/speak.h"

#include "base/fd.h"
#include "base/str.h"
#include "model/json.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Exit codes. */
enum { DONE, CANNOT_SPEAK = 2 };

static void write_line(json_t *line, const char *tag)
{
	struct str text = STR_INIT;

	if (tag != NULL)
		json_object_set_new(line, "tag", json_text(tag));
	json_print(line, &text);
	str_addc(&text, '\n');
	/* Who does not listen any more needs no answer. */
	if (fd_write_all(STDOUT_FILENO, text.p, text.len) != 0)
		_exit(CANNOT_SPEAK);
	str_release(&text);
	json_decref(line);
}

void say_progress(const char *tag, int percent, const char *text)
{
	write_line(json_pack("{s:i, s:o*}", "progress", percent, "text",
	                     text ? json_text(text) : NULL),
	           tag);
}

static json_t *text_of(const char *fmt, va_list ap)
{
	struct str text = STR_INIT;
	json_t *value;

	str_vaddf(&text, fmt, ap);
	value = json_text(text.p);
	str_release(&text);
	return value;
}

void say_log(const char *tag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(json_pack("{s:o}", "log", text_of(fmt, ap)), tag);
	va_end(ap);
}

void say_result(const char *tag, json_t *result)
{
	write_line(json_pack("{s:o}", "result", result ? result : json_object()), tag);
}

void say_error(const char *tag, bool final, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(json_pack("{s:o, s:b}", "error", text_of(fmt, ap), "final", final), tag);
	va_end(ap);
}

bool request_worker(const struct request *request, size_t i, struct wanted *worker)
{
	json_t *object = json_array_get(request->workers, i);

	*worker = (struct wanted){
	        .tag = json_string_value(json_object_get(object, "tag")),
	        .name = json_string_value(json_object_get(object, "name")),
	        .token = json_string_value(json_object_get(object, "token")),
	        .concurrency = json_integer_value(json_object_get(object, "concurrency")),
	        .prefetch = json_integer_value(json_object_get(object, "prefetch")),
	};
	if (worker->tag != NULL && worker->tag[0] != '.' && strchr(worker->tag, '/') == NULL)
		return true;
	say_error(worker->tag, true, "the request has a worker without a tag that can be used");
	return false;
}

static const char *member(json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

static int run(const struct verb *verbs, size_t n, const struct request *request)
{
	const struct verb *verb = NULL;
	struct wanted worker;

	for (size_t i = 0; i < n; i++) {
		if (request->verb != NULL && strcmp(verbs[i].word, request->verb) == 0)
			verb = &verbs[i];
	}
	if (verb == NULL) {
		say_error(NULL, true, "verb \"%s\" is not known here",
		          request->verb ? request->verb : "");
	} else if (request->directory == NULL || request->owner == NULL) {
		say_error(NULL, true, "the request lacks directory or owner");
	} else if (verb->all != NULL) {
		verb->all(request);
	} else {
		for (size_t i = 0; i < json_array_size(request->workers); i++) {
			if (request_worker(request, i, &worker))
				verb->each(request, &worker);
		}
	}
	return DONE;
}

int provider_main(const struct verb *verbs, size_t n)
{
	struct str text = STR_INIT;
	struct problem problem = {0};
	struct request request;
	json_t *root = NULL;
	int code, err;

	(void)signal(SIGPIPE, SIG_IGN);
	err = fd_read_all(STDIN_FILENO, &text);
	if (err == 0)
		root = json_parse(text.p, text.len, &problem);
	str_release(&text);
	if (!json_is_object(root)) {
		fprintf(stderr, "the request cannot be read: %s\n",
		        err != 0 ? strerror(-err) : problem.message);
		json_decref(root);
		return CANNOT_SPEAK;
	}
	request = (struct request){
	        .verb = member(root, "verb"),
	        .owner = member(root, "owner"),
	        .region = member(root, "region"),
	        .flavor = member(root, "flavor"),
	        .server = member(root, "server"),
	        .ca = member(root, "ca"),
	        .directory = member(root, "directory"),
	        .worker = member(root, "worker"),
	        .workers = json_object_get(root, "workers"),
	};
	code = run(verbs, n, &request);
	json_decref(root);
	return code;
}

bool worker_files(const struct request *request, const struct wanted *worker, const char *path)
{
	struct str file = STR_INIT;
	int err = dir_make(path, 0700);

	if (worker->token == NULL || request->server == NULL) {
		say_error(worker->tag, true, "the request lacks token or server");
		return false;
	}
	str_addf(&file, "%s/token", path);
	if (err == 0)
		err = file_replace(file.p, worker->token, strlen(worker->token), 0600);
	str_reset(&file);
	str_addf(&file, "%s/ca.pem", path);
	if (err == 0 && request->ca != NULL)
		err = file_replace(file.p, request->ca, strlen(request->ca), 0600);
	if (err != 0)
		say_error(worker->tag, false, "%s: %s", path, strerror(-err));
	str_release(&file);
	return err == 0;
}
