/* How a key of a description is read, checked, written and given as an option: one row each.  Inside src/spec only. */
#pragma once

#include "spec/spec.h"

/* The two words in which the seeds give an I/O limit, beside its device. */
enum { BLK_READ, BLK_WRITE, BLK_WORDS };

/* A description that is being read. */
struct reader {
	struct spec *spec;
	struct faults *faults;
	void (*note)(void *arg, const char *text); /* or NULL */
	void *note_arg;
	const char *section; /* of the key that is being read; "" at the top */
	const char *key;     /* as the user wrote it */
	bool by_seed_key;    /* it is the row's older spelling */
	const char *inside;  /* what in the key's value: "/srv: read"; or NULL */

	size_t argc; /* of spec->argv */

	/* The seeds give one I/O limit in three keys; they are put together when all are read. */
	bool blk_given;
	char *blk_device;	       /* owned */
	uint64_t blk_value[BLK_WORDS]; /* 0: not given */
};

/* The form of an option's text. */
enum row_form {
	FORM_TEXT,  /* as it is */
	FORM_LIST,  /* one element of a list; the option repeats */
	FORM_PAIRS, /* "a=1,b=2": a hash; the option repeats */
	FORM_PAGES, /* "a:1,b:2", otherwise the same */
	FORM_ON,    /* switches: the option is --KEY or --no-KEY */
	FORM_OFF,
	FORM_IO,  /* "PATH:a=1,b=2": a hash in a hash */
	FORM_VIP, /* "ADDRESS@DEVICE": two keys */
};

struct row {
	enum spec_section section;
	const char *key, *seed_key;
	const char *option; /* NULL: made from the key */
	const char *arg, *help;
	unsigned use;
	enum row_form form;

	/* Checks a value and stores it in r->spec; what is wrong with it goes to r->faults. */
	void (*read)(struct reader *r, const struct row *row, const json_t *value);

	/* The value in today's words; NULL when there is nothing to say. A row without it is never written. */
	json_t *(*write)(const struct spec *s, const struct row *row);

	size_t offset;	  /* of the field in struct spec, for the rows that are one plain field */
	enum limit limit; /* for the rows made from limit_rows */
	const char *why;  /* for the keys without effect: the reason */
};

/* The rows of the table, limits included. False after the last. */
bool row_at(size_t index, struct row *ret);

/* ---- reading and writing by kind (value.c, spec.c, limit.c, command.c, mount.c, wall.c) ---- */

void read_name(struct reader *r, const struct row *row, const json_t *value);
void read_group(struct reader *r, const struct row *row, const json_t *value);
void read_no_effect(struct reader *r, const struct row *row, const json_t *value);
void read_bool(struct reader *r, const struct row *row, const json_t *value);
void read_bool_inverse(struct reader *r, const struct row *row, const json_t *value);
void read_path(struct reader *r, const struct row *row, const json_t *value);
void read_record(struct reader *r, const struct row *row, const json_t *value);
void read_word(struct reader *r, const struct row *row, const json_t *value);
void read_seconds(struct reader *r, const struct row *row, const json_t *value);

void read_pids(struct reader *r, const struct row *row, const json_t *value);
json_t *write_pids(const struct spec *s, const struct row *row);
json_t *write_tree(const struct spec *s, const struct row *row);

json_t *write_name(const struct spec *s, const struct row *row);
json_t *write_group(const struct spec *s, const struct row *row);
json_t *write_bool(const struct spec *s, const struct row *row);
json_t *write_bool_inverse(const struct spec *s, const struct row *row);
json_t *write_text(const struct spec *s, const struct row *row);
json_t *write_seconds(const struct spec *s, const struct row *row);

