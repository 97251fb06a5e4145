/*
 * Who may call is who has a token; there are no accounts beside them. A token has the name of whom
 * it was given to, a role, and a text that the server tells once. So a user is a token of another
 * role than worker: `user` are those for people, with a role that suits most, `token` are all.
 */
#include "cli/access.h"

#include "cli/io.h"
#include "cli/moment.h"
#include "cli/ndjson.h"
#include "cli/object.h"
#include "cli/table.h"
#include "model/json.h"
#include "runtime/session.h"

#include <stdio.h>
#include <string.h>

/* Runs what they like, and touches neither the workers of others nor tokens. */
#define USER_ROLE "submitter"

static bool is_of_worker(const json_t *row)
{
	const char *role = json_string_value(json_object_get(row, "role"));

	return role != NULL && strcmp(role, "worker") == 0;
}

static bool is_about_users(const struct command_call *command)
{
	return command_begins(command->command->words, "user");
}

static void put_option(const struct command_call *command, json_t *body, const char *option,
                       const char *member)
{
	if (command_has(command, option))
		json_object_set_new(body, member, json_text(command_value(command, option)));
}

/* The text goes to standard output alone, what is to be done with it to the person. */
static bool tell_token(struct call *c, json_t *reply)
{
	struct str out = STR_INIT;
	const char *text = json_string_value(json_object_get(reply, "token"));

	if (command_has(c->command, "json"))
		ndjson_line(&out, "token", json_incref(reply));
	else
		str_addf(&out, "%s\n", text != NULL ? text : "");
	c->code = io_print(&out);
	if (c->code != EXIT_CODE_OK)
		return false;
	fprintf(stderr, "the token of %s, %s; it is not told again. ",
	        json_string_value(json_object_get(reply, "name")),
	        json_string_value(json_object_get(reply, "role")));
	if (is_of_worker(reply))
		fputs("scitq-worker takes it from SCITQ_TOKEN\n", stderr);
	else
		fprintf(stderr, "Its user sets it up by scitq init -s %s\n", c->reach.client.url.p);
	return true;
}

/* token create, and user create, which has a role where none is given. */
int access_create(const struct command_call *command)
{
	const char *expires = command_value(command, "expires");
	char date[DATE_TEXT_SIZE];
	json_t *body, *reply;
	struct call c;

	if (!is_about_users(command) && !command_has(command, "role"))
		return command_misused(command, "--role is wanted: viewer, worker, submitter, "
		                                "operator or admin");
	if (expires != NULL && !moment_read(expires, 1, date))
		return command_misused(command,
		                       "--expires is '%s', neither a time such as 90d nor a date",
		                       expires);
	if (!call_open(&c, command))
		return call_close(&c);
	body = json_pack("{s:o}", "name", json_text(command->words[0]));
	if (!command_has(command, "role"))
		json_object_set_new(body, "role", json_string(USER_ROLE));
	put_option(command, body, "role", "role");
	if (!is_about_users(command))
		put_option(command, body, "worker", "worker");
	if (expires != NULL)
		json_object_set_new(body, "expiry_date", json_string(date));
	reply = call_json(&c, "POST", "/tokens/", body);
	if (reply != NULL)
		tell_token(&c, reply);
	json_decref(reply);
	return call_close(&c);
}

/* The number of the token of that name; 0 with the code set. */
static json_int_t find_token(struct call *c, const json_t *rows, const char *name)
{
	const char *what = is_about_users(c->command) ? "user" : "token";
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
	{
		const char *other = json_string_value(json_object_get(row, "name"));

		if (other == NULL || strcmp(other, name) != 0)
			continue;
		if (is_about_users(c->command) && is_of_worker(row)) {
			call_fail(c, EXIT_CODE_SERVER, "scitq token revoke ends it",
			          "%s is the token of a worker, not of a user", name);
			return 0;
		}
		return json_integer_value(json_object_get(row, "token_id"));
	}
	call_fail(c, EXIT_CODE_SERVER,
	          is_about_users(c->command) ? "scitq user list has them"
	                                     : "scitq token list has them",
	          "there is no %s %s", what, name);
	return 0;
}

static bool revoke_token(struct call *c, const json_t *rows, const char *name)
{
	json_int_t id = find_token(c, rows, name);
	struct str path = STR_INIT, out = STR_INIT;
	json_t *reply;

	if (id == 0)
		return false;
	str_addf(&path, "/tokens/%" JSON_INTEGER_FORMAT, id);
	reply = call_json(c, "DELETE", path.p, NULL);
	str_release(&path);
	if (reply == NULL)
		return false;
	json_decref(reply);
	str_addf(&out, is_about_users(c->command) ? "user %s deleted\n" : "token %s revoked\n",
	         name);
	c->code = io_print(&out);
	return c->code == EXIT_CODE_OK;
}

/* token revoke, and user delete. */
int access_revoke(const struct command_call *command)
{
	json_t *rows = NULL;
	struct call c;

	if (call_open(&c, command))
		rows = call_json(&c, "GET", "/tokens/", NULL);
	for (size_t i = 0; rows != NULL && i < command->nwords; i++) {
		if (!revoke_token(&c, rows, command->words[i]))
			break;
	}
	json_decref(rows);
	return call_close(&c);
}

int access_users(const struct command_call *command)
{
	bool json = command_has(command, "json");
	struct table_print table;
	struct str out = STR_INIT;
	json_t *rows = NULL;
	struct call c;

	table_init(&table, "name role creation_date expiry_date", "creation_date",
	           !command_has(command, "no-header"));
	if (command_has(command, "long"))
		table.width = 0;
	if (call_open(&c, command))
		rows = call_json(&c, "GET", "/tokens/", NULL);
	for (size_t i = json_array_size(rows); i > 0; i--) {
		if (is_of_worker(json_array_get(rows, i - 1)))
			json_array_remove(rows, i - 1);
	}
	if (json)
		ndjson_begin(&out);
	for (size_t i = 0; json && i < json_array_size(rows); i++)
		ndjson_line(&out, "user", json_incref(json_array_get(rows, i)));
	if (rows != NULL && !json)
		table_add(&table, rows, &out);
	if (rows != NULL)
		c.code = io_print(&out);
	str_release(&out);
	json_decref(rows);
	return call_close(&c);
}

int access_mine(const struct command_call *command)
{
	struct str out = STR_INIT;
	json_t *reply = NULL;
	const char *name;
	struct call c;

	if (call_open(&c, command))
		reply = call_json(&c, "GET", "/tokens/mine", NULL);
	if (reply != NULL) {
		name = json_string_value(json_object_get(reply, "name"));
		if (command_has(command, "json"))
			ndjson_line(&out, "user", json_incref(reply));
		else
			str_addf(&out, "%s, %s at %s\n",
			         name != NULL && *name != '\0' ? name : "anybody",
			         json_string_value(json_object_get(reply, "role")),
			         c.reach.client.url.p);
		c.code = io_print(&out);
	}
	json_decref(reply);
	return call_close(&c);
}
