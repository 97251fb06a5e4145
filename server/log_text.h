/*
 * The bytes of a log as text for JSON. Every valid UTF-8 sequence is one
 * character; a NUL and every byte that belongs to none become U+FFFD, one
 * character each, so that a client that counts characters and asks for the rest
 * from there gets what follows, whatever the bytes are. Fed in pieces of any
 * size; the cuts do not matter.
 */
#ifndef SERVER_LOG_TEXT_H
#define SERVER_LOG_TEXT_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_text {
	struct str *out; /* borrowed */
	uint64_t skip;   /* characters still to be left out */
	unsigned char part[4];
	unsigned npart; /* start of a sequence whose end was not fed yet */
};

/* Append to out what follows the first `skip` characters. */
void log_text_init(struct log_text *t, struct str *out, uint64_t skip);
void log_text_add(struct log_text *t, const char *data, size_t len);
/* No more will ever come: a sequence that was cut short is invalid after all. Without this
   call it is held back. */
void log_text_end(struct log_text *t);

/* The start of the last n characters of a text that this module made. */
const char *log_text_tail(const char *text, size_t len, uint64_t n);

#endif
