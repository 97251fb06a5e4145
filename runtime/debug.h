/*
 * scitq-run --debug: a dialog about a run whose tasks wait for their user (`debug` of the run). One
 * is picked at a time and all that happens to it is told: who is recruited, who takes it, what is
 * staged, what it writes, how it ends. Then it is tried again, or another one is picked, or all of
 * them go on by themselves.
 *
 * Commands are lines of standard input, typed or not; the terminal is used as it is, so that a dumb
 * one will do. What is said goes where progress goes.
 */
#ifndef RUNTIME_DEBUG_H
#define RUNTIME_DEBUG_H

#include "runtime/follow.h"

/*
 * Until the run has ended, was left, or goes on by itself (`debug` of the follow is false then).
 * False with the session's error set.
 */
bool debug_run(struct follow *f);

#endif
