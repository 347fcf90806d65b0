#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "spec/row.h"

void fault(struct reader *r, const char *format, ...)
{
	char text[sizeof((struct fault *)0)->text];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (r->inside)
		faults_add(r->faults, r->section, r->key, "%s: %s", r->inside, text);
	else
		faults_add(r->faults, r->section, r->key, "%s", text);
}

bool is_faulty(const struct reader *r, const char *key)
{
	for (size_t i = 0; i < r->faults->count; i++)
		if (strcmp(r->faults->list[i].section, r->section) == 0 && strcmp(r->faults->list[i].key, key) == 0)
			return true;
	return false;
}

static struct shown cut(const char *text)
{
	struct shown ret;

	if (snprintf(ret.text, sizeof ret.text, "%s", text) >= (int)sizeof ret.text)
		memcpy(ret.text + sizeof ret.text - 5, "...\"", 5);
	return ret;
}

struct shown shown(const json_t *value)
{
	AUTO(free_drop) char *text = NULL;

	if (json_is_object(value))
		return cut("a hash");
	if (json_is_array(value))
		return cut("a list");
	if (!value || json_is_null(value))
		return cut("nil");
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	return cut(text ? text : "?");
}

struct shown shown_text(const char *text)
{
	char quoted[SHOWN_MAX + 8];

	snprintf(quoted, sizeof quoted, "\"%s\"", text);
	text_tidy(quoted);
	return cut(quoted);
}

struct shown nearest(const char *word, const char *const *words)
{
	struct shown ret = {""};
	const char *near = parse_nearest(word, words);

	if (near)
		snprintf(ret.text, sizeof ret.text, " (did you mean :%s?)", near);
	return ret;
}

/* ---- values ---- */

const char *value_text(struct reader *r, const json_t *value, const char *what)
{
	const char *text = json_string_value(value);

	if (!text) {
		fault(r, "%s is not %s", shown(value).text, what);
		return NULL;
	}
	if (!*text) {
		fault(r, "\"\" is empty, not %s", what);
		return NULL;
	}
	if (strlen(text) != json_string_length(value)) {
		fault(r, "%s contains a NUL byte", shown(value).text);
		return NULL;
	}
	return text;
}

bool value_bool(struct reader *r, const json_t *value, bool *ret)
{
	if (!json_is_boolean(value)) {
		fault(r, "%s is neither true nor false", shown(value).text);
		return false;
	}
	*ret = json_is_true(value);
	return true;
}

/* The digits of an integer or of a text; NULL when it is neither. */
static const char *digits_of(const json_t *value, char *buffer, size_t length)
{
	if (!json_is_integer(value))
		return json_string_value(value);
	snprintf(buffer, length, "%lld", (long long)json_integer_value(value));
	return buffer;
}

bool value_count(struct reader *r, const json_t *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	char buffer[24];
	const char *digits = digits_of(value, buffer, sizeof buffer);
	uint64_t number;
	int error = digits ? parse_number(digits, max, &number) : -EINVAL;

	if (error == -EINVAL && !json_is_integer(value)) {
		fault(r, "%s is not a whole number", shown(value).text);
		return false;
	}
	if (error < 0 || number < min) {
		fault(r, "%s is outside %llu..%llu", shown(value).text, (unsigned long long)min,
			(unsigned long long)max);
		return false;
	}
	*ret = number;
	return true;
}

bool value_size(struct reader *r, const json_t *value, bool max_word, uint64_t *ret)
{
	char buffer[24];
	const char *digits = digits_of(value, buffer, sizeof buffer);
	int error = digits ? parse_size(digits, max_word, ret) : -EINVAL;

	if (json_is_integer(value) && json_integer_value(value) < 0)
		fault(r, "%s is negative%s", shown(value).text,
			max_word ? "; no limit is \"max\", or no key at all" : "");
	else if (error == -ERANGE)
		fault(r, "%s is too large: it does not fit in 63 bits", shown(value).text);
	else if (error < 0)
		fault(r, "%s is not a size (bytes, or a number with K, M, G or T%s)", shown(value).text,
			max_word ? ", or \"max\"" : "");
	else
		return true;
	return false;
}

void value_each(struct reader *r, const json_t *value, const char *what,
	void (*each)(struct reader *r, const char *text, void *arg), void *arg)
{
	size_t index;
	json_t *element;

	if (json_is_string(value)) {
		const char *text = value_text(r, value, what);

		if (text)
			each(r, text, arg);
		return;
	}
	if (!json_is_array(value)) {
		fault(r, "%s is not %s or a list of such", shown(value).text, what);
		return;
	}
	json_array_foreach (value, index, element) {
		const char *text = value_text(r, element, what);

		if (text)
			each(r, text, arg);
	}
}

/* ---- copies ---- */

char *text_copy(struct reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		fault(r, "out of memory");
	return copy;
}

/* Lists are compared element by element with each other, so they may not be endless. */
enum { LIST_MAX = 4096 };

