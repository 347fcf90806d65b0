#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "spec/row.h"

static const struct limit_row *row_of(const struct row *row)
{
	return &limit_rows[row->limit];
}

static void give(struct reader *r, enum limit which, uint64_t value)
{
	r->spec->limits.given |= 1U << which;
	r->spec->limits.value[which] = value;
}

/* ---- one number ---- */

/* "30%", "1.5", 2 and 1.5 are one kind of value here, so a number is given to parse_cpu() as text. */
static const char *cpu_text(const json_t *value, char *buffer, size_t length)
{
	int n = 0;

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		n = snprintf(buffer, length, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		n = snprintf(buffer, length, "%.3f", json_real_value(value));
	return n > 0 && (size_t)n < length ? buffer : NULL;
}

static void read_cpu(struct reader *r, const struct row *row, const json_t *value)
{
	char buffer[32];
	const char *text;
	uint64_t micros;
	int error;

	if (r->by_seed_key) { /* :cpu_quota, microseconds of every 100 ms as the kernel has it */
		if (value_count(r, value, CPU_MIN_US, CPU_MAX_US, &micros))
			give(r, row->limit, micros);
		return;
	}
	text = cpu_text(value, buffer, sizeof buffer);
	error = text ? parse_cpu(text, &micros) : -EINVAL;
	if (error == -ERANGE && strtod(text, NULL) < 1)
		fault(r, "%s is below the kernel's smallest quota, 1%%", shown(value).text);
	else if (error == -ERANGE)
		fault(r, "%s is more than %d CPUs", shown(value).text, CPU_MAX_US / 100000);
	else if (error < 0)
		fault(r, "%s is not a share of CPU like \"30%%\", \"1.5\" (CPUs) or \"max\"", shown(value).text);
	else
		give(r, row->limit, micros);
}

static json_t *write_cpu(const struct spec *s, const struct row *row)
{
	uint64_t micros = s->limits.value[row->limit];

	if (micros == SIZE_NO_LIMIT)
		return json_string("max");
	if (micros % 1000)
		return json_sprintf("%llu.%03u%%", (unsigned long long)(micros / 1000), (unsigned)(micros % 1000));
	return json_sprintf("%llu%%", (unsigned long long)(micros / 1000));
}

/* A static program without a libc wants 48K (Linux 6.18); with less, execve() fails or the kernel kills it at once. */
enum { MEMORY_LEAST = 64 << 10, UNIT_FORGOTTEN = 9999 };

static void fault_too_little(struct reader *r, const json_t *value, uint64_t bytes)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	bool bare = bytes <= UNIT_FORGOTTEN && strspn(text, "0123456789") == strlen(text);
	char least[16], meant[48] = "";

	if (bare)
		snprintf(meant, sizeof meant, " (did you mean \"%lluM\"?)", (unsigned long long)bytes);
	fault(r, "%s is less than any program can begin in, %s%s", shown(value).text,
		print_size(least, sizeof least, MEMORY_LEAST), meant);
}

static void read_size(struct reader *r, const struct row *row, const json_t *value)
{
	uint64_t bytes;

	if (!value_size(r, value, row_of(row)->max_word, &bytes))
		return;
	if (bytes == 0 && (row->limit == LIMIT_MEMORY || row->limit == LIMIT_MEMORY_HIGH))
		fault(r, "%s leaves no memory to run in", shown(value).text);
	else if (bytes < MEMORY_LEAST && row->limit == LIMIT_MEMORY)
		fault_too_little(r, value, bytes);
	else
		give(r, row->limit, bytes);
}

static bool is_max(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strcmp(text, "max") == 0;
}

static uint64_t count_max(const struct limit_row *row)
{
	return row->max && row->max < INT64_MAX ? row->max : INT64_MAX;
}

static void read_count(struct reader *r, const struct row *row, const json_t *value)
{
	uint64_t count;

	if (row_of(row)->max_word && is_max(value))
		give(r, row->limit, SIZE_NO_LIMIT);
	else if (value_count(r, value, row_of(row)->min, count_max(row_of(row)), &count))
		give(r, row->limit, count);
}

