/*
 * Words of shell text: quotes, expansions, arithmetic, heredoc texts. Each function reads
 * from s->pos on and leaves it behind what it read; none goes beyond s->end.
 * Source: POSIX.1-2017, Shell Command Language, 2.2 to 2.7; bash 5.2's manual.
 */
#include "base/nearest.h"
#include "dsl/shellscan.h"

#include <ctype.h>
#include <string.h>

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

bool shell_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

size_t shell_name(const struct scan *s, size_t pos)
{
	size_t n = 0;

	if (!name_start(shell_at(s, pos)))
		return 0;
	while (shell_name_byte(shell_at(s, pos + n)))
		n++;
	return n;
}

bool shell_lower(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (isalpha((unsigned char)name[i]))
			return islower((unsigned char)name[i]);
	}
	return false;
}

/* $INPTU: one edit from a name that tasks have, long enough to be nothing else. */
static bool is_slip(const char *name, size_t len)
{
	static const char *const meant[] = {"INPUT", "OUTPUT", "RESOURCE"};
	char word[16] = "";

	if (len >= sizeof(word))
		return false;
	memcpy(word, name, len);
	for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++) {
		if (word_is_slip(word, meant[i]))
			return true;
	}
	return false;
}

/* Whether it is looked at: names of the language, and slips of those of a task. */
static bool is_told(const char *name, size_t len)
{
	return shell_lower(name, len) || is_slip(name, len);
}

struct shell_ref *shell_add_ref(struct scan *s, enum shell_ref_kind kind, size_t start, size_t len,
                                size_t whole)
{
	struct shell_ref ref = {
	        .kind = kind,
	        .offset = start,
	        .length = len,
	        .whole = whole,
	        .whole_length = start + len - whole,
	};

	if (!is_told(s->text + start, len))
		return NULL;
	ref.name = arena_strndup(s->arena, s->text + start, len);
	vec_push(&s->refs, ref);
	return &s->refs.v[s->refs.n - 1];
}

void shell_add_set(struct scan *s, enum shell_set_kind kind, size_t start, size_t len)
{
	struct shell_set set = {.kind = kind, .offset = start, .length = len};

	if (len == 0 || !is_told(s->text + start, len))
		return;
	set.name = arena_strndup(s->arena, s->text + start, len);
	vec_push(&s->sets, set);
}

void shell_skip(struct scan *s, size_t n)
{
	s->pos = s->end - s->pos > n ? s->pos + n : s->end;
}

bool shell_enter(struct scan *s)
{
	if (s->depth == SHELL_DEPTH) {
		s->pos = s->end;
		return false;
	}
	s->depth++;
	return true;
}

/* ---- quotes ---- */

/* Behind quotes that began at `open`: with nothing left to read, they were not closed. */
static void close_quote(struct scan *s, size_t open)
{
	if (s->pos >= s->length && !s->open_quote) {
		s->open_quote = true;
		s->quote_offset = open;
	}
	shell_skip(s, 1);
}

/* '...': names in it are left alone by the shell, which is worth a note. */
void shell_single(struct scan *s)
{
	size_t open = s->pos++;

	while (s->pos < s->end && shell_here(s) != '\'') {
		size_t at = s->pos, brace, len;

		shell_path_char(s, s->text[at], at, true);
		s->pos++;
		if (s->text[at] != '$')
			continue;
		brace = shell_at(s, at + 1) == '{';
		len = shell_name(s, at + 1 + brace);
		if (len > 0 && (!brace || shell_at(s, at + 2 + len) == '}'))
			shell_add_ref(s, SHELL_QUOTED, at + 1 + brace, len, at);
	}
	close_quote(s, open);
}

/* $'...' with its escapes, at the quote. */
static void scan_ansi(struct scan *s)
{
	size_t open = s->pos;

	shell_skip(s, 1);
	while (s->pos < s->end && shell_here(s) != '\'')
		shell_skip(s, shell_here(s) == '\\' ? 2 : 1);
	close_quote(s, open);
}

/* `...`: the text up to the matching backtick is commands. */
void shell_backticks(struct scan *s)
{
	size_t start = ++s->pos, end = s->end, close = start;

	shell_path_end(s, start - 1, false);
	while (close < end && s->text[close] != '`')
		close += s->text[close] == '\\' ? 2 : 1;
	if (close > end)
		close = end;
	s->end = close;
	if (shell_enter(s)) {
		shell_commands(s);
		s->depth--;
	}
	s->end = end;
	s->pos = close < end ? close + 1 : end;
}

