#include "cage/kmsg.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { FACILITY_SHIFT = 3 }; /* 0 is the kernel, and no writer of /dev/kmsg can give it */

/* ---- the record ---- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* "\x0a" and its like back to the byte, in place; what comes after the first line is a dictionary. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from && *from != '\n'; from++) {
		int high = from[0] == '\\' && from[1] == 'x' ? hex_digit(from[2]) : -1;
		int low = high >= 0 ? hex_digit(from[3]) : -1;

		if (low >= 0) {
			*to++ = high || low ? (char)(high * 16 + low) : '?';
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* "4,1045,406361671,-;text": the text, or NULL when it is none of the kernel's */
static char *text_of(char *record)
{
	char *end, *text;
	unsigned long priority = strtoul(record, &end, 10);

	if (end == record || *end != ',' || priority >> FACILITY_SHIFT)
		return NULL;
	text = strchr(end, ';');
	if (!text)
		return NULL;
	unescape(++text);
	return text;
}

/* ---- its parts ---- */

static bool begins_with(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static const char *last_of(const char *text, const char *word)
{
	const char *found = NULL;

	while ((text = strstr(text, word)))
		found = text++;
	return found;
}

static void copy(char *ret, size_t size, const char *from, const char *end)
{
	size_t length = (size_t)(end - from);

	if (length >= size)
		length = size - 1;
	memcpy(ret, from, length);
	ret[length] = '\0';
	text_tidy(ret);
}

/* A path that does not fit is none: half of it would be another's. */
static void copy_path(char *ret, const char *from, const char *end)
{
	ret[0] = '\0';
	if (end - from < KMSG_PATH)
		copy(ret, KMSG_PATH, from, end);
}

/* "NUMBERkB" behind word */
static uint64_t read_kib(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	char *end;
	uint64_t value;

	if (!at || at[strlen(word)] < '0' || at[strlen(word)] > '9')
		return UINT64_MAX;
	value = strtoull(at + strlen(word), &end, 10);
	return begins_with(end, "kB") && value <= INT64_MAX / 1024 ? value * 1024 : UINT64_MAX;
}

static pid_t read_pid(const char *text, char **end)
{
	unsigned long value = *text >= '1' && *text <= '9' ? strtoul(text, end, 10) : 0;

	return value <= INT32_MAX ? (pid_t)value : 0;
}

/* ---- kinds ---- */

static bool take_usage(const char *text, struct kmsg *ret)
{
	ret->usage_bytes = read_kib(text, "memory: usage ");
	ret->limit_bytes = read_kib(text, ", limit ");
	return ret->usage_bytes != UINT64_MAX && ret->limit_bytes != UINT64_MAX;
}

static const struct {
	const char *word;
	size_t part;
} part_rows[] = {
	{"anon", offsetof(struct cage_parts, anonymous_bytes)},
	{"file", offsetof(struct cage_parts, file_bytes)},
	{"shmem", offsetof(struct cage_parts, shmem_bytes)},
	{"kernel", offsetof(struct cage_parts, kernel_bytes)},
	{"total_rss", offsetof(struct cage_parts, anonymous_bytes)},
	{"total_cache", offsetof(struct cage_parts, file_bytes)},
	{"total_shmem", offsetof(struct cage_parts, shmem_bytes)},
};

static bool take_part(const char *line, struct cage_parts *ret)
{
	size_t length = strcspn(line, " \n");
	char *end;

	for (size_t i = 0; line[length] == ' ' && i < sizeof part_rows / sizeof *part_rows; i++) {
		const char *number = line + length + 1;
		uint64_t value;

		if (strlen(part_rows[i].word) != length || strncmp(line, part_rows[i].word, length) != 0)
			continue;
		value = *number >= '0' && *number <= '9' ? strtoull(number, &end, 10) : UINT64_MAX;
		if (value > INT64_MAX || (*end && *end != '\n'))
			return false;
		*(uint64_t *)(void *)((char *)ret + part_rows[i].part) = value;
		return true;
	}
	return false;
}

/* The first line must be one: names of processes stand at the beginning of other records. */
static bool take_parts(const char *text, struct kmsg *ret)
{
	if (begins_with(text, "kmem: usage ")) {
		ret->parts.kernel_bytes = read_kib(text, "kmem: usage ");
		return true;
	}
	if (!take_part(text, &ret->parts))
		return false;
	while ((text = strchr(text, '\n')))
		take_part(++text, &ret->parts);
	return true;
}

/* A name may look like the fields around it, a path hardly: paths are read from the left, the pid from the right. */
static bool take_chosen(const char *text, struct kmsg *ret)
{
	static const char limit[] = ",oom_memcg=", group[] = ",task_memcg=", task[] = ",task=", pid[] = ",pid=";
	const char *limit_at = strstr(text, limit), *group_at = strstr(text, group), *task_at, *pid_at;
	char *end = NULL;

	task_at = group_at ? strstr(group_at, task) : NULL;
	pid_at = task_at ? last_of(task_at, pid) : NULL;
	if (!pid_at)
		return false;
	ret->pid = read_pid(pid_at + strlen(pid), &end);
	ret->host = !begins_with(text, "oom-kill:constraint=CONSTRAINT_MEMCG,");
	if (!ret->pid || !begins_with(end, ",uid=") || (!ret->host && (!limit_at || limit_at > group_at)))
		return false;
	if (!ret->host)
		copy_path(ret->limit_group, limit_at + strlen(limit), group_at);
	copy_path(ret->group, group_at + strlen(group), task_at);
	copy(ret->name, sizeof ret->name, task_at + strlen(task), pid_at);
	return true;
}

static bool take_killed(const char *text, struct kmsg *ret)
{
	static const char killed[] = ": Killed process ", after[] = ") total-vm:";
	const char *at = strstr(text, killed), *figures = last_of(text, after);
	char *name = NULL;

	ret->host = begins_with(text, "Out of memory");
	if (!at || !figures || (!ret->host && !begins_with(text, "Memory cgroup out of memory")))
		return false;
	ret->pid = read_pid(at + strlen(killed), &name);
	if (!ret->pid || !begins_with(name, " (") || name + 2 > figures)
		return false;
	copy(ret->name, sizeof ret->name, name + 2, figures);
	ret->parts.anonymous_bytes = read_kib(figures, ", anon-rss:");
	ret->parts.file_bytes = read_kib(figures, ", file-rss:");
	ret->parts.shmem_bytes = read_kib(figures, ", shmem-rss:");
	return true;
}

static bool take_all_of(const char *text, struct kmsg *ret)
{
	const char *path = text + strlen("Tasks in ");
	const char *end = last_of(path, " are going to be killed due to memory.oom.group set");

	if (end)
		copy_path(ret->group, path, end);
	return end != NULL;
}

static bool take_begin(const char *text, struct kmsg *ret)
{
	return strstr(text, " invoked oom-killer: gfp_mask=") != NULL;
}

static const struct {
	const char *beginning;
	bool (*take)(const char *text, struct kmsg *ret);
	enum kmsg_kind kind;
} kinds[] = {
	{"oom-kill:constraint=", take_chosen, KMSG_CHOSEN},
	{"Memory cgroup out of memory", take_killed, KMSG_KILLED},
	{"Out of memory", take_killed, KMSG_KILLED},
	{"Tasks in ", take_all_of, KMSG_ALL_OF},
	{"", take_begin, KMSG_BEGIN},
	{"memory: usage ", take_usage, KMSG_USAGE},
	{"", take_parts, KMSG_PARTS},
};

enum kmsg_kind kmsg_parse(char *record, struct kmsg *ret)
{
	const char *text = text_of(record);

	for (size_t i = 0; text && i < sizeof kinds / sizeof *kinds; i++) {
		if (!begins_with(text, kinds[i].beginning))
			continue;
		*ret = (struct kmsg){.kind = kinds[i].kind, .usage_bytes = UINT64_MAX, .limit_bytes = UINT64_MAX};
		memset(&ret->parts, 0xff, sizeof ret->parts);
		if (kinds[i].take(text, ret))
			return ret->kind;
	}
	*ret = (struct kmsg){.kind = KMSG_OTHER};
	return KMSG_OTHER;
}