void read_limit(struct reader *r, const struct row *row, const json_t *value);
json_t *write_limit(const struct spec *s, const struct row *row);
void read_blk_device(struct reader *r, const struct row *row, const json_t *value);
void read_blk_rate(struct reader *r, const struct row *row, const json_t *value);
void finish_blk(struct reader *r);
void read_grow(struct reader *r, const struct row *row, const json_t *value);
void read_give_back(struct reader *r, const struct row *row, const json_t *value);
void read_guard(struct reader *r, const struct row *row, const json_t *value);
json_t *write_guard(const struct spec *s, const struct row *row);
json_t *write_give_back(const struct spec *s, const struct row *row);
json_t *write_grow(const struct spec *s, const struct row *row);
void finish_grow(struct reader *r);
void finish_record(struct reader *r);

void read_command(struct reader *r, const struct row *row, const json_t *value);
json_t *write_command(const struct spec *s, const struct row *row);
void read_bind(struct reader *r, const struct row *row, const json_t *value);
json_t *write_bind(const struct spec *s, const struct row *row);
void read_tmpfs(struct reader *r, const struct row *row, const json_t *value);
json_t *write_tmpfs(const struct spec *s, const struct row *row);
void read_user(struct reader *r, const struct row *row, const json_t *value);
void read_hostname(struct reader *r, const struct row *row, const json_t *value);
void read_caps(struct reader *r, const struct row *row, const json_t *value);
json_t *write_caps(const struct spec *s, const struct row *row);
void read_filter(struct reader *r, const struct row *row, const json_t *value);
json_t *write_filter(const struct spec *s, const struct row *row);
void read_rlimits(struct reader *r, const struct row *row, const json_t *value);
json_t *write_rlimits(const struct spec *s, const struct row *row);
void read_env(struct reader *r, const struct row *row, const json_t *value);
json_t *write_env(const struct spec *s, const struct row *row);
void read_share(struct reader *r, const struct row *row, const json_t *value);
json_t *write_share(const struct spec *s, const struct row *row);
void finish_mounts(struct reader *r);
void finish_jail(struct reader *r);

/* ---- values (value.c): each reports what is wrong and returns false or NULL ---- */

/* A fault about the key that is being read. */
void fault(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether a key of this section has been reported already: then its absence is no second fault. */
bool is_faulty(const struct reader *r, const char *key);

/* A value as messages show it: its JSON, cut short; "nil", "a list", "a hash". */
enum { SHOWN_MAX = 96 };
struct shown {
	char text[SHOWN_MAX];
};
struct shown shown(const json_t *value);
struct shown shown_text(const char *text);

/* A text that is not empty and has no NUL in it. Borrowed. what: "a path". */
const char *value_text(struct reader *r, const json_t *value, const char *what);
bool value_bool(struct reader *r, const json_t *value, bool *ret);
/* A whole number, as such or in a text, within min..max. */
bool value_count(struct reader *r, const json_t *value, uint64_t min, uint64_t max, uint64_t *ret);
/* Bytes, as a number or a text like "512M". */
bool value_size(struct reader *r, const json_t *value, bool max_word, uint64_t *ret);

/* A copy of an absolute path without "//", "." and a last "/"; ".." is refused. */
char *path_copy(struct reader *r, const char *text);
char *text_copy(struct reader *r, const char *text);

/* Room for one more element, zeroed, at the end of an array of count elements; the caller counts it.  NULL after
 * reporting that there are too many. */
void *array_more(struct reader *r, void *array_pointer, size_t count, size_t size);

/* " (did you mean :memory?)" for a word that is none of words; "" when none is near. */
struct shown nearest(const char *word, const char *const *words);

/* Calls each with every text of a list, or with the value itself where one text stands for a list of one. */
void value_each(struct reader *r, const json_t *value, const char *what,
	void (*each)(struct reader *r, const char *text, void *arg), void *arg);

/* Splits "a=1,b=2" into a hash of texts; between: '=' here. 0 or -EINVAL. */
int pairs_parse(json_t *hash, const char *text, char between, struct err *e);

/* ---- command.c ---- */

/* Ruby's rule for exec(text): whether the text needs a shell. */
bool command_needs_shell(const char *text);
