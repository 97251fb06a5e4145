/*
 * The commands of shell text: where one begins, which of its words set variables,
 * where a bar is a pipe. See shelltext.h for what comes out, shellscan.h for the state.
 */
#include "dsl/shellscan.h"

#include <ctype.h>
#include <string.h>

/* Why commands ended. */
enum stop { STOP_END, STOP_PAREN, STOP_CASE_ITEM, STOP_ESAC };

static enum stop read_commands(struct scan *s, bool in_case);

/* The words of the command that is being read. */
struct command {
	VEC(struct word_info) words;
	bool function; /* the last word was `function` */
};

static bool is_word(const struct word_info *w, const char *text)
{
	return w->literal != NULL && !w->quoted && strcmp(w->literal, text) == 0;
}

static bool one_of(const struct word_info *w, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_word(w, list[i]))
			return true;
	}
	return false;
}

#define ONE_OF(w, list) one_of((w), (list), sizeof(list) / sizeof((list)[0]))

/* ---- what a command sets ---- */

/* The word's text as it stands, where it is a name. */
static void set_word(struct scan *s, enum shell_set_kind kind, const struct word_info *w)
{
	size_t len = w->name > 0 ? w->name : shell_name(s, w->start);

	if (len > 0 && (w->name > 0 || w->start + len == w->end))
		shell_add_set(s, kind, w->start, len);
}

static bool is_option(const struct word_info *w)
{
	return w->literal != NULL && (w->literal[0] == '-' || w->literal[0] == '+') &&
	       w->literal[1] != '\0';
}

/*
 * Step over the options of words[i...]; with_value are those that take one. The value of
 * `name` is a variable that is set. Returns the first word that is no option.
 */
static size_t skip_options(struct scan *s, const struct command *c, size_t i,
                           const char *with_value, char name)
{
	for (; i < c->words.n && is_option(&c->words.v[i]); i++) {
		const char *o = c->words.v[i].literal + 1;

		if (strcmp(o, "-") == 0)
			return i + 1;
		while (*o != '\0' && strchr(with_value, *o) == NULL)
			o++;
		if (*o == '\0')
			continue;
		/* The value is the rest of the word, or the next one. */
		if (o[1] == '\0' && i + 1 < c->words.n) {
			i++;
			if (*o == name)
				set_word(s, SHELL_READ, &c->words.v[i]);
		}
	}
	return i;
}

static void declare(struct scan *s, const struct command *c, size_t first)
{
	for (size_t i = first; i < c->words.n; i++) {
		if (!is_option(&c->words.v[i]))
			set_word(s, SHELL_DECLARE, &c->words.v[i]);
	}
}

/* set -- A, set A, or set +u, under which what has no value is no failure. */
static void set_arguments(struct scan *s, const struct command *c, size_t first)
{
	for (size_t i = first; i < c->words.n; i++) {
		const struct word_info *w = &c->words.v[i];
		bool lax = w->literal != NULL && w->literal[0] == '+' && strchr(w->literal, 'u');

		if (!is_option(w) || is_word(w, "--") || lax)
			s->has_arguments = true;
	}
}

/* What the builtin words[i] does with variables. */
static void run_builtin(struct scan *s, const struct command *c, size_t i)
{
	static const char *const declaring[] = {"local", "export", "declare", "typeset",
	                                        "readonly"};
	static const char *const loops[] = {"for", "select"};
	static const char *const maps[] = {"mapfile", "readarray"};
	static const char *const hidden[] = {"source", ".", "eval"};
	const struct word_info *w = &c->words.v[i];

	if (ONE_OF(w, declaring)) {
		declare(s, c, i + 1);
	} else if (ONE_OF(w, loops)) {
		if (i + 1 < c->words.n)
			set_word(s, SHELL_LOOP, &c->words.v[i + 1]);
	} else if (is_word(w, "read")) {
		for (i = skip_options(s, c, i + 1, "adinNptu", 'a'); i < c->words.n; i++)
			set_word(s, SHELL_READ, &c->words.v[i]);
	} else if (is_word(w, "getopts")) {
		if (i + 2 < c->words.n)
			set_word(s, SHELL_READ, &c->words.v[i + 2]);
	} else if (is_word(w, "printf")) {
		skip_options(s, c, i + 1, "v", 'v');
	} else if (is_word(w, "wait")) {
		skip_options(s, c, i + 1, "p", 'p');
	} else if (ONE_OF(w, maps)) {
		i = skip_options(s, c, i + 1, "dnOsuCc", '\0');
		if (i < c->words.n)
			set_word(s, SHELL_READ, &c->words.v[i]);
	} else if (is_word(w, "let")) {
		for (i++; i < c->words.n; i++)
			set_word(s, SHELL_ASSIGN, &c->words.v[i]);
	} else if (is_word(w, "set")) {
		set_arguments(s, c, i + 1);
	} else if (ONE_OF(w, hidden) && !s->sources) {
		s->sources = true;
		s->sources_offset = w->start;
		s->sources_length = w->end - w->start;
	}
}

