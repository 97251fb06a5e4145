/*
 * A task that deletes what another one wrote: its command is this word, the identity of the other
 * task, which whoever submits puts in, and the URI of the folder. Workers carry it out themselves.
 */
#ifndef MODEL_REMOVAL_H
#define MODEL_REMOVAL_H

#define REMOVAL_COMMAND "scitq-remove"

#endif
