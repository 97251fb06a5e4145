/*
 * What the server is told to do: the command line, then the environment, then the
 * configuration files (base/config.h). One table, settings.def, drives the reading,
 * --help and the documentation. server.c is its user.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "base/config.h"

#include <stdbool.h>
#include <stdint.h>

struct settings {
#define TEXT(member, ...) const char *member;
#define FLAG(member, ...) bool member;
#define NUMBER(member, ...) int64_t member;
#include "server/settings.def"
#undef TEXT
#undef FLAG
#undef NUMBER
	struct config config; /* the texts may be its */
};

/*
 * Read everything; prints help, the version, or what is wrong. -1: go on; else the exit
 * code. A private server looks at its command line alone: what a machine's administrator
 * says of the team's server is not meant for it. argv is borrowed.
 */
int settings_read(struct settings *settings, int argc, char **argv);
void settings_release(struct settings *settings);

#endif