static void end_command(struct scan *s, struct command *c)
{
	static const char *const prefixes[] = {"command", "builtin", "exec", "env",
	                                       "nohup",   "nice",    "time"};
	size_t i = 0;

	/* a=1 b=2 command ... */
	for (; i < c->words.n && c->words.v[i].name > 0; i++)
		set_word(s, SHELL_ASSIGN, &c->words.v[i]);
	while (i < c->words.n && ONE_OF(&c->words.v[i], prefixes)) {
		i++;
		while (i < c->words.n && (is_option(&c->words.v[i]) || c->words.v[i].name > 0))
			i++;
	}
	if (i < c->words.n)
		run_builtin(s, c, i);
	c->words.n = 0;
	c->function = false;
}

/* An associative array must be known before its subscripts are read. */
static void note_map(struct scan *s, const struct command *c, const struct word_info *w)
{
	static const char *const declaring[] = {"local", "declare", "typeset", "readonly"};
	size_t len = w->name > 0 ? w->name : shell_name(s, w->start);

	if (c->words.n < 2 || !ONE_OF(&c->words.v[0], declaring) || len == 0)
		return;
	for (size_t i = 1; i < c->words.n; i++) {
		const struct word_info *o = &c->words.v[i];

		if (is_option(o) && o->literal[0] == '-' && strchr(o->literal, 'A') != NULL) {
			vec_push(&s->maps, arena_strndup(s->arena, s->text + w->start, len));
			return;
		}
	}
}

/* ---- syntax ---- */

static void skip_comment(struct scan *s)
{
	while (s->pos < s->end && shell_here(s) != '\n')
		s->pos++;
}

/* Blanks, escaped newlines; with lines, also newlines and comments. */
static void skip_blanks(struct scan *s, bool lines)
{
	while (s->pos < s->end) {
		char c = shell_here(s);

		if (c == '\\' && shell_at(s, s->pos + 1) == '\n') {
			s->pos += 2;
		} else if (c == '\n' && lines) {
			s->pos++;
			shell_heredocs(s);
		} else if (c == '#' && lines) {
			skip_comment(s);
		} else if (c == ' ' || c == '\t' || c == '\r') {
			s->pos++;
		} else {
			break;
		}
	}
}

static bool word_here(const struct scan *s)
{
	char c = shell_here(s);

	return s->pos < s->end && strchr("\n;&|<>()", c) == NULL;
}

/* << or <<-, behind it: the text comes after this line. */
static void read_delimiter(struct scan *s, bool tabs)
{
	struct word_info w;
	struct heredoc h = {.tabs = tabs};

	skip_blanks(s, false);
	if (!word_here(s))
		return;
	w = shell_word(s);
	h.quoted = w.quoted;
	h.delimiter = w.literal != NULL
	                      ? w.literal
	                      : arena_strndup(s->arena, s->text + w.start, w.end - w.start);
	vec_push(&s->heredocs, h);
}

