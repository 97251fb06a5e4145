#include "cli/team.h"

#include "client/address.h"

#include <string.h>

bool team_choose(struct server_access *team, const struct config *config, bool own,
                 struct str *error)
{
	struct str url = STR_INIT, token = STR_INIT;
	const char *source = NULL, *named;
	bool ok;

	named = config_get(config, "SCITQ_SERVER", &source);
	if (named != NULL && own && strcmp(source, "the environment") != 0)
		named = NULL;
	if (team->server == NULL)
		team->server = named;
	if (team->server == NULL)
		return true;
	if (team->token == NULL)
		team->token = config_get(config, "SCITQ_TOKEN", NULL);
	if (team->ca == NULL)
		team->ca = config_get(config, "SCITQ_CA", NULL);
	ok = client_address(team->server, &url, &token);
	if (!ok)
		/* What is no name may hold a token nevertheless. */
		str_addf(error,
		         "a server (--server, SCITQ_SERVER) is HOST, HOST:PORT or a URL, not '%s'",
		         strchr(team->server, '@') ? "...@..." : team->server);
	str_release(&url);
	str_release(&token);
	return ok;
}
