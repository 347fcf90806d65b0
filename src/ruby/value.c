#include <math.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ruby/ruby.h"

enum {
	DEPTH_MAX = 8, /* a description needs four; a hash that holds itself has no end */
	VALUES_MAX = 20000,
	BYTES_MAX = 512 * 1024, /* of all text in it: a message holds 1 MiB, and JSON may double it */
	KEY_MAX = 4096
};

struct taker {
	mrb_state *mrb;
	struct faults *faults;
	const char *section, *key; /* that are being read; "" above them */
	int depth;
	size_t values, bytes;
	bool full; /* too large: said once, and nothing is taken any more */
};

static void fault(struct taker *t, const char *text)
{
	faults_add(t->faults, t->section, t->key, "%s", text);
}

static json_t *take(struct taker *t, mrb_value value);

/* Counts a value and its bytes of text. */
static bool fits(struct taker *t, size_t bytes)
{
	t->values++;
	t->bytes += bytes;
	if (t->full)
		return false;
	if (t->values <= VALUES_MAX && t->bytes <= BYTES_MAX)
		return true;
	t->full = true;
	faults_add(t->faults, t->section, t->key, "the description is too large (at most %d values and %d KiB of text)",
		VALUES_MAX, BYTES_MAX / 1024);
	return false;
}

static json_t *take_text(struct taker *t, const char *text, size_t length)
{
	json_t *j;

	if (!fits(t, length))
		return NULL;
	if (memchr(text, '\0', length)) {
		fault(t, "a text with a NUL byte in it cannot be used");
		return NULL;
	}
	j = json_stringn(text, length);
	if (!j)
		fault(t, "a text that is not valid UTF-8 cannot be used");
	return j;
}

/* "1.5": in thousandths, without zeros at the end. JSON's own form of 0.1 + 0.2 would be no number of CPUs. */
static json_t *take_fraction(struct taker *t, double number)
{
	char text[64];
	int length;

	if (!fits(t, 0))
		return NULL;
	if (!isfinite(number) || fabs(number) >= 1e18) {
		fault(t, "a number so large, or none at all, cannot be used");
		return NULL;
	}
	length = snprintf(text, sizeof text, "%.3f", number);
	while (text[length - 1] == '0')
		length--;
	if (text[length - 1] == '.')
		length--;
	return json_stringn(text, (size_t)length);
}

static bool deeper(struct taker *t)
{
	if (t->depth < DEPTH_MAX) {
		t->depth++;
		return true;
	}
	fault(t, "hashes and lists are nested too deeply (does one of them hold itself?)");
	return false;
}

static json_t *take_list(struct taker *t, mrb_value list)
{
	json_t *taken;

	if (!fits(t, 0) || !deeper(t))
		return NULL;
	taken = json_array();
	for (mrb_int i = 0; i < RARRAY_LEN(list) && !t->full; i++) {
		json_t *j;

		if (mrb_nil_p(RARRAY_PTR(list)[i])) {
			fault(t, "nil cannot stand in a list");
			continue;
		}
		j = take(t, RARRAY_PTR(list)[i]);
		if (j)
			json_array_append_new(taken, j);
	}
	t->depth--;
	return taken;
}

/* A key as text; NULL after saying why not. Allocated. */
static char *take_key(struct taker *t, mrb_value key)
{
	const char *text;
	mrb_int length;

	if (mrb_symbol_p(key)) {
		text = mrb_sym_name_len(t->mrb, mrb_symbol(key), &length);
	} else if (mrb_string_p(key)) {
		text = RSTRING_PTR(key);
		length = RSTRING_LEN(key);
	} else {
		fault(t, "a key must be a symbol or a text");
		return NULL;
	}
	if (length > KEY_MAX || memchr(text, '\0', (size_t)length)) {
		fault(t, "a key is longer than 4096 bytes or has a NUL byte in it");
		return NULL;
	}
	return fits(t, (size_t)length) ? strndup(text, (size_t)length) : NULL;
}

struct hash {
	struct taker *taker;
	json_t *taken;
};

static void take_entry(struct hash *h, const char *key, mrb_value value)
{
	struct taker *t = h->taker;
	json_t *j;

	if (json_object_get(h->taken, key)) {
		fault(t, "given twice, as a symbol and as a text");
		return;
	}
	j = take(t, value);
	if (j && json_object_set_new(h->taken, key, j) < 0)
		fault(t, "a key that is not valid UTF-8 cannot be used");
}

