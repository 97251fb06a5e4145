#include "client/state_server.h"

#include "base/fd.h"
#include "model/json.h"

#include <string.h>

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

bool state_server(const char *state, struct str *url, struct str *token, int64_t *pid)
{
	struct str path = STR_INIT, text = STR_INIT;
	struct problem problem;
	const char *told = NULL;
	int64_t process = 0;
	json_t *j = NULL;
	bool ok;

	str_addf(&path, "%s/server.json", state);
	if (file_read(path.p, &text) == 0)
		j = json_parse(text.p, text.len, &problem);
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
	str_release(&path);
	str_release(&text);
	return ok;
}
