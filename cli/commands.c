/*
 * Every command of `scitq`.
 *
 * To add one: a row here, its function in the file of its noun and in that file's header. Options
 * that several commands share are groups of their own. A noun has a row in command_nouns;
 * help lists commands below it in the order of the rows.
 */
#include "cli/command.h"
#include "cli/fetch.h"

#define END                                                                                        \
	{                                                                                          \
		0, NULL, NULL, NULL                                                                \
	}

static const struct command_option layout[] = {
        {'L', "long", NULL, "also size and date"},
        END,
};

static const struct command_option details[] = {
        {0, "md5", NULL, "also the MD5, where the storage has it"},
        {0, "json", NULL, "one JSON object per line"},
        END,
};

static const struct command_option depth[] = {
        {0, "not-recursive", NULL, "leave out what sub-folders hold"},
        END,
};

static const struct command_option selection[] = {
        {0, "include", "PATTERN", "only files so named, or at such a path below; may be repeated"},
        END,
};

static const struct command_option mirror[] = {
        {0, "delete", NULL, "delete what DESTINATION has and SOURCE has not"},
        END,
};

const struct command commands[] = {
        {"fetch list",
         "URI",
         1,
         1,
         "the files below a folder, those of a glob, or one, as URIs",
         fetch_list,
         {depth, layout, details}},
        {"fetch nlist",
         "URI",
         1,
         1,
         "the same without what sub-folders hold, folders named",
         fetch_nlist,
         {layout, details}},
        {"fetch nrlist",
         "URI",
         1,
         1,
         "the same again, by names relative to the folder",
         fetch_nrlist,
         {layout, details}},
        {"fetch info", "URI", 1, 1, "what is known of one file", fetch_info, {details}},
        {"fetch copy",
         "SOURCE [DESTINATION]",
         1,
         2,
         "copy a file, a glob or a folder's content, also between storages (to here)",
         fetch_copy,
         {NULL}},
        {"fetch sync",
         "SOURCE DESTINATION",
         2,
         2,
         "bring a folder up to date with another: what is new or changed",
         fetch_sync,
         {selection, mirror}},
        {"fetch delete",
         "URI",
         1,
         1,
         "delete a file, the matches of a glob, or all of a folder",
         fetch_delete,
         {selection}},
        {NULL, NULL, 0, 0, NULL, NULL, {NULL}},
};

const struct command_noun command_nouns[] = {
        {"fetch", "files and folders, on this machine and on every storage:"},
        {NULL, NULL},
};

const struct command_alias command_aliases[] = {
        {"scitq-fetch", "fetch"},
        {NULL, NULL},
};
