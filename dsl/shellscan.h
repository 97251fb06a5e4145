/*
 * The state of one scan of shell text; private to dsl/. shellword.c reads words and
 * what expands in them, shelltext.c the commands that they make.
 */
#ifndef DSL_SHELLSCAN_H
#define DSL_SHELLSCAN_H

#include "base/vec.h"
#include "dsl/shelltext.h"

#include <stdint.h>

/* Expansions and subshells nest at most so deep; what follows deeper ones is not read. */
#define SHELL_DEPTH 100

struct heredoc {
	const char *delimiter;
	bool quoted, tabs;
};

struct heredoc_list {
	struct heredoc *v;
	size_t n, cap;
};

/* A word of a command. */
struct word_info {
	size_t start, end;
	const char *literal; /* without quotes; NULL where something expands in it */
	bool quoted;         /* some of it was */
	size_t name;         /* name=...: length of the name; 0: no assignment */
};

/* A path below a root that is being read. */
struct path_state {
	bool on;
	struct shell_path path;
	size_t text; /* where its text begins in scan.path_text */
};

struct scan {
	struct arena *arena;
	const char *text;
	size_t pos, end;
	unsigned depth;
	VEC(struct shell_ref) refs;
	VEC(struct shell_set) sets;
	VEC(struct shell_path) paths;
	VEC(size_t) pipes;
	struct heredoc_list heredocs; /* whose text begins after this line */
	VEC(const char *) maps;       /* names of associative arrays */
	VEC(char) path_text;
	VEC(char) literal;
	struct path_state path;
	bool sources;
	size_t sources_offset, sources_length;
	size_t length; /* of the whole text: `end` may be that of a part */
	bool open_quote;
	size_t quote_offset;
	bool has_arguments; /* a function, or `set`: $1 may have a value */
	size_t argument_offset, argument_length;
};

/* A character of the text, 0 past the end of what is scanned. */
static inline char shell_at(const struct scan *s, size_t pos)
{
	return pos < s->end ? s->text[pos] : '\0';
}

static inline char shell_here(const struct scan *s)
{
	return shell_at(s, s->pos);
}

/* Length of the shell name at pos, 0 where there is none. */
size_t shell_name(const struct scan *s, size_t pos);
/* A name that can be the language's: its first letter is lower-case. */
bool shell_lower(const char *name, size_t len);
bool shell_name_byte(char c);
/* Record that text[start..start+len) is read; NULL where it is neither a lower-case
   name nor a slip of $INPUT, $OUTPUT or $RESOURCE. */
struct shell_ref *shell_add_ref(struct scan *s, enum shell_ref_kind kind, size_t start, size_t len,
                                size_t whole);
/* Record that the text sets text[start..start+len), where that is such a name. */
void shell_add_set(struct scan *s, enum shell_set_kind kind, size_t start, size_t len);

/* Forward, but not beyond the end. */
void shell_skip(struct scan *s, size_t n);
/* One level deeper; false, with nothing left to read, where that is too deep. */
bool shell_enter(struct scan *s);

/* Read $..., `...` or '...', s->pos at its first character. */
void shell_dollar(struct scan *s, bool in_quotes);
void shell_backticks(struct scan *s);
void shell_single(struct scan *s);
/* Read one number, name, expansion or sign of arithmetic. */
void shell_arithmetic_item(struct scan *s);

/* A literal character of the word that is read stands at pos. */
void shell_path_char(struct scan *s, char c, size_t pos, bool quoted);
/* An expansion of a name; plain: its value as it is. */
void shell_path_expansion(struct scan *s, size_t name, size_t len, bool plain, size_t offset);
/* Whether /input/ or the like stands at s->pos; it is read, and a path begins. */
bool shell_path_absolute(struct scan *s);
/* The path ends before `end`, if there is one; exact: with the word. */
void shell_path_end(struct scan *s, size_t end, bool exact);

/* Read the word at s->pos, at least one character. */
struct word_info shell_word(struct scan *s);
/* Read ( a b c ) of an array assignment, s->pos at the parenthesis. */
void shell_array(struct scan *s);
/* Whether (( at pos is arithmetic: its parentheses close together. */
bool shell_is_arithmetic(const struct scan *s, size_t pos);
/* Read arithmetic up to and with the closing parentheses, s->pos behind the opening ones. */
void shell_arithmetic(struct scan *s, const char *closing);
/* A line ended: read the texts of the heredocs that it named. s->pos behind the LF. */
void shell_heredocs(struct scan *s);

/* Commands up to the closing parenthesis, which is read, or to the end. */
void shell_commands(struct scan *s);

#endif
