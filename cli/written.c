#include "cli/written.h"

#include "base/vec.h"
#include "base/words.h"

#include <string.h>

static const char *name_of(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash != NULL ? slash + 1 : program;
}

bool written_is_bash(const char *program)
{
	return strcmp(name_of(program), "bash") == 0;
}

bool written_is_shell(const char *program)
{
	static const char *const shells[] = {"bash", "sh", "dash", "ash", "ksh", "mksh", "busybox"};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(name_of(program), shells[i]) == 0)
			return true;
	}
	return false;
}

/* Whether `set` takes the words: of other flags only the command itself can tell the meaning. */
static bool are_settings(char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i]);

		if (len < 2 || words[i][0] != '-' ||
		    strspn(words[i] + 1, "abefhmnuvxCETo") + 1 != len)
			return false;
		/* The name of an option follows. */
		i += strchr(words[i], 'o') != NULL;
	}
	return true;
}

/* SHELL [FLAG]... -c TEXT, or SHELL [FLAG]... of a script. */
static void read_shell(struct written *w, const char *script, struct arena *arena)
{
	struct str flags = STR_INIT;
	size_t nflags;

	if (script == NULL && (w->nwords < 3 || strcmp(w->words[w->nwords - 2], "-c") != 0))
		return;
	nflags = w->nwords - (script != NULL ? 1 : 3);
	if (!are_settings(w->words + 1, nflags))
		return;
	for (size_t i = 1; i <= nflags; i++) {
		str_adds(&flags, i > 1 ? " " : "");
		str_add_shell_quoted(&flags, w->words[i]);
	}
	w->shell = w->words[0];
	w->flags = arena_strndup(arena, flags.p, flags.len);
	str_release(&flags);
	prologue_read(script != NULL ? script : w->words[w->nwords - 1], arena, &w->prologue);
}

/* "env NAME=VALUE... PROGRAM": so another interpreter gets them. */
static void read_env(struct written *w, struct arena *arena)
{
	VEC(struct prologue_value) values = {0};

	for (size_t i = 1; i < w->nwords && strcmp(w->words[0], "env") == 0; i++) {
		const char *equals = strchr(w->words[i], '=');
		struct prologue_value v;

		if (equals == NULL)
			break;
		v = (struct prologue_value){
		        .name = arena_strndup(arena, w->words[i], (size_t)(equals - w->words[i])),
		        .text = equals + 1};
		vec_push(&values, v);
	}
	w->prologue.nvalues = values.n;
	w->prologue.values = arena_array(arena, struct prologue_value, values.n + 1);
	if (values.n > 0)
		memcpy(w->prologue.values, values.v, values.n * sizeof(*values.v));
	vec_release(&values);
}

bool written_read(const char *command, const char *script, struct arena *arena, struct written *w,
                  struct str *error)
{
	enum words_error bad;

	*w = (struct written){.flags = ""};
	bad = words_split(command, arena, &w->words, &w->nwords);
	if (bad != WORDS_OK || w->nwords == 0) {
		str_addf(error, "its command cannot be split into words: %s",
		         bad != WORDS_OK ? words_error_text(bad) : "it is empty");
		return false;
	}
	if (written_is_shell(w->words[0]))
		read_shell(w, script, arena);
	if (w->shell == NULL)
		read_env(w, arena);
	return true;
}

void written_script(const struct written *w, const char *script, struct str *out)
{
	if (w->shell != NULL && strchr(w->shell, '/') != NULL)
		str_addf(out, "#!%s\n", w->shell);
	else if (w->shell != NULL && strcmp(w->shell, "sh") != 0)
		str_addf(out, "#!/usr/bin/env %s\n", w->shell);
	else
		str_adds(out, "#!/bin/sh\n");
	if (w->shell == NULL)
		str_adds(out, "exec");
	for (size_t i = 0; i < w->nwords && w->shell == NULL; i++) {
		str_addc(out, ' ');
		str_add_shell_quoted(out, w->words[i]);
	}
	if (w->shell == NULL && script != NULL) {
		str_addc(out, ' ');
		str_add_shell_quoted(out, script);
	}
	if (w->shell != NULL && *w->flags != '\0')
		str_addf(out, "set %s\n", w->flags);
	for (size_t i = 0; i < w->prologue.nvalues && w->shell != NULL; i++)
		str_addf(out, "%s\n", w->prologue.values[i].assignment);
	if (w->shell != NULL)
		str_adds(out, w->prologue.text);
	if (out->p[out->len - 1] != '\n')
		str_addc(out, '\n');
}