/* < > and what begins with them; its word is none of the command's. */
static void read_redirection(struct scan *s, struct command *c)
{
	char sign = shell_here(s), next = shell_at(s, s->pos + 1);

	/* {fd}> and 2> */
	if (c->words.n > 0 && c->words.v[c->words.n - 1].end == s->pos) {
		const struct word_info *w = &c->words.v[c->words.n - 1];
		size_t len = w->end - w->start;

		if (len > 2 && s->text[w->start] == '{' && s->text[w->end - 1] == '}' &&
		    shell_name(s, w->start + 1) == len - 2) {
			shell_add_set(s, SHELL_ASSIGN, w->start + 1, len - 2);
			c->words.n--;
		} else if (w->literal != NULL && strspn(w->literal, "0123456789") == len) {
			c->words.n--;
		}
	}
	if (sign == '<' && next == '<' && shell_at(s, s->pos + 2) != '<') {
		s->pos += 2;
		if (shell_here(s) == '-') {
			s->pos++;
			read_delimiter(s, true);
		} else {
			read_delimiter(s, false);
		}
		return;
	}
	if (next == '(') {
		s->pos += 2;
		shell_commands(s);
		return;
	}
	while (s->pos < s->end && strchr("<>&|", shell_here(s)) != NULL)
		s->pos++;
	skip_blanks(s, false);
	if (word_here(s))
		shell_word(s);
}

/* [[ ... ]], behind the opening. */
static void read_test(struct scan *s)
{
	while (s->pos < s->end) {
		struct word_info w;

		skip_blanks(s, true);
		if (s->pos >= s->end)
			return;
		w = shell_word(s);
		if (is_word(&w, "]]"))
			return;
	}
}

/* case WORD in ... esac, behind the keyword. */
static void read_case(struct scan *s)
{
	enum stop stop = STOP_CASE_ITEM;

	for (;;) {
		struct word_info w;

		skip_blanks(s, true);
		if (!word_here(s))
			return;
		w = shell_word(s);
		if (is_word(&w, "in"))
			break;
	}
	while (stop == STOP_CASE_ITEM) {
		skip_blanks(s, true);
		if (shell_here(s) == '(')
			s->pos++;
		for (;;) {
			struct word_info w;

			skip_blanks(s, true);
			if (s->pos >= s->end)
				return;
			if (shell_here(s) == ')') {
				s->pos++;
				break;
			}
			w = shell_word(s);
			if (is_word(&w, "esac"))
				return;
		}
		stop = read_commands(s, true);
	}
}

/* ( at the start of a command, or anywhere else that is none of ours. */
static void read_subshell(struct scan *s, struct command *c)
{
	if (shell_at(s, s->pos + 1) == '(' && shell_is_arithmetic(s, s->pos)) {
		s->pos += 2;
		shell_arithmetic(s, "))");
		return;
	}
	s->pos++;
	/* name() { */
	if (c->words.n == 1) {
		size_t at = s->pos;

		while (shell_at(s, at) == ' ' || shell_at(s, at) == '\t')
			at++;
		if (shell_at(s, at) == ')') {
			s->pos = at + 1;
			s->has_arguments = true;
			c->words.n = 0;
			return;
		}
	}
	shell_commands(s);
}

/* A word; true where it was `esac` that ends the commands of a case. */
static bool read_word(struct scan *s, struct command *c, bool in_case)
{
	static const char *const openers[] = {"if", "then", "else", "elif", "while", "until", "do",
	                                      "!",  "{",    "}",    "fi",   "done",  "coproc"};
	size_t at = s->pos, len = shell_name(s, at);
	struct word_info w = {.start = at, .end = at + len, .name = 0};

	/* The name may stand in brackets of its own: m[key]=1 after declare -A m. */
	if (len > 0)
		note_map(s, c, &w);
	w = shell_word(s);
	if (c->function) {
		c->function = false;
		s->has_arguments = true;
		return false;
	}
	if (c->words.n == 0) {
		if (in_case && is_word(&w, "esac"))
			return true;
		if (is_word(&w, "case")) {
			read_case(s);
			return false;
		}
		if (is_word(&w, "[[")) {
			read_test(s);
			return false;
		}
		if (is_word(&w, "function")) {
			c->function = true;
			return false;
		}
		if (ONE_OF(&w, openers))
			return false;
	}
	vec_push(&c->words, w);
	return false;
}

