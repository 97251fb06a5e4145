/* scitq doctor: what is usually wrong, looked at. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/command.h"

int doctor(const struct command_call *call);

#endif
