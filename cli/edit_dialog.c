#include "cli/edit_dialog.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "cli/edit.h"
#include "cli/edit_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct edit_dialog {
	const struct server_access *team;
	const char *path;
	struct drafts drafts;
	char digest[DIGEST_TEXT_SIZE]; /* of the plan with them */
	bool apart;                    /* some tasks that have a text of old are of that plan */
};

/* The command line that a person would type beside the dialog. */
static const struct command beside = {.words = "edit", .options = {edit_how, call_options}};

static void give(struct command_call *command, const char *option, const char *value)
{
	for (const struct command_option *o = call_options; o->name != NULL && value; o++) {
		if (strcmp(o->name, option) == 0)
			vec_push(&command->given, ((struct command_given){o, value}));
	}
}

/* To the server of the dialog. */
static void give_server(struct command_call *command, const struct edit_dialog *dialog,
                        const struct session *s)
{
	*command = (struct command_call){.program = "scitq-run", .typed = "", .command = &beside};
	give(command, "server", dialog->team->server);
	give(command, "ca", dialog->team->ca);
	if (s->private_server)
		give(command, "state", s->local.state);
}

/* Standard output is the run's. */
static void print_patch(struct str *patch)
{
	(void)fd_write_all(STDERR_FILENO, patch->p, patch->len);
	str_release(patch);
}

static void keep(struct edit_dialog *dialog, const struct edit *e)
{
	struct str patch = STR_INIT;

	program_patch(&e->program, &patch);
	print_patch(&patch);
	drafts_keep(&dialog->drafts, &e->program);
	memcpy(dialog->digest, e->program.digest, sizeof(dialog->digest));
	dialog->apart |= e->apart;
}

static bool edit_one(void *context, struct debug *d, struct session *s, const json_t *task)
{
	struct edit_dialog *dialog = context;
	struct command_call command;
	struct edit e;
	bool ok;

	give_server(&command, dialog, s);
	edit_init(&e);
	e.debug = d;
	e.drafts = &dialog->drafts;
	ok = call_open(&e.call, &command) && edit_choose_like(&e, task) && edit_read(&e) &&
	     edit_change(&e) && edit_tasks(&e);
	if (ok)
		edit_tell(&e);
	else
		edit_keep(&e);
	if (ok && e.with_program)
		keep(dialog, &e);
	call_close(&e.call);
	edit_release(&e);
	vec_release(&command.given);
	return ok;
}

static bool write_text(void *context, const json_t *task, struct str *out)
{
	struct str error = STR_INIT;
	struct written w;
	struct arena arena;
	bool ok;

	(void)context;
	arena_init(&arena);
	ok = written_read(member_text(task, "command"), member_string(task, "script"), &arena, &w,
	                  &error) &&
	     w.shell != NULL;
	if (ok)
		written_script(&w, NULL, out);
	arena_release(&arena);
	str_release(&error);
	return ok;
}

/* "write it into a.scitq and b.scitq? [y/N] " */
static bool wants_written(const struct edit_dialog *dialog, struct debug *d)
{
	struct str question = STR_INIT;
	bool yes;

	str_adds(&question, "write it into ");
	for (size_t i = 0; i < dialog->drafts.list.n; i++)
		str_addf(&question, "%s%s", i > 0 ? " and " : "",
		         strrchr(dialog->drafts.list.v[i].path, '/') + 1);
	str_adds(&question, "? [y/N] ");
	yes = debug_confirm(d, question.p, false);
	str_release(&question);
	return yes;
}

/* All of them; what cannot be written was told. */
static bool write_all(const struct edit_dialog *dialog, const struct session *s)
{
	struct command_call command;
	struct call c = {.command = &command};
	bool ok = true;

	give_server(&command, dialog, s);
	for (size_t i = 0; i < dialog->drafts.list.n; i++) {
		const struct draft *draft = &dialog->drafts.list.v[i];

		if (draft_write(draft, &c))
			program_tell_written(draft->path, strcmp(draft->path, dialog->path) != 0);
		else
			ok = false;
	}
	vec_release(&command.given);
	return ok;
}

/* The run is that of the files, where they are what its tasks are. */
static bool name_plan(const struct edit_dialog *dialog, struct session *s, int64_t run_id,
                      bool *another)
{
	*another = dialog->apart;
	if (!dialog->apart)
		return session_set_run(s, run_id, json_pack("{s:s}", "digest", dialog->digest));
	fputs("some tasks are done with the text as it was: with the file as it is now they run "
	      "anew\n",
	      stderr);
	return true;
}

static bool leave(void *context, struct debug *d, struct session *s, int64_t run_id, bool *another)
{
	struct edit_dialog *dialog = context;
	struct str patch = STR_INIT;
	bool ok = true;

	if (dialog->drafts.list.n == 0)
		return true;
	drafts_patch(&dialog->drafts, dialog->path, &patch);
	print_patch(&patch);
	if (wants_written(dialog, d))
		ok = !write_all(dialog, s) || name_plan(dialog, s, run_id, another);
	else
		for (size_t i = 0; i < dialog->drafts.list.n; i++)
			fprintf(stderr, "%s is as it was\n", dialog->drafts.list.v[i].path);
	drafts_release(&dialog->drafts);
	return ok;
}

struct edit_dialog *edit_dialog_new(const struct server_access *team, const char *path)
{
	struct edit_dialog *dialog = xcalloc(1, sizeof(*dialog));

	dialog->team = team;
	dialog->path = path;
	return dialog;
}

void edit_dialog_free(struct edit_dialog *dialog)
{
	drafts_release(&dialog->drafts);
	free(dialog);
}

struct debug_editor edit_dialog_editor(struct edit_dialog *dialog)
{
	return (struct debug_editor){
	        .context = dialog, .edit = edit_one, .written = write_text, .leave = leave};
}
