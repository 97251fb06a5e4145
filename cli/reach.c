#include "cli/reach.h"

#include "base/state_dir.h"
#include "cli/team.h"
#include "client/state_server.h"

#include <string.h>

/* The server of the state directory; false where none runs there, or its files are not ours. */
static bool find_state(struct reach *r, const char *named, struct server_access *access)
{
	if (named == NULL)
		named = config_get(&r->config, "SCITQ_STATE", NULL);
	if (named != NULL)
		str_adds(&r->state, named);
	else if (!state_dir_default(&r->state))
		return false;
	if (!state_server(r->state.p, &r->url, &r->token, NULL))
		return false;
	access->server = r->url.p;
	access->token = r->token.p;
	return true;
}

/* Nothing runs on the state directory: a server that the files name is meant, where they do. */
static bool choose_team(struct reach *r, const char *state, struct server_access *access,
                        struct str *error)
{
	if (state != NULL)
		return true;
	if (!team_choose(access, &r->config, false, error))
		return false;
	if (access->server != NULL)
		str_reset(&r->state);
	return true;
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
	    (access.server == NULL && !find_state(r, state, &access) &&
	     !choose_team(r, state, &access, error))) {
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
