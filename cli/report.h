/* scitq report: one HTML file that tells of a run, with nothing outside it. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/command.h"

int report(const struct command_call *call);

#endif