static json_t *number_or_max(uint64_t value)
{
	return value == SIZE_NO_LIMIT ? json_string("max") : json_integer((json_int_t)value);
}

static json_t *write_number(const struct spec *s, const struct row *row)
{
	return number_or_max(s->limits.value[row->limit]);
}

static void read_flag(struct reader *r, const struct row *row, const json_t *value)
{
	bool flag;

	if (value_bool(r, value, &flag))
		give(r, row->limit, flag);
}

static json_t *write_flag(const struct spec *s, const struct row *row)
{
	return json_boolean(s->limits.value[row->limit]);
}

/* ---- lists of CPUs ---- */

enum { CPU_HIGHEST = 8191 }; /* CONFIG_NR_CPUS ends there */

/* One number of the list; moves *c behind it. */
static bool take_cpu(const char **c, unsigned *ret)
{
	unsigned cpu = 0;

	if (!isdigit((unsigned char)**c))
		return false;
	for (; isdigit((unsigned char)**c); ++*c) {
		cpu = cpu * 10 + (unsigned)(**c - '0');
		if (cpu > CPU_HIGHEST)
			return false;
	}
	*ret = cpu;
	return true;
}

static bool is_cpu_list(const char *text)
{
	for (const char *c = text;; c++) {
		unsigned first, last;

		if (!take_cpu(&c, &first))
			return false;
		last = first;
		if (*c == '-') {
			c++;
			if (!take_cpu(&c, &last))
				return false;
		}
		if (last < first || (*c && *c != ','))
			return false;
		if (!*c)
			return true;
	}
}

static void read_cpus(struct reader *r, const struct row *row, const json_t *value)
{
	char buffer[24];
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		snprintf(buffer, sizeof buffer, "%lld", (long long)json_integer_value(value));
		text = buffer;
	}
	if (!text || !is_cpu_list(text)) {
		fault(r, "%s is not a list of CPUs like 0-1,3", shown(value).text);
		return;
	}
	r->spec->limits.cpus = text_copy(r, text);
	give(r, row->limit, 0);
}

static json_t *write_cpus(const struct spec *s, const struct row *row)
{
	return json_string(s->limits.cpus);
}

/* ---- I/O ---- */

static bool is_device_number(const char *text)
{
	size_t major = strspn(text, "0123456789");
	size_t minor = text[major] == ':' ? strspn(text + major + 1, "0123456789") : 0;

	return major > 0 && major <= 4 && minor > 0 && minor <= 8 && !text[major + 1 + minor];
}

/* What an I/O limit is about: a path, made plain, or "major:minor". */
static char *device_copy(struct reader *r, const char *text)
{
	if (text[0] == '/')
		return path_copy(r, text);
	if (is_device_number(text))
		return text_copy(r, text);
	if (strspn(text, "0123456789:") == strlen(text))
		fault(r, "%s is not a device like \"8:0\"", shown_text(text).text);
	else
		fault(r, "%s is neither a path nor a device like \"8:0\" (did you mean \"/dev/%.64s\"?)",
			shown_text(text).text, text);
	return NULL;
}

static bool read_io_value(struct reader *r, enum io_kind kind, const json_t *value, uint64_t *ret)
{
	bool good;

	if (is_max(value)) {
		*ret = SIZE_NO_LIMIT;
		return true;
	}
	if (kind == IO_READ || kind == IO_WRITE)
		good = value_size(r, value, true, ret);
	else
		good = value_count(r, value, 0, INT64_MAX, ret);
	if (good && *ret == 0)
		fault(r, "0 would stop it for ever; without a limit it is \"max\", or not given");
	return good;
}

