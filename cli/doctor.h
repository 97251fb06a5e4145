/* scitq doctor: what hinders work on this machine, and what to do about it. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/command.h"

#include <stdbool.h>

int doctor(const struct command_call *call);
/* Its lines, of a command with the options of call.h; *hindered: one of them says BAD. An exit
 * code. */
int doctor_tell(const struct command_call *call, bool *hindered);

#endif