/* What may stand in double quotes and in heredocs: one character or expansion. */
static void scan_soft(struct scan *s)
{
	char c = shell_here(s);

	if (c == '\\') {
		char next = shell_at(s, s->pos + 1);

		if (next != '\0' && strchr("$`\"\\\n", next) != NULL) {
			shell_path_char(s, next, s->pos, true);
			s->pos += 2;
			return;
		}
		shell_path_char(s, c, s->pos, true);
		s->pos++;
	} else if (c == '$') {
		shell_dollar(s, true);
	} else if (c == '`') {
		shell_backticks(s);
	} else {
		shell_path_char(s, c, s->pos, true);
		s->pos++;
	}
}

static void scan_double(struct scan *s)
{
	size_t open = s->pos++;

	while (s->pos < s->end && shell_here(s) != '"') {
		if (shell_here(s) == '/' && !s->path.on && s->text[s->pos - 1] == '"' &&
		    shell_path_absolute(s))
			continue;
		scan_soft(s);
	}
	close_quote(s, open);
}

/* ---- parameters ---- */

static bool is_map(const struct scan *s, size_t name, size_t len)
{
	for (size_t i = 0; i < s->maps.n; i++) {
		if (strlen(s->maps.v[i]) == len && memcmp(s->maps.v[i], s->text + name, len) == 0)
			return true;
	}
	return false;
}

/* [ ... ] after a name, at the bracket: a key of a map, else arithmetic. */
static void scan_subscript(struct scan *s, size_t name, size_t len)
{
	bool map = is_map(s, name, len);

	s->pos++;
	while (s->pos < s->end && shell_here(s) != ']' && shell_here(s) != '\n') {
		char c = shell_here(s);

		if (c == '$')
			shell_dollar(s, true);
		else if (c == '"')
			scan_double(s);
		else if (c == '\'')
			shell_single(s);
		else if (map)
			s->pos++;
		else
			shell_arithmetic_item(s);
	}
	if (shell_here(s) == ']')
		s->pos++;
}

/* The word after an operator, up to the closing brace. */
static void brace_word(struct scan *s, bool quotes)
{
	while (s->pos < s->end && shell_here(s) != '}') {
		char c = shell_here(s);

		if (c == '\'' && quotes)
			shell_single(s);
		else if (c == '"')
			scan_double(s);
		else if (c == '\\')
			shell_skip(s, 2);
		else if (c == '$')
			shell_dollar(s, true);
		else if (c == '`')
			shell_backticks(s);
		else
			s->pos++;
	}
}

/* ${x:offset:length} */
static void brace_slice(struct scan *s)
{
	while (s->pos < s->end && shell_here(s) != '}')
		shell_arithmetic_item(s);
}

/* What is done to a parameter. */
static enum shell_ref_kind operator_kind(const struct scan *s, bool *set, bool *slice)
{
	char c = shell_here(s), next = shell_at(s, s->pos + 1);
	char op = c == ':' ? next : c;

	*set = op == '=';
	*slice = false;
	if (op == '-' || op == '=' || op == '+')
		return SHELL_DEFAULT;
	*slice = c == ':' && op != '?';
	return c == '}' ? SHELL_PLAIN : SHELL_BRACED;
}

/* $1 or ${1} in [start, end), if it is that. */
static void add_argument(struct scan *s, size_t start, size_t end)
{
	char digit = shell_at(s, start + (shell_at(s, start + 1) == '{' ? 2 : 1));

	if (s->argument_length > 0 || digit < '1' || digit > '9')
		return;
	s->argument_offset = start;
	s->argument_length = end - start;
}

