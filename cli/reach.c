#include "cli/reach.h"

#include "base/state_dir.h"
#include "cli/team.h"
#include "client/state_server.h"

#include <string.h>
#include <unistd.h>

bool reach_is_private(const char *state)
{
	struct str path = STR_INIT;
	bool found;

	str_addf(&path, "%s/run", state);
	found = access(path.p, F_OK) == 0;
	str_release(&path);
	return found;
}

/* Into r->state; *named: somebody has said which. False where there is none. */
static bool find_directory(struct reach *r, const char *given, bool *named)
{
	const char *state = given ? given : config_get(&r->config, "SCITQ_STATE", NULL);

	*named = state != NULL;
	if (*named)
		str_adds(&r->state, state);
	return *named || state_dir_default(&r->state);
}

/* The server of the state directory; false where none runs there, or its files are not ours. */
static bool find_state(struct reach *r, struct server_access *access)
{
	if (!state_server(r->state.p, &r->url, &r->token, NULL))
		return false;
	access->server = r->url.p;
	access->token = r->token.p;
	return true;
}

/* A server that the files name is meant, where they do. */
static bool choose_team(struct reach *r, struct server_access *access, struct str *error)
{
	if (!team_choose(access, &r->config, false, error))
		return false;
	if (access->server != NULL)
		str_reset(&r->state);
	return true;
}

/*
 * Nobody has said more than the files. Who operates a server here means that one, in spite of what
 * a file names for everybody; the private one gives way to it, as with scitq-run.
 */
static bool choose(struct reach *r, const char *state, struct server_access *access,
                   struct str *error)
{
	bool named, ours = find_directory(r, state, &named);

	if (!named && ours && reach_is_private(r->state.p)) {
		if (!choose_team(r, access, error))
			return false;
		if (access->server == NULL)
			(void)find_state(r, access);
		return true;
	}
	return (ours && find_state(r, access)) || state != NULL || choose_team(r, access, error);
}

enum reach_result reach_open(struct reach *r, const struct server_access *given, const char *state,
                             struct str *error)
{
	struct server_access access = *given;
	enum reach_result result = REACH_OK;

	memset(r, 0, sizeof(*r));
	str_init(&r->url);
	str_init(&r->token);
	str_init(&r->state);
	config_init(&r->config);
	if (!config_read(&r->config, error) || !team_choose(&access, &r->config, true, error) ||
	    (access.server == NULL && !choose(r, state, &access, error))) {
		result = REACH_MISUSED;
	} else if (access.server == NULL) {
		str_addf(error, "no server runs on %s, or its files are not ours",
		         r->state.len > 0 ? r->state.p : "a state directory that is named");
		result = REACH_NO_SERVER;
	} else {
		client_init(&r->client, &access);
	}
	return result;
}

void reach_close(struct reach *r)
{
	if (r->client.http != NULL)
		client_release(&r->client);
	config_release(&r->config);
	str_release(&r->url);
	str_release(&r->token);
	str_release(&r->state);
}