static void read_io_kind(struct reader *r, struct io_limit *io, const char *key, const json_t *value)
{
	char inside[PATH_MAX + 32];
	int kind = 0;

	while (kind < IO_KINDS && strcmp(io_kind_keys[kind], key) != 0)
		kind++;
	if (kind == IO_KINDS) {
		struct shown near = nearest(key, io_kind_keys);

		fault(r, "unknown key :%.48s%s", key,
			*near.text ? near.text : "; there are :read, :write, :riops and :wiops");
		return;
	}
	snprintf(inside, sizeof inside, "%.200s: %s", io->path, key);
	r->inside = inside;
	read_io_value(r, (enum io_kind)kind, value, &io->value[kind]);
	r->inside = NULL;
}

static struct io_limit *more_io(struct reader *r, const char *device)
{
	struct limits *l = &r->spec->limits;
	AUTO(free_drop) char *path = device_copy(r, device);
	struct io_limit *io;

	if (!path)
		return NULL;
	for (size_t i = 0; i < l->io_count; i++)
		if (strcmp(l->io[i].path, path) == 0) {
			fault(r, "%s is there twice", shown_text(path).text);
			return NULL;
		}
	io = array_more(r, &l->io, l->io_count, sizeof *io);
	if (!io)
		return NULL;
	io->path = path;
	path = NULL;
	l->io_count++;
	return io;
}

static void read_io(struct reader *r, const struct row *row, const json_t *value)
{
	const char *device, *key;
	json_t *kinds, *rate;

	if (!json_is_object(value)) {
		fault(r, "%s is not a hash like { \"/srv\" => { :read => \"10M\" } }", shown(value).text);
		return;
	}
	json_object_foreach ((json_t *)value, device, kinds) {
		struct io_limit *io = more_io(r, device);

		if (!io)
			continue;
		give(r, row->limit, 0); /* an empty hash gives none */
		if (!json_is_object(kinds) || json_object_size(kinds) == 0)
			fault(r, "%s: %s is not a hash like { :read => \"10M\", :wiops => 500 }", io->path,
				json_is_object(kinds) ? "{}" : shown(kinds).text);
		else
			json_object_foreach (kinds, key, rate)
				read_io_kind(r, io, key, rate);
	}
}

static json_t *write_io(const struct spec *s, const struct row *row)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->limits.io_count; i++) {
		const struct io_limit *io = &s->limits.io[i];
		json_t *kinds = json_object();

		for (int kind = 0; kind < IO_KINDS; kind++)
			if (io->value[kind])
				json_object_set_new(kinds, io_kind_keys[kind], number_or_max(io->value[kind]));
		json_object_set_new(all, io->path, kinds);
	}
	return all;
}

/* ---- the seeds' three keys for one I/O limit ---- */

void read_blk_device(struct reader *r, const struct row *row, const json_t *value)
{
	const char *text = value_text(r, value, "a device like \"8:0\"");

	r->blk_given = true;
	if (text)
		r->blk_device = device_copy(r, text);
}

void read_blk_rate(struct reader *r, const struct row *row, const json_t *value)
{
	enum io_kind kind = strcmp(row->key, "blk_rbps") == 0 ? IO_READ : IO_WRITE;

	read_io_value(r, kind, value, &r->blk_value[kind == IO_READ ? BLK_READ : BLK_WRITE]);
}

void finish_blk(struct reader *r)
{
	bool rates = r->blk_value[BLK_READ] || r->blk_value[BLK_WRITE];
	struct io_limit *io;

	r->section = spec_section_names[SPEC_RESOURCE];
	r->key = r->blk_given ? "blk_dvnd" : r->blk_value[BLK_READ] ? "blk_rbps" : "blk_wbps";
	if (!r->blk_given && !rates)
		return;
	if (limits_has(&r->spec->limits, LIMIT_IO)) {
		fault(r, ":io and :%s say the same: give one of them", r->key);
	} else if (!r->blk_given) { /* what was given and is wrong has been reported */
		fault(r, "needs :blk_dvnd, the device it is about");
	} else if (!rates) {
		if (r->note && !is_faulty(r, "blk_rbps") && !is_faulty(r, "blk_wbps"))
			r->note(r->note_arg, "resource: :blk_dvnd has no effect without :blk_rbps or :blk_wbps");
	} else if (r->blk_device && (io = more_io(r, r->blk_device))) {
		io->value[IO_READ] = r->blk_value[BLK_READ];
		io->value[IO_WRITE] = r->blk_value[BLK_WRITE];
		give(r, LIMIT_IO, 0);
	}
}

