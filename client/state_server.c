#include "client/state_server.h"

#include "base/fd.h"
#include "model/json.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool state_token(const char *state, struct str *token)
{
	struct str path = STR_INIT;
	bool ok;

	str_addf(&path, "%s/token", state);
	str_reset(token);
	ok = file_read(path.p, token) == 0;
	while (token->len > 0 && strchr(" \r\n", token->p[token->len - 1]) != NULL)
		token->p[--token->len] = '\0';
	str_release(&path);
	return ok;
}

/* What server.json holds; NULL where it cannot be read. */
static json_t *read_described(const char *state)
{
	struct str path = STR_INIT, text = STR_INIT;
	struct problem problem;
	json_t *j = NULL;

	str_addf(&path, "%s/server.json", state);
	if (file_read(path.p, &text) == 0)
		j = json_parse(text.p, text.len, &problem);
	str_release(&path);
	str_release(&text);
	return j;
}

bool state_server_provides(const char *state, const char *provider)
{
	json_t *j = read_described(state);
	const char *names = json_string_value(json_object_get(j, "providers"));
	const size_t len = strlen(provider);
	bool provides = false;

	while (names != NULL && !provides) {
		provides = strncmp(names, provider, len) == 0 && strchr(",", names[len]) != NULL;
		names = strchr(names, ',');
		names = names ? names + 1 : NULL;
	}
	json_decref(j);
	return provides;
}

bool state_server_has_left(const char *state)
{
	struct str path = STR_INIT, text = STR_INIT;
	long pid = 0;
	bool left;

	str_addf(&path, "%s/server.json", state);
	left = access(path.p, F_OK) != 0 && errno == ENOENT;
	str_reset(&path);
	str_addf(&path, "%s/server.lock", state);
	/* Its lock is not tried: a server that starts just then would find it held. */
	if (left && file_read(path.p, &text) == 0)
		pid = strtol(text.p, NULL, 10);
	left = left && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
	str_release(&path);
	str_release(&text);
	return left;
}

bool state_server(const char *state, struct str *url, struct str *token, int64_t *pid)
{
	struct problem problem;
	const char *told = NULL;
	int64_t process = 0;
	json_t *j = read_described(state);
	bool ok;

	ok = json_is_object(j) && json_member_text(j, "url", &told, &problem) &&
	     json_member_int(j, "pid", &process, &problem) && told != NULL;
	if (ok) {
		str_reset(url);
		str_adds(url, told);
		while (url->len > 0 && url->p[url->len - 1] == '/')
			url->p[--url->len] = '\0';
		if (pid != NULL)
			*pid = process;
		ok = state_token(state, token);
	}
	json_decref(j);
	return ok;
}
