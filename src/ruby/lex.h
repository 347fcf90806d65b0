/* The words of a Ruby source with their lines: enough of the language to tell code from text and comments, so that a
 * key of a hash can be found again where it was written.
 *
 * mruby keeps no line for the keys of a hash, so the source is looked at a second time when something is wrong with
 * one.  It is a reading for messages only: what it gets wrong costs a line number, never a description.
 */
#pragma once

#include <stddef.h>

enum lex_kind {
	LEX_WORD,   /* name, constant, variable or number: resource, Virtual, @x, 512 */
	LEX_LABEL,  /* a name that its colon makes a key: resource: or "resource": */
	LEX_SYMBOL, /* :resource, :"resource" */
	LEX_STRING, /* 'resource'; also what is between backquotes, slashes, %w[ and the like */
	LEX_MARK    /* one character, or one of => :: &. */
};

struct lex_token {
	enum lex_kind kind;
	int line;	  /* from 1, of its beginning */
	int depth;	  /* how many ( [ { are open around it; those themselves count as outside */
	const char *text; /* borrowed from the source: without colons and quotes; escapes as written */
	size_t length;
};

struct lex {
	struct lex_token *tokens; /* owned */
	size_t count;
};

/* Reads a whole source (need not end in NUL; must outlive *ret). Never fails on what is written there: unfinished text
 * ends with the source. 0 or -ENOMEM; then *ret is empty. */
int lex_read(const char *source, size_t length, struct lex *ret);
void lex_drop(struct lex *l);

/* Whether the token is of this kind with this text. */
int lex_is(const struct lex_token *t, enum lex_kind kind, const char *text);