/* ${...}, at the dollar. */
static void scan_braces(struct scan *s, bool in_quotes)
{
	size_t dollar = s->pos, name, len, first = s->refs.n;
	enum shell_ref_kind kind;
	struct shell_ref *ref = NULL;
	bool length = false, indirect = false, set = false, slice = false, pattern;

	s->pos += 2;
	if (shell_here(s) == '#' && name_start(shell_at(s, s->pos + 1))) {
		length = true;
		s->pos++;
	} else if (shell_here(s) == '!' && name_start(shell_at(s, s->pos + 1))) {
		indirect = true;
		s->pos++;
	}
	name = s->pos;
	len = shell_name(s, name);
	if (len == 0 && s->pos < s->end && shell_here(s) != '}')
		s->pos++; /* ${@...}, ${1...} and the like */
	s->pos += len;
	kind = operator_kind(s, &set, &slice);
	if (len == 0 && kind == SHELL_PLAIN)
		add_argument(s, dollar, s->pos + 1);
	if (shell_here(s) == '.' && name_start(shell_at(s, s->pos + 1)) && len > 0)
		kind = SHELL_FIELD;
	if (length)
		kind = SHELL_LENGTH;
	else if (indirect)
		kind = SHELL_BRACED;
	/* ${!prefix*} names variables, it reads none of that name. */
	if (indirect && (shell_here(s) == '*' || shell_here(s) == '@') &&
	    shell_at(s, s->pos + 1) == '}')
		len = 0;
	if (len > 0)
		ref = shell_add_ref(s, kind, name, len, dollar);
	if (ref != NULL && kind == SHELL_FIELD)
		ref->field =
		        arena_strndup(s->arena, s->text + s->pos + 1, shell_name(s, s->pos + 1));
	if (set)
		shell_add_set(s, SHELL_ASSIGN, name, len);
	shell_path_expansion(s, name, len, kind == SHELL_PLAIN, dollar);
	if (shell_here(s) == '[' && len > 0) {
		bool inner, unused;

		scan_subscript(s, name, len);
		kind = operator_kind(s, &inner, &unused);
		if (kind == SHELL_DEFAULT && ref != NULL)
			s->refs.v[first].kind = kind;
		slice = unused;
	}
	pattern = shell_here(s) == '#' || shell_here(s) == '%' || shell_here(s) == '/';
	if (slice)
		brace_slice(s);
	else
		brace_word(s, pattern || !in_quotes);
	if (shell_here(s) == '}')
		s->pos++;
	if (ref != NULL)
		s->refs.v[first].whole_length = s->pos - dollar;
}

void shell_dollar(struct scan *s, bool in_quotes)
{
	size_t dollar = s->pos, len;
	char next = shell_at(s, dollar + 1);

	if (!shell_enter(s))
		return;
	len = shell_name(s, dollar + 1);
	if (len > 0) {
		shell_add_ref(s, SHELL_PLAIN, dollar + 1, len, dollar);
		shell_path_expansion(s, dollar + 1, len, true, dollar);
		s->pos = dollar + 1 + len;
	} else if (next == '{') {
		scan_braces(s, in_quotes);
	} else {
		shell_path_end(s, dollar, false);
		if (next == '(' && shell_at(s, dollar + 2) == '(' &&
		    shell_is_arithmetic(s, dollar + 1)) {
			s->pos += 3;
			shell_arithmetic(s, "))");
		} else if (next == '(') {
			s->pos += 2;
			shell_commands(s);
		} else if (next == '[') {
			s->pos += 2;
			shell_arithmetic(s, "]");
		} else if (next == '\'' && !in_quotes) {
			s->pos++;
			scan_ansi(s);
		} else {
			/* A special parameter, or a mere dollar. */
			add_argument(s, dollar, dollar + 2);
			s->pos += next != '\0' && strchr("@*#?-$!0123456789", next) != NULL ? 2 : 1;
		}
	}
	s->depth--;
}

/* ---- words ---- */

static bool ends_word(char c)
{
	return c == '\0' || strchr(" \t\r\n;&|<>()", c) != NULL;
}

/* name= or name+= or name[...]= at the start of a word: the length of the name. */
static size_t assignment(const struct scan *s, size_t pos, size_t *value)
{
	size_t len = shell_name(s, pos), after = pos + len;

	if (len == 0)
		return 0;
	if (shell_at(s, after) == '[') {
		while (after < s->end && s->text[after] != ']' && s->text[after] != '\n')
			after++;
		after++;
	}
	if (shell_at(s, after) == '+')
		after++;
	if (shell_at(s, after) != '=')
		return 0;
	*value = after + 1;
	return len;
}

/* @(a|b) and the like: the bar is no pipe. At the parenthesis. */
static void scan_extglob(struct scan *s)
{
	unsigned open = 0;

	do {
		char c = shell_here(s);

		open += c == '(';
		open -= c == ')';
		if (c == '$')
			shell_dollar(s, false);
		else if (c == '"')
			scan_double(s);
		else if (c == '\'')
			shell_single(s);
		else
			shell_skip(s, c == '\\' ? 2 : 1);
	} while (open > 0 && s->pos < s->end);
}