/* For mrb_hash_foreach. The first two levels are the sections and their keys, by which faults are named. */
static int each_entry(mrb_state *mrb, mrb_value key, mrb_value value, void *arg)
{
	struct hash *h = arg;
	struct taker *t = h->taker;
	const char *section = t->section, *outer = t->key;
	AUTO(free_drop) char *name = t->full ? NULL : take_key(t, key);

	if (!name)
		return t->full;
	if (t->depth == 1)
		t->section = name;
	else if (t->depth == 2)
		t->key = name;
	/* A section may be left out by nil; a key may not: what was looked up in vain must not lift a limit. Of one nil
	 * is a value: never. */
	if (mrb_nil_p(value) && t->depth == 3 && strcmp(t->key, "grow") == 0 && strcmp(name, "stall") == 0)
		json_object_set_new(h->taken, name, json_null());
	else if (!mrb_nil_p(value) || t->depth > 1)
		take_entry(h, name, value);
	t->section = section;
	t->key = outer;
	return 0;
}

static json_t *take_hash(struct taker *t, mrb_value value)
{
	struct hash h = {t, NULL};

	if (!fits(t, 0) || !deeper(t))
		return NULL;
	h.taken = json_object();
	mrb_hash_foreach(t->mrb, mrb_hash_ptr(value), each_entry, &h); /* raises only if each_entry changed the hash */
	t->depth--;
	return h.taken;
}

static const char *kind_of(mrb_value value)
{
	switch (mrb_type(value)) {
	case MRB_TT_PROC:
		return "a block";
	case MRB_TT_RANGE:
		return "a range";
	case MRB_TT_CLASS:
	case MRB_TT_MODULE:
		return "a class";
	default:
		return "an object";
	}
}

static json_t *take_other(struct taker *t, mrb_value value)
{
	if (mrb_nil_p(value)) {
		faults_add(t->faults, t->section, t->key, "is nil: give it a value, or leave the key out");
		return NULL;
	}
	faults_add(t->faults, t->section, t->key,
		"%s cannot be used here: give text, a number, true, false, a list or a hash", kind_of(value));
	return NULL;
}

static json_t *take(struct taker *t, mrb_value value)
{
	mrb_int length;

	switch (mrb_type(value)) {
	case MRB_TT_TRUE:
		return fits(t, 0) ? json_true() : NULL;
	case MRB_TT_FALSE:
		if (mrb_nil_p(value))
			return take_other(t, value);
		return fits(t, 0) ? json_false() : NULL;
	case MRB_TT_INTEGER:
		return fits(t, 0) ? json_integer(mrb_integer(value)) : NULL;
	case MRB_TT_FLOAT:
		return take_fraction(t, mrb_float(value));
	case MRB_TT_STRING:
		return take_text(t, RSTRING_PTR(value), (size_t)RSTRING_LEN(value));
	case MRB_TT_SYMBOL: {
		const char *text = mrb_sym_name_len(t->mrb, mrb_symbol(value), &length);

		return take_text(t, text, (size_t)length);
	}
	case MRB_TT_ARRAY:
		return take_list(t, value);
	case MRB_TT_HASH:
		return take_hash(t, value);
	default:
		return take_other(t, value);
	}
}

json_t *value_document(mrb_state *mrb, mrb_value description, struct faults *f)
{
	struct taker t = {.mrb = mrb, .faults = f, .section = "", .key = ""};

	if (mrb_hash_p(description))
		return take_hash(&t, description);
	fault(&t, "a description is a hash: Virtual.new({ :jail => { :cmnd => \"...\" } })");
	return NULL;
}

json_t *value_plain(mrb_state *mrb, mrb_value value)
{
	AUTO(faults_drop) struct faults f = FAULTS_NONE;
	struct taker t = {.mrb = mrb, .faults = &f, .section = "", .key = ""};

	return mrb_nil_p(value) ? NULL : take(&t, value);
}

static mrb_value ruby_hash(mrb_state *mrb, const json_t *object)
{
	mrb_value hash = mrb_hash_new(mrb);
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		int arena = mrb_gc_arena_save(mrb);

		mrb_hash_set(mrb, hash, mrb_str_new_cstr(mrb, key), value_ruby(mrb, value));
		mrb_gc_arena_restore(mrb, arena);
	}
	return hash;
}

static mrb_value ruby_array(mrb_state *mrb, const json_t *list)
{
	mrb_value array = mrb_ary_new(mrb);

	for (size_t i = 0; i < json_array_size(list); i++) {
		int arena = mrb_gc_arena_save(mrb);

		mrb_ary_push(mrb, array, value_ruby(mrb, json_array_get(list, i)));
		mrb_gc_arena_restore(mrb, arena);
	}
	return array;
}

mrb_value value_ruby(mrb_state *mrb, const json_t *value)
{
	if (!value)
		return mrb_nil_value();
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return ruby_hash(mrb, value);
	case JSON_ARRAY:
		return ruby_array(mrb, value);
	case JSON_STRING:
		return mrb_str_new(mrb, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		return mrb_int_value(mrb, (mrb_int)json_integer_value(value));
	case JSON_REAL:
		return mrb_float_value(mrb, json_real_value(value));
	case JSON_TRUE:
		return mrb_true_value();
	case JSON_FALSE:
		return mrb_false_value();
	case JSON_NULL:
		break;
	}
	return mrb_nil_value();
}
