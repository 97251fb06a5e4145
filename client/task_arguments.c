#include "client/task_arguments.h"

#include "base/uri_list.h"
#include "client/made.h"
#include "model/json.h"

#include <string.h>

#define DEFAULT_SHELL "sh"

static bool wrong(const char *name, const char *wanted, const json_t *value, struct str *error)
{
	str_addf(error, "%s must be %s, not %s", name, wanted, json_type_words(value));
	return false;
}

static bool join_uris(json_t *arguments, const char *name, struct str *error)
{
	json_t *list = json_object_get(arguments, name);
	struct str text = STR_INIT;
	json_t *uri;
	size_t i;
	bool ok = true;

	if (!json_is_array(list))
		return true;
	json_array_foreach(list, i, uri)
	{
		ok = ok && json_is_string(uri);
		if (ok)
			uri_list_add(&text, json_string_value(uri));
		else
			wrong(name, "a text or a list of texts", uri, error);
		if (!ok)
			break;
	}
	if (ok)
		json_put(arguments, name, json_string(text.p));
	str_release(&text);
	return ok;
}

static const char *shell_of(const json_t *shell)
{
	return json_is_true(shell) ? DEFAULT_SHELL : json_string_value(shell);
}

static bool wrap_command(json_t *arguments, struct str *error)
{
	json_t *shell = json_object_get(arguments, "shell");
	const json_t *command = json_object_get(arguments, "command");
	struct str text = STR_INIT;
	bool ok = true;

	if (shell == NULL)
		return true;
	if (!json_is_boolean(shell) && !json_is_string(shell) && !json_is_null(shell))
		return wrong("shell", "true, false or the name of a shell", shell, error);
	if (json_is_string(shell) && json_string_length(shell) == 0) {
		str_adds(error, "shell must be true, false or the name of a shell, not \"\"");
		ok = false;
	} else if (shell_of(shell) != NULL && !json_is_string(command)) {
		str_adds(error, "shell goes with a command");
		ok = false;
	} else if (shell_of(shell) != NULL) {
		str_add_shell_quoted(&text, shell_of(shell));
		str_adds(&text, " -c ");
		str_add_shell_quoted(&text, json_string_value(command));
		json_put(arguments, "command", json_string(text.p));
	}
	str_release(&text);
	if (ok)
		json_object_del(arguments, "shell");
	return ok;
}

static bool is_task_write(const struct call_row *row)
{
	return row->rows == ROWS_TASK && !call_is_read(row);
}

bool task_arguments(const struct call_row *row, json_t *arguments, struct str *error)
{
	return !is_task_write(row) ||
	       (wrap_command(arguments, error) && join_uris(arguments, "input", error) &&
	        join_uris(arguments, "resource", error));
}

void task_shell_warning(const struct call_row *row, const json_t *arguments, struct str *out)
{
	const char *shell = shell_of(json_object_get(arguments, "shell"));
	const char *container = json_string_value(json_object_get(arguments, "container"));

	if (is_task_write(row) && shell != NULL && container != NULL)
		str_addf(out, "the image %s may lack the shell %s that its command is given to",
		         container, shell);
}
