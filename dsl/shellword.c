/*
 * Words of shell text: quotes, expansions, arithmetic, heredoc texts. Each function reads
 * from s->pos on and leaves it behind what it read; none goes beyond s->end.
 * Source: POSIX.1-2017, Shell Command Language, 2.2 to 2.7; bash 5.2's manual.
 */
#include "dsl/shellscan.h"

#include <ctype.h>
#include <string.h>

static void scan_dollar(struct scan *s, bool in_quotes);

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

size_t shell_name(const struct scan *s, size_t pos)
{
	size_t n = 0;

	if (!name_start(shell_at(s, pos)))
		return 0;
	while (name_byte(shell_at(s, pos + n)))
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

static struct shell_ref *add_ref(struct scan *s, enum shell_ref_kind kind, size_t start, size_t len,
                                 size_t whole)
{
	struct shell_ref ref = {
	        .kind = kind,
	        .offset = start,
	        .length = len,
	        .whole = whole,
	        .whole_length = start + len - whole,
	};

	if (!shell_lower(s->text + start, len))
		return NULL;
	ref.name = arena_strndup(s->arena, s->text + start, len);
	vec_push(&s->refs, ref);
	return &s->refs.v[s->refs.n - 1];
}

void shell_add_set(struct scan *s, enum shell_set_kind kind, size_t start, size_t len)
{
	struct shell_set set = {.kind = kind, .offset = start, .length = len};

	if (len == 0 || !shell_lower(s->text + start, len))
		return;
	set.name = arena_strndup(s->arena, s->text + start, len);
	vec_push(&s->sets, set);
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

/* ---- paths below $INPUT and the like ---- */

static const char *const roots[SHELL_ROOTS][2] = {
        [SHELL_INPUT] = {"INPUT", "/input/"},
        [SHELL_OUTPUT] = {"OUTPUT", "/output/"},
        [SHELL_RESOURCE] = {"RESOURCE", "/resource/"},
        [SHELL_TEMP] = {"TEMP", "/temp/"},
};

static void path_begin(struct scan *s, enum shell_path_root root, size_t offset, bool absolute)
{
	s->path.on = true;
	s->path.path = (struct shell_path){.root = root, .absolute = absolute, .offset = offset};
	s->path.text = s->path_text.n;
}

static void path_end(struct scan *s, size_t end, bool exact)
{
	struct path_state *p = &s->path;
	const char *text;
	size_t len = s->path_text.n - p->text;

	if (!p->on)
		return;
	p->on = false;
	text = len > 0 ? s->path_text.v + p->text : "";
	/* Of "$INPUT" alone, or of "$INPUT.x", nothing is known. */
	if (!p->path.absolute && (len == 0 || text[0] != '/'))
		len = 0;
	else if (!p->path.absolute)
		text++, len--;
	if (len > 0) {
		p->path.text = arena_strndup(s->arena, text, len);
		p->path.length = end - p->path.offset;
		p->path.exact = exact;
		vec_push(&s->paths, p->path);
	}
	s->path_text.n = p->text;
}

static void path_add(struct scan *s, const char *text, size_t n)
{
	for (size_t i = 0; s->path.on && i < n; i++)
		vec_push(&s->path_text, text[i]);
}

/* A literal character of a word, at pos. */
static void path_char(struct scan *s, char c, size_t pos, bool quoted)
{
	if (!s->path.on)
		return;
	if (strchr(quoted ? " \t\n:,;|<>()'\"`" : "*?[{:,", c) != NULL && c != '\0')
		path_end(s, pos, false);
	else
		path_add(s, &c, 1);
}

/* $INPUT at offset was read. */
static void path_root(struct scan *s, size_t name, size_t len, size_t offset)
{
	for (size_t i = 0; i < SHELL_ROOTS; i++) {
		if (strlen(roots[i][0]) == len && memcmp(s->text + name, roots[i][0], len) == 0) {
			path_begin(s, (enum shell_path_root)i, offset, false);
			return;
		}
	}
}

/* Whether /input/ or another folder of a container stands here; then the path begins. */
static bool path_absolute(struct scan *s)
{
	for (size_t i = 0; i < SHELL_ROOTS; i++) {
		size_t n = strlen(roots[i][1]);

		if (s->end - s->pos >= n && memcmp(s->text + s->pos, roots[i][1], n) == 0) {
			path_begin(s, (enum shell_path_root)i, s->pos, true);
			s->pos += n;
			return true;
		}
	}
	return false;
}

/* An expansion of a name: part of a path where nothing is done to the value. */
static void path_expansion(struct scan *s, size_t name, size_t len, bool plain, size_t offset)
{
	if (s->path.on && plain && shell_lower(s->text + name, len)) {
		path_add(s, "${", 2);
		path_add(s, s->text + name, len);
		path_add(s, "}", 1);
		return;
	}
	path_end(s, offset, false);
	if (plain)
		path_root(s, name, len, offset);
}

/* ---- quotes ---- */

/* '...': names in it are left alone by the shell, which is worth a note. */
static void scan_single(struct scan *s)
{
	s->pos++;
	while (s->pos < s->end && shell_here(s) != '\'') {
		size_t at = s->pos, brace, len;

		path_char(s, s->text[at], at, true);
		s->pos++;
		if (s->text[at] != '$')
			continue;
		brace = shell_at(s, at + 1) == '{';
		len = shell_name(s, at + 1 + brace);
		if (len > 0 && (!brace || shell_at(s, at + 2 + len) == '}'))
			add_ref(s, SHELL_QUOTED, at + 1 + brace, len, at);
	}
	s->pos++;
}

/* $'...' with its escapes, at the quote. */
static void scan_ansi(struct scan *s)
{
	s->pos++;
	while (s->pos < s->end && shell_here(s) != '\'')
		s->pos += shell_here(s) == '\\' ? 2 : 1;
	s->pos++;
}

/* `...`: the text up to the matching backtick is commands. */
static void scan_backticks(struct scan *s)
{
	size_t start = ++s->pos, end = s->end, close = start;

	path_end(s, start - 1, false);
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
	s->pos = close + 1;
}

/* What may stand in double quotes and in heredocs: one character or expansion. */
static void scan_soft(struct scan *s)
{
	char c = shell_here(s);

	if (c == '\\') {
		char next = shell_at(s, s->pos + 1);

		if (next != '\0' && strchr("$`\"\\\n", next) != NULL) {
			path_char(s, next, s->pos, true);
			s->pos += 2;
			return;
		}
		path_char(s, c, s->pos, true);
		s->pos++;
	} else if (c == '$') {
		scan_dollar(s, true);
	} else if (c == '`') {
		scan_backticks(s);
	} else {
		path_char(s, c, s->pos, true);
		s->pos++;
	}
}

static void scan_double(struct scan *s)
{
	s->pos++;
	while (s->pos < s->end && shell_here(s) != '"') {
		if (shell_here(s) == '/' && !s->path.on && s->text[s->pos - 1] == '"' &&
		    path_absolute(s))
			continue;
		scan_soft(s);
	}
	s->pos++;
}

/* ---- arithmetic ---- */

bool shell_is_arithmetic(const struct scan *s, size_t pos)
{
	unsigned open = 0;

	for (; pos < s->end; pos++) {
		char c = s->text[pos];

		if (c == '\\')
			pos++;
		else if (c == '(')
			open++;
		else if (c == ')' && --open == 1)
			return shell_at(s, pos + 1) == ')';
		else if (open == 0)
			return false;
	}
	return false;
}

static bool assigns(const struct scan *s, size_t pos, bool *reads)
{
	char a, b;

	while (shell_at(s, pos) == ' ' || shell_at(s, pos) == '\t')
		pos++;
	a = shell_at(s, pos);
	b = shell_at(s, pos + 1);
	*reads = a != '=';
	if (a == '=')
		return b != '=';
	if ((a == '+' || a == '-') && b == a)
		return true;
	if ((a == '<' || a == '>') && b == a)
		return shell_at(s, pos + 2) == '=';
	return a != '\0' && strchr("+-*/%&|^", a) != NULL && b == '=';
}

static void arithmetic_name(struct scan *s, size_t len)
{
	size_t start = s->pos, after;
	bool reads = true, sets;

	s->pos += len;
	after = s->pos;
	if (shell_at(s, after) == '[') {
		while (after < s->end && s->text[after] != ']')
			after++;
		after++;
	}
	sets = assigns(s, after, &reads);
	if (!sets && start >= 2 && s->text[start - 1] == s->text[start - 2] &&
	    (s->text[start - 1] == '+' || s->text[start - 1] == '-'))
		sets = true;
	if (!sets || reads)
		add_ref(s, SHELL_ARITHMETIC, start, len, start);
	if (sets)
		shell_add_set(s, SHELL_ASSIGN, start, len);
}

/* One item of arithmetic: a number, a name, an expansion, a sign. */
static void arithmetic_item(struct scan *s)
{
	char c = shell_here(s);
	size_t len = shell_name(s, s->pos);

	if (len > 0) {
		arithmetic_name(s, len);
	} else if (isdigit((unsigned char)c)) {
		/* 0x1f and 16#ff hold no names. */
		while (name_byte(shell_here(s)) || shell_here(s) == '#' || shell_here(s) == '@')
			s->pos++;
	} else if (c == '$') {
		scan_dollar(s, true);
	} else if (c == '`') {
		scan_backticks(s);
	} else if (c == '\'') {
		scan_single(s);
	} else {
		s->pos += c == '\\' ? 2 : 1;
	}
}

void shell_arithmetic(struct scan *s, const char *closing)
{
	size_t n = strlen(closing);
	unsigned open = 0;

	while (s->pos < s->end) {
		char c = shell_here(s);

		if (open == 0 && c == closing[0] && s->end - s->pos >= n &&
		    memcmp(s->text + s->pos, closing, n) == 0) {
			s->pos += n;
			return;
		}
		if (c == '(' || c == '[')
			open++;
		else if ((c == ')' || c == ']') && open > 0)
			open--;
		arithmetic_item(s);
	}
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
			scan_dollar(s, true);
		else if (c == '"')
			scan_double(s);
		else if (c == '\'')
			scan_single(s);
		else if (map)
			s->pos++;
		else
			arithmetic_item(s);
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
			scan_single(s);
		else if (c == '"')
			scan_double(s);
		else if (c == '\\')
			s->pos += 2;
		else if (c == '$')
			scan_dollar(s, true);
		else if (c == '`')
			scan_backticks(s);
		else
			s->pos++;
	}
}

/* ${x:offset:length} */
static void brace_slice(struct scan *s)
{
	while (s->pos < s->end && shell_here(s) != '}')
		arithmetic_item(s);
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
		ref = add_ref(s, kind, name, len, dollar);
	if (ref != NULL && kind == SHELL_FIELD)
		ref->field =
		        arena_strndup(s->arena, s->text + s->pos + 1, shell_name(s, s->pos + 1));
	if (set)
		shell_add_set(s, SHELL_ASSIGN, name, len);
	path_expansion(s, name, len, kind == SHELL_PLAIN, dollar);
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

static void scan_dollar(struct scan *s, bool in_quotes)
{
	size_t dollar = s->pos, len;
	char next = shell_at(s, dollar + 1);

	if (!shell_enter(s))
		return;
	len = shell_name(s, dollar + 1);
	if (len > 0) {
		add_ref(s, SHELL_PLAIN, dollar + 1, len, dollar);
		path_expansion(s, dollar + 1, len, true, dollar);
		s->pos = dollar + 1 + len;
	} else if (next == '{') {
		scan_braces(s, in_quotes);
	} else {
		path_end(s, dollar, false);
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
			scan_dollar(s, false);
		else if (c == '"')
			scan_double(s);
		else if (c == '\'')
			scan_single(s);
		else
			s->pos += c == '\\' ? 2 : 1;
	} while (open > 0 && s->pos < s->end);
}

/* One character of a word, or one quoted or expanding part. False: no literal any more. */
static bool scan_part(struct scan *s, struct word_info *w)
{
	size_t at = s->pos;
	char c = shell_here(s), next = shell_at(s, at + 1);

	if (c == '\\') {
		w->quoted = true;
		s->pos += 2;
		if (next == '\n')
			return true;
		if (next != '\0')
			vec_push(&s->literal, next);
		path_char(s, next, at, true);
		return true;
	}
	if (c == '\'') {
		w->quoted = true;
		scan_single(s);
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
		scan_dollar(s, false);
		return false;
	}
	if (c == '`') {
		scan_backticks(s);
		return false;
	}
	if (next == '(' && strchr("@!?*+", c) != NULL) {
		path_end(s, at, false);
		s->pos++;
		scan_extglob(s);
		return false;
	}
	vec_push(&s->literal, c);
	path_char(s, c, at, false);
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

		if (shell_here(s) == '/' && start && path_absolute(s))
			plain = false;
		else
			plain = scan_part(s, &w) && plain;
	}
	if (w.name > 0 && s->pos == value && shell_here(s) == '(')
		shell_array(s);
	if (s->pos > s->end)
		s->pos = s->end;
	path_end(s, s->pos, true);
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
		path_end(s, s->end, false);
		s->path = outer;
	}
	s->end = end;
	s->pos = next;
}

void shell_heredocs(struct scan *s)
{
	for (size_t i = 0; i < s->heredocs.n; i++) {
		struct heredoc h = s->heredocs.v[i];

		read_heredoc(s, &h);
	}
	s->heredocs.n = 0;
}
