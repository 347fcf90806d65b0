#include "ruby/where.h"

#include <stdbool.h>
#include <string.h>

#include "base/own.h"
#include "ruby/lex.h"

struct span { /* tokens of a call, or of a hash in it */
	const struct lex_token *from, *to;
	int depth; /* of its entries */
};

static const struct lex_token *end_of(const struct lex *l)
{
	return l->count ? l->tokens + l->count : l->tokens; /* no tokens, no array to count from */
}

/* The token that closes the bracket t, or end. */
static const struct lex_token *closing(const struct lex_token *t, const struct lex_token *end)
{
	int depth = t->depth;

	for (t++; t < end; t++)
		if (t->depth <= depth && t->kind == LEX_MARK)
			return t;
	return end;
}

static bool is_name(const struct lex_token *t)
{
	return lex_is(t, LEX_WORD, "Virtual") || lex_is(t, LEX_WORD, "Virtualing");
}

static bool is_call(const struct lex_token *t, const struct lex_token *end)
{
	return end - t >= 3 && is_name(t) && (lex_is(&t[1], LEX_MARK, ".") || lex_is(&t[1], LEX_MARK, "&.")) &&
	       lex_is(&t[2], LEX_WORD, "new");
}

/* Whether the token begins an entry with this key: `key:`, `:key =>`, `"key" =>`. *value: what follows. */
static bool is_entry(
	const struct lex_token *t, const struct lex_token *end, const char *key, const struct lex_token **value)
{
	*value = t + 1;
	if (lex_is(t, LEX_LABEL, key))
		return true;
	if (!lex_is(t, LEX_SYMBOL, key) && !lex_is(t, LEX_STRING, key))
		return false;
	*value = t + 2;
	return end - t >= 2 && lex_is(&t[1], LEX_MARK, "=>");
}

/* hash[:key] = ... */
static bool is_assignment(const struct lex_token *t, const struct lex *l, const char *key)
{
	return (lex_is(t, LEX_SYMBOL, key) || lex_is(t, LEX_STRING, key)) && t > l->tokens && end_of(l) - t >= 3 &&
	       lex_is(&t[-1], LEX_MARK, "[") && lex_is(&t[1], LEX_MARK, "]") && lex_is(&t[2], LEX_MARK, "=");
}

/* The last entry with this key among those of the span, as in Ruby the last one counts; NULL: none. */
static const struct lex_token *find_entry(const struct span *s, const char *key, const struct lex_token **value)
{
	const struct lex_token *found = NULL, *after;

	for (const struct lex_token *t = s->from; t < s->to; t++)
		if (t->depth == s->depth && is_entry(t, s->to, key, &after)) {
			found = t;
			*value = after;
		}
	return found;
}

/* The inside of a literal hash that begins at t; false: it is something else. */
static bool hash_at(const struct lex_token *t, const struct lex_token *end, struct span *ret)
{
	if (t >= end || !lex_is(t, LEX_MARK, "{"))
		return false;
	*ret = (struct span){t + 1, closing(t, end), t->depth + 1};
	return true;
}

/* The arguments of the call at t. Without parentheses they end with the next call or the bracket around it. */
static struct span arguments(const struct lex_token *t, const struct lex_token *end)
{
	const struct lex_token *first = t + 3, *last;

	if (first < end && lex_is(first, LEX_MARK, "("))
		return (struct span){first + 1, closing(first, end), first->depth + 1};
	for (last = first; last < end && last->depth >= t->depth && !is_call(last, end); last++)
		;
	return (struct span){first, last, t->depth};
}

/* The last line of the arguments. */
static int last_line(const struct span *s)
{
	return s->to > s->from ? s->to[-1].line : 0;
}

/* The call that the line is in: the last one that begins at or before it. NULL: none, or it has ended by then. */
static const struct lex_token *find_call(const struct lex *l, int at, struct span *args)
{
	const struct lex_token *found = NULL;

	for (const struct lex_token *t = l->tokens; t < end_of(l) && t->line <= at; t++)
		if (is_call(t, end_of(l)))
			found = t;
	if (!found)
		return NULL;
	*args = arguments(found, end_of(l));
	return found->line == at || last_line(args) >= at ? found : NULL;
}

/* The only line in the whole file where the key is given a value; 0: none or several. */
static int only_line(const struct lex *l, const char *key)
{
	const struct lex_token *ignored;
	int line = 0;

	for (const struct lex_token *t = l->tokens; t < end_of(l); t++) {
		if (!is_entry(t, end_of(l), key, &ignored) && !is_assignment(t, l, key))
			continue;
		if (line && line != t->line)
			return 0;
		line = t->line;
	}
	return line;
}

static int first_of(int a, int b)
{
	return a ? a : b;
}

/* In a call whose hash stands elsewhere, or is no hash at all. */
static int search_file(const struct lex *l, const char *section, const char *key, int otherwise)
{
	int line = *key ? only_line(l, key) : 0;

	return first_of(first_of(line, *section ? only_line(l, section) : 0), otherwise);
}

static int search_call(const struct lex *l, const struct span *hash, const char *section, const char *key, int line)
{
	const struct lex_token *value, *entry = find_entry(hash, *section ? section : key, &value);
	struct span inner;

	if (!entry)
		return line;
	if (!*section || !*key)
		return entry->line;
	if (!hash_at(value, hash->to, &inner))
		return first_of(only_line(l, key), entry->line);
	line = entry->line;
	entry = find_entry(&inner, key, &value);
	return entry ? entry->line : line;
}

int where_line(const char *source, size_t length, int at, const char *section, const char *key)
{
	AUTO(lex_drop) struct lex l = {NULL, 0};
	const struct lex_token *call, *value;
	struct span args, hash;

	if (lex_read(source, length, &l) < 0)
		return at;
	call = find_call(&l, at, &args);
	if (!call)
		return search_file(&l, section, key, at);
	if (hash_at(args.from, args.to, &hash))
		return search_call(&l, &hash, section, key, call->line);
	if (find_entry(&args, *section ? section : key, &value)) /* Virtual.new(resource: {...}) */
		return search_call(&l, &args, section, key, call->line);
	return search_file(&l, section, key, call->line);
}
