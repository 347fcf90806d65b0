#include "cage/form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cage/cpus.h"
#include "cage/file.h"

/* ---- texts ---- */

void print_number(char *text, size_t size, uint64_t value, const struct limits *l)
{
	if (value == SIZE_NO_LIMIT)
		snprintf(text, size, "max");
	else
		snprintf(text, size, "%llu", (unsigned long long)value);
}

void print_bytes_v1(char *text, size_t size, uint64_t value, const struct limits *l)
{
	if (value == SIZE_NO_LIMIT)
		snprintf(text, size, "-1");
	else
		snprintf(text, size, "%llu", (unsigned long long)value);
}

static void print_quota(char *text, size_t size, uint64_t value, const struct limits *l)
{
	print_number(text, size - 8, value, l);
	strcat(text, " 100000");
}

static void print_shares(char *text, size_t size, uint64_t value, const struct limits *l)
{
	uint64_t shares = value * 1024 / 100;

	snprintf(text, size, "%llu", (unsigned long long)(shares < 2 ? 2 : shares)); /* the kernel's least */
}

static void print_memory_swap(char *text, size_t size, uint64_t value, const struct limits *l)
{
	uint64_t memory = l->value[LIMIT_MEMORY], sum;

	if (value == SIZE_NO_LIMIT || memory == SIZE_NO_LIMIT || __builtin_add_overflow(memory, value, &sum))
		sum = SIZE_NO_LIMIT;
	print_bytes_v1(text, size, sum, l);
}

static void print_cpus(char *text, size_t size, uint64_t value, const struct limits *l)
{
	snprintf(text, size, "%s", l->cpus ? l->cpus : "");
}

/* ---- answers ---- */

static bool holds_text(const char *wanted, const char *got, const struct limit_write *w)
{
	return strcmp(wanted, got) == 0;
}

/* "max" and "-1" are as much as the kernel can count; v1 answers with that number. */
static bool read_bytes(const char *text, uint64_t *ret)
{
	if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
		*ret = INT64_MAX;
		return true;
	}
	return parse_number(text, INT64_MAX, ret) == 0;
}

bool holds_bytes(const char *wanted, const char *got, const struct limit_write *w)
{
	uint64_t asked, taken;

	if (!read_bytes(wanted, &asked) || !read_bytes(got, &taken))
		return false;
	return taken <= asked ? asked - taken <= w->slack : taken - asked <= w->slack;
}

static uint64_t page_slack(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool holds_cpus(const char *wanted, const char *got, const struct limit_write *w)
{
	struct cpus asked, taken;

	return cpus_parse(wanted, &asked) == 0 && cpus_parse(got, &taken) == 0 && cpus_equal(&asked, &taken);
}

/* ---- checks ---- */

static void check_memory_swap(const struct limit_check *k)
{
	bool limited = limits_has(k->limits, LIMIT_MEMORY) && k->limits->value[LIMIT_MEMORY] != SIZE_NO_LIMIT;

	if (!limited && k->limits->value[LIMIT_SWAP] != SIZE_NO_LIMIT)
		faults_add(k->faults, "resource", limit_rows[k->which].key,
			"needs a memory limit too: cgroup v1 limits the sum of memory and swap");
}

static void check_cpus(const struct limit_check *k)
{
	const char *mount = k->host->of[CTRL_CPUSET]->mount;
	AUTO(fd_drop) int root = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct cpus asked, host;
	char text[FILE_TEXT];
	int beyond;

	if (cpus_parse(k->limits->cpus, &asked) < 0) {
		faults_add(
			k->faults, "resource", "cpus", "\"%s\" is not a set of CPUs like \"0-1,3\"", k->limits->cpus);
		return;
	}
	if (!k->limits->cpus[0]) {
		faults_add(k->faults, "resource", "cpus", "is empty: nothing could run");
		return;
	}
	if (root < 0 || file_read(root, k->file->effect, text, sizeof text) < 0 || cpus_parse(text, &host) < 0)
		return; /* what is in effect is read after the write, too */
	beyond = cpus_first_beyond(&asked, &host);
	if (beyond >= 0)
		faults_add(k->faults, "resource", "cpus", "CPU %d is not there; this host has %s", beyond, text);
}

const struct limit_form form_number = {.print = print_number, .holds = holds_text};
const struct limit_form form_quota_v1 = {.print = print_bytes_v1, .holds = holds_text};
const struct limit_form form_quota_v2 = {.print = print_quota, .holds = holds_text};
const struct limit_form form_shares = {.print = print_shares, .holds = holds_text};
const struct limit_form form_size_v1 = {.print = print_bytes_v1, .holds = holds_bytes, .slack = page_slack};
const struct limit_form form_size_v2 = {.print = print_number, .holds = holds_bytes, .slack = page_slack};
const struct limit_form form_memory_swap = {
	.print = print_memory_swap, .holds = holds_bytes, .slack = page_slack, .check = check_memory_swap};
const struct limit_form form_cpus = {.print = print_cpus, .holds = holds_cpus, .check = check_cpus};
