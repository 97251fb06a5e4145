/*
 * What a plan may cost: of each step how many workers its recruiters make at most, on which
 * machines as they are offered now, what those cost in an hour, and what the tasks cost altogether.
 *
 * A price is of an hour, in whatever the provider counts. Nothing is guessed: a number that is not
 * known is NaN here, `-` in the text, null in JSON, and a note says what is missing.
 */
#ifndef CLI_PRICE_H
#define CLI_PRICE_H

#include "base/str.h"
#include "cli/forecast.h"

/* Does some recruiter have machines made? Else there is nothing to price. */
bool price_applies(const struct submission *s);

/* Append it for people; `where`: the file or server that the offers are of, NULL: nobody's. */
void price_text(const struct submission *s, const struct forecast *f, const char *where,
                struct str *out);
/* The same as lines of JSON, one for each step and one for all; docs/json.md. */
void price_json(const struct submission *s, const struct forecast *f, const char *where,
                struct str *out);

#endif
