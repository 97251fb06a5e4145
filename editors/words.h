/* The words of dsl/keywords.def as the generators of editor files print them. */
#ifndef EDITORS_WORDS_H
#define EDITORS_WORDS_H

#include "dsl/keywords.h"

/* Each word of the kind once, between two of them `separator`. */
void print_words(enum word_kind kind, const char *separator);
/* Each setting once, though blocks share it; those of a flavor are none: they stand before a relation. */
void print_settings(const char *separator);

#endif
