#include "providers/command.h"

#include "base/child.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void keep_out(void *context, const char *data, size_t n)
{
	str_add(&((struct command_output *)context)->out, data, n);
}

static void keep_err(void *context, const char *data, size_t n)
{
	str_add(&((struct command_output *)context)->err, data, n);
}

void command_release(struct command_output *o)
{
	str_release(&o->out);
	str_release(&o->err);
}

bool command_run(const char *const *argv, const struct str *input, struct command_output *o)
{
	struct str path = STR_INIT;
	char *copy[32] = {NULL};
	struct child child = {.argv = copy, .out = keep_out, .err = keep_err, .output_ctx = o};
	int status = 0, err;

	str_init(&o->out);
	str_init(&o->err);
	for (int i = 0; argv[i] != NULL; i++)
		copy[i] = (char *)(uintptr_t)argv[i];
	err = child_find(argv[0], &path) ? 0 : -ENOENT;
	copy[0] = path.p;
	if (err == 0 && input != NULL)
		err = child.input = child_input(input->p, input->len);
	if (err >= 0)
		err = child_run(&child, &status);
	if (child.input > 0)
		close(child.input);
	str_release(&path);
	if (err != 0)
		str_addf(&o->err, "%s: %s", argv[0], strerror(-err));
	else if (status != 0 && o->err.len == 0)
		str_addf(&o->err, "%s failed", argv[0]);
	while (o->err.len > 0 && o->err.p[o->err.len - 1] == '\n')
		o->err.p[--o->err.len] = '\0';
	return err == 0 && status == 0;
}

void shell_quote(struct str *script, const char *text)
{
	str_addc(script, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			str_adds(script, "'\\''");
		else
			str_addc(script, *text);
	}
	str_addc(script, '\'');
}

void shell_variable(struct str *script, const char *name, const char *value)
{
	str_addf(script, "%s=", name);
	shell_quote(script, value ? value : "");
	str_addc(script, '\n');
}