void *array_more(struct reader *r, void *array_pointer, size_t count, size_t size)
{
	void **array = array_pointer;
	char *more;

	if (count >= LIST_MAX) {
		fault(r, "there are more than %d of them", LIST_MAX);
		return NULL;
	}
	more = reallocarray(*array, count + 1, size);
	if (!more) {
		fault(r, "out of memory");
		return NULL;
	}
	*array = more;
	return memset(more + count * size, 0, size);
}

/* Appends one component to out; false when it may not stand in a path. */
static bool add_component(char *out, size_t *used, const char *component, size_t length)
{
	if (length == 0 || (length == 1 && component[0] == '.'))
		return true;
	if (length == 2 && memcmp(component, "..", 2) == 0)
		return false;
	out[(*used)++] = '/';
	memcpy(out + *used, component, length);
	*used += length;
	return true;
}

char *path_copy(struct reader *r, const char *text)
{
	char path[PATH_MAX + 1];
	size_t used = 0;

	if (text[0] != '/') {
		fault(r, "%s is not absolute", shown_text(text).text);
		return NULL;
	}
	if (strlen(text) >= PATH_MAX) {
		fault(r, "%s is longer than a path can be (%d bytes)", shown_text(text).text, PATH_MAX - 1);
		return NULL;
	}
	for (const char *c = text; *c;) {
		const char *end = strchrnul(++c, '/');

		if (!add_component(path, &used, c, (size_t)(end - c))) {
			fault(r,
				"%s contains \"..\": give the path that is meant, for a link on the way would change "
				"it",
				shown_text(text).text);
			return NULL;
		}
		c = end;
	}
	if (used == 0)
		path[used++] = '/';
	path[used] = '\0';
	return text_copy(r, path);
}

/* ---- rows that are one plain field ---- */

static void *field(struct spec *s, const struct row *row)
{
	return (char *)s + row->offset;
}

static const void *field_of(const struct spec *s, const struct row *row)
{
	return (const char *)s + row->offset;
}

void read_bool(struct reader *r, const struct row *row, const json_t *value)
{
	value_bool(r, value, field(r->spec, row));
}

void read_bool_inverse(struct reader *r, const struct row *row, const json_t *value)
{
	bool given;

	if (value_bool(r, value, &given))
		*(bool *)field(r->spec, row) = !given;
}

void read_path(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text = value_text(r, value, "a path");

	if (text)
		*(char **)field(r->spec, row) = path_copy(r, text);
}

/* "default", or true in a script, stays a word until the name is known. */
void read_record(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text = NULL;

	if (!json_is_false(value))
		text = json_is_true(value) ? "default" : value_text(r, value, "a path");
	if (text)
		r->spec->record = strcmp(text, "default") == 0 ? text_copy(r, text) : path_copy(r, text);
}

void finish_record(struct reader *r)
{
	char *path;

	if (r->spec->record)
		r->spec->limits.counted = 1U << CTRL_IO | 1U << CTRL_PIDS;
	if (!r->spec->record || *r->spec->record == '/' || !r->spec->name)
		return;
	if (asprintf(&path, "/var/lib/virtualing/%s.rec", r->spec->name) < 0)
		abort();
	free(r->spec->record);
	r->spec->record = path;
}

void read_word(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text = value_text(r, value, "a text");

	if (text && strpbrk(text, " \t\r\n"))
		fault(r, "%s contains a blank", shown_text(text).text);
	else if (text)
		*(char **)field(r->spec, row) = text_copy(r, text);
}

/* Thousandths are enough, and a million seconds. */
enum { SECONDS_MAX = 1000000 };

void read_seconds(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text = json_string_value(value);
	char *end = NULL;
	double seconds = -1;

	if (json_is_number(value))
		seconds = json_number_value(value);
	else if (text && strspn(text, "0123456789.") == strlen(text))
		seconds = strtod(text, &end);
	if ((!json_is_number(value) && !end) || (end && (end == text || *end)))
		fault(r, "%s is not a number of seconds", shown(value).text);
	else if (!(seconds >= 0 && seconds <= SECONDS_MAX))
		fault(r, "%s is outside 0..%d seconds", shown(value).text, SECONDS_MAX);
	else
		*(unsigned *)field(r->spec, row) = (unsigned)(seconds * 1000 + 0.5);
}

json_t *write_bool(const struct spec *s, const struct row *row)
{
	return json_boolean(*(const bool *)field_of(s, row));
}

json_t *write_bool_inverse(const struct spec *s, const struct row *row)
{
	return json_boolean(!*(const bool *)field_of(s, row));
}

json_t *write_text(const struct spec *s, const struct row *row)
{
	const char *text = *(char *const *)field_of(s, row);

	return text ? json_string(text) : NULL;
}

json_t *write_seconds(const struct spec *s, const struct row *row)
{
	unsigned ms = *(const unsigned *)field_of(s, row);

	return ms % 1000 ? json_real(ms / 1000.0) : json_integer(ms / 1000);
}
