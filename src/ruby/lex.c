#include "ruby/lex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	NESTED_MAX = 16, /* "#{"#{...}"}" */
	HEREDOCS_MAX = 8 /* begun on one line */
};

struct heredoc {
	const char *end; /* its last word */
	size_t length;
	bool indented;
};

struct reader {
	const char *at, *end;
	int line, depth;
	bool after_value; /* what stands before was a value: / divides, { after it is a block, << shifts */
	bool failed;
	struct heredoc heredocs[HEREDOCS_MAX];
	size_t heredoc_count;
	struct lex *out;
	size_t allocated;
};

static int peek(const struct reader *r, size_t ahead)
{
	return ahead < (size_t)(r->end - r->at) ? (unsigned char)r->at[ahead] : -1;
}

static bool is_word_start(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_word(int c)
{
	return is_word_start(c) || (c >= '0' && c <= '9');
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One character on; the only place that counts lines. */
static void step(struct reader *r)
{
	if (r->at == r->end)
		return;
	if (*r->at == '\n')
		r->line++;
	r->at++;
}

static void skip(struct reader *r, size_t count)
{
	while (count--)
		step(r);
}

static void skip_line(struct reader *r)
{
	while (r->at < r->end && *r->at != '\n')
		step(r);
}

static void add(struct reader *r, enum lex_kind kind, int line, const char *text, const char *end)
{
	struct lex *l = r->out;

	if (l->count == r->allocated) {
		size_t more = r->allocated ? r->allocated * 2 : 256;
		struct lex_token *tokens = reallocarray(l->tokens, more, sizeof *tokens);

		if (!tokens) {
			r->failed = true;
			r->at = r->end;
			return;
		}
		l->tokens = tokens;
		r->allocated = more;
	}
	l->tokens[l->count++] = (struct lex_token){kind, line, r->depth, text, (size_t)(end - text)};
}

static int closing(int open)
{
	switch (open) {
	case '(':
		return ')';
	case '[':
		return ']';
	case '{':
		return '}';
	case '<':
		return '>';
	}
	return open;
}

static void skip_text(struct reader *r, int open, bool expands, int nested);

/* After "#{": up to its "}". Text inside may hold braces of its own. */
static void skip_expression(struct reader *r, int nested)
{
	int braces = 1;

	while (r->at < r->end) {
		int c = (unsigned char)*r->at;

		step(r);
		if (c == '{')
			braces++;
		else if (c == '}' && --braces == 0)
			return;
		else if ((c == '"' || c == '\'' || c == '`') && nested < NESTED_MAX)
			skip_text(r, c, c != '\'', nested + 1);
	}
}

/* After the opening character of a text: past its closing one. Brackets nest. */
static void skip_text(struct reader *r, int open, bool expands, int nested)
{
	int close = closing(open), inside = 1;

	while (r->at < r->end) {
		int c = (unsigned char)*r->at;

		step(r);
		if (c == '\\') {
			step(r);
		} else if (c == close) {
			if (--inside == 0)
				return;
		} else if (c == open) {
			inside++;
		} else if (expands && c == '#' && peek(r, 0) == '{') {
			step(r);
			skip_expression(r, nested);
		}
	}
}

/* A text that begins with `prefix` characters and then its opening one. Returns where it ends inside. */
static void read_text(struct reader *r, enum lex_kind kind, size_t prefix, bool expands)
{
	int line = r->line, open;
	const char *from, *to;

	skip(r, prefix);
	open = peek(r, 0);
	step(r);
	from = r->at;
	skip_text(r, open, expands, 0);
	to = r->at > from ? r->at - 1 : from;
	if (kind == LEX_STRING && (open == '"' || open == '\'') && peek(r, 0) == ':' && peek(r, 1) != ':' &&
		!r->after_value) {
		kind = LEX_LABEL;
		step(r);
	}
	add(r, kind, line, from, to);
	r->after_value = kind != LEX_LABEL;
}

/* ---- here documents ---- */

/* <<END, <<-END, <<~"END". False: it is something else, and nothing was read. */
static bool read_heredoc(struct reader *r)
{
	size_t ahead = 2;
	bool indented = peek(r, 2) == '-' || peek(r, 2) == '~';
	int quote;
	const char *word;

	ahead += indented;
	quote = peek(r, ahead);
	if (quote == '"' || quote == '\'' || quote == '`')
		ahead++;
	else
		quote = 0;
	if (!is_word_start(peek(r, ahead)) || r->heredoc_count == HEREDOCS_MAX)
		return false;
	word = r->at + ahead;
	while (quote ? peek(r, ahead) != quote && peek(r, ahead) >= 0 && peek(r, ahead) != '\n'
		     : is_word(peek(r, ahead)))
		ahead++;
	r->heredocs[r->heredoc_count++] = (struct heredoc){word, (size_t)(r->at + ahead - word), indented};
	add(r, LEX_STRING, r->line, word, word);
	skip(r, ahead + (quote != 0));
	r->after_value = true;
	return true;
}

/* At the beginning of a line: the bodies of the here documents that the line before began. */
static void skip_heredocs(struct reader *r)
{
	for (size_t i = 0; i < r->heredoc_count; i++) {
		const struct heredoc *h = &r->heredocs[i];
		bool last = false;

		while (!last && r->at < r->end) {
			const char *from = r->at;

			skip_line(r);
			while (h->indented && from < r->at && is_blank((unsigned char)*from))
				from++;
			last = (size_t)(r->at - from) == h->length && memcmp(from, h->end, h->length) == 0;
			step(r);
		}
	}
	r->heredoc_count = 0;
}

static bool starts(const struct reader *r, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(r->end - r->at) >= length && memcmp(r->at, word, length) == 0;
}

/* At the beginning of a line: =begin ... =end. */
static void skip_block_comment(struct reader *r)
{
	if (!starts(r, "=begin"))
		return;
	do {
		skip_line(r);
		step(r);
	} while (r->at < r->end && !starts(r, "=end"));
	skip_line(r);
}

static void read_newline(struct reader *r)
{
	step(r);
	r->after_value = false;
	skip_heredocs(r);
	skip_block_comment(r);
	if (starts(r, "__END__") && (peek(r, 7) == '\n' || peek(r, 7) == '\r' || peek(r, 7) == -1))
		r->at = r->end;
}

/* ---- words ---- */

/* After these comes a value, not an operator. */
static bool is_keyword(const char *text, size_t length)
{
	static const char *const words[] = {"and", "begin", "case", "do", "else", "elsif", "ensure", "if", "in", "not",
		"or", "puts", "rescue", "return", "then", "unless", "until", "when", "while", "yield", NULL};

	for (const char *const *w = words; *w; w++)
		if (strlen(*w) == length && memcmp(*w, text, length) == 0)
			return true;
	return false;
}

static void read_word(struct reader *r)
{
	const char *from = r->at;
	int line = r->line;

	while (peek(r, 0) == '@' || peek(r, 0) == '$')
		step(r);
	if (r->at > from && !is_word(peek(r, 0))) {
		step(r); /* $" and its like */
	} else {
		while (is_word(peek(r, 0)))
			step(r);
		if ((peek(r, 0) == '?' || peek(r, 0) == '!') && peek(r, 1) != '=')
			step(r);
	}
	if (peek(r, 0) == ':' && peek(r, 1) != ':' && is_word_start((unsigned char)*from)) {
		add(r, LEX_LABEL, line, from, r->at);
		step(r);
		r->after_value = false;
		return;
	}
	add(r, LEX_WORD, line, from, r->at);
	r->after_value = !is_keyword(from, (size_t)(r->at - from));
}

static void read_symbol(struct reader *r)
{
	int line = r->line;
	const char *from;

	step(r);
	from = r->at;
	while (is_word(peek(r, 0)) || peek(r, 0) == '@' || peek(r, 0) == '$')
		step(r);
	if ((peek(r, 0) == '?' || peek(r, 0) == '!' || peek(r, 0) == '=') && peek(r, 1) != '=' && peek(r, 1) != '>')
		step(r);
	add(r, LEX_SYMBOL, line, from, r->at);
	r->after_value = true;
}

/* ---- the rest ---- */

/* %w[a b], %q(x), %(x): how many characters stand before the opening one; 0: it is a remainder. */
static size_t percent_prefix(const struct reader *r)
{
	int c = peek(r, 1);
	size_t prefix = c >= 0 && strchr("wWiIqQrxs", c) && c ? 2 : 1;
	int open = peek(r, prefix);

	if (open < 0 || is_word(open) || is_blank(open) || (r->after_value && (prefix == 1 || open == '=')))
		return 0;
	if (prefix == 1 && !strchr("([{<|!/", open))
		return 0;
	return prefix;
}

/* A value may begin here although a name stands before: `puts %w[a]`, `puts /x/`, `puts <<END`. */
static bool may_begin_value(const struct reader *r, const char *source, size_t width)
{
	bool blank_before = r->at > source && is_blank((unsigned char)r->at[-1]);

	return !r->after_value || (blank_before && !is_blank(peek(r, width)) && peek(r, width) != '=');
}

static bool read_literal(struct reader *r, const char *source)
{
	int c = peek(r, 0);
	size_t prefix;

	switch (c) {
	case '"':
	case '`':
		read_text(r, LEX_STRING, 0, true);
		return true;
	case '\'':
		read_text(r, LEX_STRING, 0, false);
		return true;
	case '/':
		if (!may_begin_value(r, source, 1))
			return false;
		read_text(r, LEX_STRING, 0, true);
		return true;
	case '%':
		prefix = may_begin_value(r, source, 1) ? percent_prefix(r) : 0;
		if (!prefix)
			return false;
		read_text(r, LEX_STRING, prefix, peek(r, 1) != 'q' && peek(r, 1) != 'w' && peek(r, 1) != 'i');
		return true;
	case '<':
		return peek(r, 1) == '<' && may_begin_value(r, source, 2) && read_heredoc(r);
	case '?':
		if (r->after_value || peek(r, 1) < 0 || is_blank(peek(r, 1)) || is_word(peek(r, 2)))
			return false;
		add(r, LEX_STRING, r->line, r->at + 1, r->at + 2);
		skip(r, peek(r, 1) == '\\' ? 3 : 2);
		r->after_value = true;
		return true;
	case ':':
		if (peek(r, 1) == '"' || peek(r, 1) == '\'') {
			read_text(r, LEX_SYMBOL, 1, peek(r, 1) == '"');
			return true;
		}
		if (!is_word_start(peek(r, 1)) && peek(r, 1) != '@' && peek(r, 1) != '$')
			return false;
		read_symbol(r);
		return true;
	}
	return false;
}

static void read_mark(struct reader *r)
{
	int c = peek(r, 0);
	size_t width = starts(r, "=>") || starts(r, "::") || starts(r, "&.") ? 2 : 1;
	const char *from = r->at;

	if ((c == ')' || c == ']' || c == '}') && r->depth > 0)
		r->depth--;
	add(r, LEX_MARK, r->line, from, from + width);
	if (c == '(' || c == '[' || c == '{')
		r->depth++;
	skip(r, width);
	r->after_value = c == ')' || c == ']' || c == '}';
}

static void read_one(struct reader *r, const char *source)
{
	int c = peek(r, 0);

	if (c == '\n')
		read_newline(r);
	else if (c == '\\' || is_blank(c))
		skip(r, c == '\\' ? 2 : 1);
	else if (c == '#')
		skip_line(r);
	else if (is_word(c) || c == '@' || c == '$')
		read_word(r);
	else if (!read_literal(r, source))
		read_mark(r);
}

int lex_read(const char *source, size_t length, struct lex *ret)
{
	struct reader r = {.at = source, .end = source + length, .line = 1, .out = ret};

	*ret = (struct lex){NULL, 0};
	skip_block_comment(&r);
	while (r.at < r.end)
		read_one(&r, source);
	if (r.failed) {
		lex_drop(ret);
		return -ENOMEM;
	}
	return 0;
}

void lex_drop(struct lex *l)
{
	free(l->tokens);
	*l = (struct lex){NULL, 0};
}

int lex_is(const struct lex_token *t, enum lex_kind kind, const char *text)
{
	size_t length = strlen(text);

	return t->kind == kind && t->length == length && memcmp(t->text, text, length) == 0;
}
