/* scitq why, retry, pause, resume, cancel: a run or a task that lives, understood and steered. */
#ifndef CLI_STEER_H
#define CLI_STEER_H

#include "cli/command.h"

int steer_why(const struct command_call *call);
int steer_retry(const struct command_call *call);
int steer_pause(const struct command_call *call);
int steer_resume(const struct command_call *call);
int steer_cancel(const struct command_call *call);

#endif