/* ---- huge pages ---- */

static bool page_known(const struct limits *l, uint64_t page)
{
	for (size_t i = 0; i < l->hugetlb_count; i++)
		if (l->hugetlb[i].page_bytes == page)
			return true;
	return false;
}

/* The kernel rounds down to whole pages, and does not say so. */
static bool is_whole(struct reader *r, const json_t *value, uint64_t bytes, uint64_t page)
{
	bool big = page % (1 << 20) == 0;
	uint64_t below = bytes / page * page, unit = big ? 1 << 20 : 1 << 10;

	if (below == bytes)
		return true;
	fault(r, "%s is no whole number of such pages; the next are %llu%c and %llu%c", shown(value).text,
		(unsigned long long)(below / unit), big ? 'M' : 'K', (unsigned long long)((below + page) / unit),
		big ? 'M' : 'K');
	return false;
}

static void read_page(struct reader *r, const struct row *row, const char *key, const json_t *value)
{
	struct limits *l = &r->spec->limits;
	struct hugetlb_limit *huge;
	uint64_t page, bytes;

	if (parse_size(key, 0, &page) < 0 || page < 4096 || (page & (page - 1))) {
		fault(r, "%s is not a size of huge pages like 2M or 1G", shown_text(key).text);
		return;
	}
	if (page_known(l, page)) {
		fault(r, "pages of %s are there twice", key);
		return;
	}
	r->inside = key;
	if (value_size(r, value, row_of(row)->max_word, &bytes) && is_whole(r, value, bytes, page) &&
		(huge = array_more(r, &l->hugetlb, l->hugetlb_count, sizeof *huge))) {
		*huge = (struct hugetlb_limit){page, bytes};
		l->hugetlb_count++;
		give(r, row->limit, 0);
	}
	r->inside = NULL;
}

static void read_hugetlb(struct reader *r, const struct row *row, const json_t *value)
{
	const char *key;
	json_t *limit;

	if (!json_is_object(value)) {
		fault(r, "%s is not a hash like { \"2M\" => \"64M\" }", shown(value).text);
		return;
	}
	json_object_foreach ((json_t *)value, key, limit)
		read_page(r, row, key, limit);
}

static json_t *write_hugetlb(const struct spec *s, const struct row *row)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->limits.hugetlb_count; i++) {
		const struct hugetlb_limit *huge = &s->limits.hugetlb[i];
		char page[16];

		print_size(page, sizeof page, huge->page_bytes);
		json_object_set_new(all, page, number_or_max(huge->limit_bytes));
	}
	return all;
}

/* ---- the types ---- */

static const struct {
	void (*read)(struct reader *r, const struct row *row, const json_t *value);
	json_t *(*write)(const struct spec *s, const struct row *row);
} types[] = {
	[LIMIT_IS_CPU] = {read_cpu, write_cpu},
	[LIMIT_IS_SIZE] = {read_size, write_number},
	[LIMIT_IS_COUNT] = {read_count, write_number},
	[LIMIT_IS_BOOL] = {read_flag, write_flag},
	[LIMIT_IS_CPUSET] = {read_cpus, write_cpus},
	[LIMIT_IS_IO] = {read_io, write_io},
	[LIMIT_IS_HUGETLB] = {read_hugetlb, write_hugetlb},
};

void read_limit(struct reader *r, const struct row *row, const json_t *value)
{
	types[row_of(row)->type].read(r, row, value);
}

json_t *write_limit(const struct spec *s, const struct row *row)
{
	return limits_has(&s->limits, row->limit) ? types[row_of(row)->type].write(s, row) : NULL;
}