static enum stop read_commands(struct scan *s, bool in_case)
{
	struct command c = {.function = false};
	enum stop stop = STOP_END;

	if (!shell_enter(s))
		return STOP_END;
	while (stop == STOP_END && s->pos < s->end) {
		char sign, next;

		skip_blanks(s, false);
		sign = shell_here(s);
		next = shell_at(s, s->pos + 1);
		if (s->pos >= s->end)
			break;
		switch (sign) {
		case '#':
			skip_comment(s);
			break;
		case '\n':
			end_command(s, &c);
			s->pos++;
			shell_heredocs(s);
			break;
		case ';':
			end_command(s, &c);
			s->pos++;
			if (in_case && (next == ';' || next == '&')) {
				s->pos += next == ';' && shell_at(s, s->pos + 1) == '&' ? 2 : 1;
				stop = STOP_CASE_ITEM;
			}
			break;
		case '&':
			if (next == '>') {
				s->pos++;
				read_redirection(s, &c);
				break;
			}
			end_command(s, &c);
			s->pos += next == '&' ? 2 : 1;
			break;
		case '|':
			end_command(s, &c);
			if (next != '|')
				vec_push(&s->pipes, s->pos);
			s->pos += next == '|' || next == '&' ? 2 : 1;
			break;
		case '<':
		case '>':
			read_redirection(s, &c);
			break;
		case '(':
			read_subshell(s, &c);
			break;
		case ')':
			s->pos++;
			stop = STOP_PAREN;
			break;
		default:
			if (read_word(s, &c, in_case))
				stop = STOP_ESAC;
			break;
		}
	}
	end_command(s, &c);
	vec_release(&c.words);
	s->depth--;
	return stop;
}

void shell_commands(struct scan *s)
{
	read_commands(s, false);
}

/* ---- the scan ---- */

static int by_offset(const void *a, const void *b)
{
	const struct shell_ref *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void *keep(struct arena *arena, const void *v, size_t n, size_t size)
{
	void *kept = arena_array_size(arena, n, size);

	if (n > 0)
		memcpy(kept, v, n * size);
	return kept;
}

void shelltext_scan(struct arena *arena, const char *text, size_t len, struct shelltext *out)
{
	struct scan s = {.arena = arena, .text = text, .end = len, .length = len};

	/* A closing parenthesis too many ends the commands, not the text. */
	while (s.pos < s.end)
		shell_commands(&s);
	if (s.refs.n > 1)
		qsort(s.refs.v, s.refs.n, sizeof(*s.refs.v), by_offset);
	*out = (struct shelltext){
	        .refs = keep(arena, s.refs.v, s.refs.n, sizeof(*s.refs.v)),
	        .nrefs = s.refs.n,
	        .sets = keep(arena, s.sets.v, s.sets.n, sizeof(*s.sets.v)),
	        .nsets = s.sets.n,
	        .paths = keep(arena, s.paths.v, s.paths.n, sizeof(*s.paths.v)),
	        .npaths = s.paths.n,
	        .pipes = keep(arena, s.pipes.v, s.pipes.n, sizeof(*s.pipes.v)),
	        .npipes = s.pipes.n,
	        .sources = s.sources,
	        .sources_offset = s.sources_offset,
	        .sources_length = s.sources_length,
	        .open_quote = s.open_quote,
	        .quote_offset = s.quote_offset,
	        .argument_offset = s.argument_offset,
	        .argument_length = s.has_arguments || s.sources ? 0 : s.argument_length,
	};
	vec_release(&s.refs);
	vec_release(&s.sets);
	vec_release(&s.paths);
	vec_release(&s.pipes);
	vec_release(&s.heredocs);
	vec_release(&s.maps);
	vec_release(&s.path_text);
	vec_release(&s.literal);
}

const struct shell_set *shelltext_set(const struct shelltext *st, const char *name)
{
	const struct shell_set *first = NULL;

	for (size_t i = 0; i < st->nsets; i++) {
		if (strcmp(st->sets[i].name, name) == 0 &&
		    (first == NULL || st->sets[i].offset < first->offset))
			first = &st->sets[i];
	}
	return first;
}