/* One character of a word, or one quoted or expanding part. False: no literal any more. */
static bool scan_part(struct scan *s, struct word_info *w)
{
	size_t at = s->pos;
	char c = shell_here(s), next = shell_at(s, at + 1);

	if (c == '\\') {
		w->quoted = true;
		shell_skip(s, 2);
		if (next == '\n')
			return true;
		if (next != '\0')
			vec_push(&s->literal, next);
		shell_path_char(s, next, at, true);
		return true;
	}
	if (c == '\'') {
		w->quoted = true;
		shell_single(s);
		for (size_t i = at + 1; i + 1 < s->pos && i < s->end; i++)
			vec_push(&s->literal, s->text[i]);
		return true;
	}
	if (c == '"') {
		size_t refs = s->refs.n;
		bool plain;

		w->quoted = true;
		scan_double(s);
		plain = memchr(s->text + at, '$', (s->pos < s->end ? s->pos : s->end) - at) == NULL;
		for (size_t i = at + 1; i + 1 < s->pos && i < s->end; i++)
			vec_push(&s->literal, s->text[i]);
		return plain && refs == s->refs.n;
	}
	if (c == '$') {
		if (next == '"') {
			s->pos++;
			return true;
		}
		shell_dollar(s, false);
		return false;
	}
	if (c == '`') {
		shell_backticks(s);
		return false;
	}
	if (next == '(' && strchr("@!?*+", c) != NULL) {
		shell_path_end(s, at, false);
		s->pos++;
		scan_extglob(s);
		return false;
	}
	vec_push(&s->literal, c);
	shell_path_char(s, c, at, false);
	s->pos++;
	return true;
}

struct word_info shell_word(struct scan *s)
{
	struct word_info w = {.start = s->pos};
	size_t value = s->pos, literal = s->literal.n;
	struct path_state outer = s->path;
	bool plain = true;

	/* The word around a $( ) may be in the middle of a path. */
	s->path.on = false;
	w.name = assignment(s, s->pos, &value);
	if (w.name > 0) {
		size_t name = s->pos;

		s->pos += w.name;
		if (shell_here(s) == '[')
			scan_subscript(s, name, w.name);
		s->pos = value;
		plain = false;
	}
	while (s->pos < s->end && (!ends_word(shell_here(s)) || s->pos == w.start)) {
		bool start = s->pos == w.start || s->pos == value || s->text[s->pos - 1] == '=';

		if (shell_here(s) == '/' && start && shell_path_absolute(s))
			plain = false;
		else
			plain = scan_part(s, &w) && plain;
	}
	if (w.name > 0 && s->pos == value && shell_here(s) == '(')
		shell_array(s);
	shell_path_end(s, s->pos, true);
	w.end = s->pos;
	if (plain)
		w.literal =
		        arena_strndup(s->arena, s->literal.v != NULL ? s->literal.v + literal : "",
		                      s->literal.n - literal);
	s->literal.n = literal;
	s->path = outer;
	return w;
}

void shell_array(struct scan *s)
{
	if (!shell_enter(s))
		return;
	s->pos++;
	while (s->pos < s->end && shell_here(s) != ')') {
		char c = shell_here(s);

		if (c == '#' && isspace((unsigned char)s->text[s->pos - 1])) {
			while (s->pos < s->end && shell_here(s) != '\n')
				s->pos++;
		} else if (isspace((unsigned char)c) || strchr(";&|<>(", c) != NULL) {
			s->pos++;
		} else {
			shell_word(s);
		}
	}
	if (shell_here(s) == ')')
		s->pos++;
	s->depth--;
}

/* ---- heredocs ---- */

static void read_heredoc(struct scan *s, const struct heredoc *h)
{
	size_t start = s->pos, end = s->end, line = start, next = start;
	bool found = false;

	while (line < end && !found) {
		const char *lf = memchr(s->text + line, '\n', end - line);
		size_t stop = lf != NULL ? (size_t)(lf - s->text) : end, from = line;

		while (h->tabs && from < stop && s->text[from] == '\t')
			from++;
		found = stop - from == strlen(h->delimiter) &&
		        memcmp(s->text + from, h->delimiter, stop - from) == 0;
		next = lf != NULL ? stop + 1 : end;
		if (!found)
			line = next;
	}
	if (!h->quoted) {
		struct path_state outer = s->path;

		s->path.on = false;
		s->end = line;
		while (s->pos < s->end)
			scan_soft(s);
		shell_path_end(s, s->end, false);
		s->path = outer;
	}
	s->end = end;
	s->pos = next;
}

void shell_heredocs(struct scan *s)
{
	struct heredoc_list now = s->heredocs;

	/* A text may hold commands with heredocs of their own. */
	s->heredocs = (struct heredoc_list){0};
	for (size_t i = 0; i < now.n; i++)
		read_heredoc(s, &now.v[i]);
	vec_release(&now);
}
