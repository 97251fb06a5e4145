#include "client/found.h"

#include "base/config.h"
#include "base/state_dir.h"
#include "client/address.h"
#include "client/state_server.h"

#include <string.h>

#define HERE "127.0.0.1"
#define BY_NUMBER "http://" HERE ":"
#define BY_NAME "http://localhost:"

static bool is_same(const char *url, const char *meant)
{
	if (strncmp(url, BY_NUMBER, strlen(BY_NUMBER)) == 0 &&
	    strncmp(meant, BY_NAME, strlen(BY_NAME)) == 0)
		return strcmp(url + strlen(BY_NUMBER), meant + strlen(BY_NAME)) == 0;
	return strcmp(url, meant) == 0;
}

/* The one that this user runs on this machine, if it is the one that is meant. */
static void local_token(const char *server, struct str *token)
{
	struct str state = STR_INIT, url = STR_INIT, meant = STR_INIT, secret = STR_INIT;

	if (state_dir_default(&state) && state_server(state.p, &url, token, NULL) &&
	    (!client_address(server, &meant, &secret) || !is_same(url.p, meant.p)))
		str_reset(token);
	str_release(&state);
	str_release(&url);
	str_release(&meant);
	str_release(&secret);
}

/* Nobody has named one: that of this user here, else what v1's clients mean then. */
static void local_server(struct str *server)
{
	struct str state = STR_INIT, token = STR_INIT;

	if (!state_dir_default(&state) || !state_server(state.p, server, &token, NULL)) {
		str_reset(server);
		str_adds(server, HERE);
	}
	str_release(&state);
	str_release(&token);
}

static void take(struct str *to, const char *given, const struct config *config, const char *key)
{
	const char *value = given ? given : config_get(config, key, NULL);

	if (value != NULL)
		str_adds(to, value);
}

void found_init(struct found *found, const struct server_access *given)
{
	struct str error = STR_INIT;
	struct config config;

	str_init(&found->server);
	str_init(&found->token);
	str_init(&found->ca);
	config_init(&config);
	/* A file that is no configuration says nothing here; the programs complain of it. */
	config_read(&config, &error);
	take(&found->server, given->server, &config, "SCITQ_SERVER");
	if (given->server == NULL && found->server.len == 0)
		local_server(&found->server);
	take(&found->token, given->token, &config, "SCITQ_TOKEN");
	take(&found->ca, given->ca, &config, "SCITQ_CA");
	if (found->token.len == 0)
		local_token(found->server.p, &found->token);
	config_release(&config);
	str_release(&error);
}

void found_release(struct found *found)
{
	str_release(&found->server);
	str_release(&found->token);
	str_release(&found->ca);
}
