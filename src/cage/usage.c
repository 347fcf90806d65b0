/* Figures of a running cage. One row of a table for each figure and version; whatever a kernel does not say stays
 * UINT64_MAX. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"

/* What was read last: rows of one file that follow each other read it once, for memory.stat costs. */
struct reading {
	const struct cage_group *group;
	const char *file;
	ssize_t length; /* or -errno */
	char text[FILE_TEXT];
};

#define FIELD(name) offsetof(struct cage_usage, name)

const struct source cage_sources[] = {
	{FIELD(memory_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.usage_in_bytes", READ_NUMBER, NULL, 1},
	{FIELD(memory_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.current", READ_NUMBER, NULL, 1},
	{FIELD(memory_peak_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.max_usage_in_bytes", READ_NUMBER, NULL,
		1},
	{FIELD(memory_peak_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.peak", READ_NUMBER, NULL, 1},
	{FIELD(memory_limit_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.limit_in_bytes", READ_NUMBER, NULL, 1},
	{FIELD(memory_limit_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.max", READ_NUMBER, NULL, 1},
	{FIELD(swap_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.stat", READ_LINE, "total_swap", 1},
	{FIELD(parts.anonymous_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.stat", READ_LINE, "total_rss", 1},
	{FIELD(parts.file_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.stat", READ_LINES,
		"total_cache-total_shmem", 1},
	{FIELD(parts.shmem_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.stat", READ_LINE, "total_shmem", 1},
	{FIELD(parts.kernel_bytes), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.kmem.usage_in_bytes", READ_NUMBER, NULL,
		1},
	{FIELD(swap_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.swap.current", READ_NUMBER, NULL, 1},
	{FIELD(parts.anonymous_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.stat", READ_LINE, "anon", 1},
	{FIELD(parts.file_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.stat", READ_LINES, "file-shmem", 1},
	{FIELD(parts.shmem_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.stat", READ_LINE, "shmem", 1},
	{FIELD(parts.kernel_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.stat", READ_LINE, "kernel", 1},
	{FIELD(parts.kernel_bytes), CTRL_MEMORY, CGROUP_V2, PLACE_CAGE, "memory.stat", READ_LINES, /* before 5.18 */
		"slab+kernel_stack+pagetables+percpu+sock", 1},
	{FIELD(cpu_us), CTRL_CPUACCT, CGROUP_V1, PLACE_WORK, "cpuacct.usage", READ_NUMBER, NULL, 1000},
	{FIELD(cpu_us), ANY_V2, CGROUP_V2, PLACE_WORK, "cpu.stat", READ_LINE, "usage_usec", 1},
	{FIELD(cpu_throttled_us), CTRL_CPU, CGROUP_V1, PLACE_WORK, "cpu.stat", READ_LINE, "throttled_time", 1000},
	{FIELD(cpu_throttled_us), CTRL_CPU, CGROUP_V2, PLACE_WORK, "cpu.stat", READ_LINE, "throttled_usec", 1},
	{FIELD(pids), CTRL_PIDS, CGROUP_V1, PLACE_WORK, "pids.current", READ_NUMBER, NULL, 1},
	{FIELD(pids), CTRL_PIDS, CGROUP_V2, PLACE_WORK, "pids.current", READ_NUMBER, NULL, 1},
	{FIELD(oom_kills), CTRL_MEMORY, CGROUP_V1, PLACE_CAGE, "memory.oom_control", READ_LINE, "oom_kill", 1},
	{FIELD(oom_kills), CTRL_MEMORY, CGROUP_V2, PLACE_WORK, "memory.events", READ_LINE, "oom_kill", 1},
	{FIELD(io_read_bytes), CTRL_IO, CGROUP_V1, PLACE_WORK, "blkio.throttle.io_service_bytes", READ_SUM, " Read ",
		1},
	{FIELD(io_read_bytes), CTRL_IO, CGROUP_V2, PLACE_WORK, "io.stat", READ_SUM, " rbytes=", 1},
	{FIELD(io_write_bytes), CTRL_IO, CGROUP_V1, PLACE_WORK, "blkio.throttle.io_service_bytes", READ_SUM, " Write ",
		1},
	{FIELD(io_write_bytes), CTRL_IO, CGROUP_V2, PLACE_WORK, "io.stat", READ_SUM, " wbytes=", 1},
	{FIELD(memory_wait_us), ANY_V2, CGROUP_V2, PLACE_WORK, "memory.pressure", READ_FIRST, " total=", 1},
	{FIELD(cpu_wait_us), ANY_V2, CGROUP_V2, PLACE_WORK, "cpu.pressure", READ_FIRST, " total=", 1},
	{FIELD(io_wait_us), ANY_V2, CGROUP_V2, PLACE_WORK, "io.pressure", READ_FIRST, " total=", 1},
};
const size_t cage_sources_count = sizeof cage_sources / sizeof *cage_sources;

/* v1 names each disk that it counts for.  Since Linux 6.10 those are the ones for which somebody has set a limit since
 * boot; then a lonely "Total 0" says nothing. */
static uint64_t read_sum(const char *text, const char *word, enum cgroup_version version)
{
	uint64_t sum = 0;

	if (version == CGROUP_V1 && !strchr(text, ':'))
		return UINT64_MAX;
	while ((text = strstr(text, word))) {
		text += strlen(word);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

static uint64_t read_first(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : UINT64_MAX;
}

/* v1 says "no limit" as the largest number of whole pages. */
static uint64_t read_number(const char *text)
{
	uint64_t value;

	if (parse_number(text, UINT64_MAX, &value) < 0 || value > INT64_MAX - (1 << 20))
		return UINT64_MAX;
	return value;
}

static uint64_t read_line(const char *text, const char *word)
{
	char line[64];

	return file_line(text, word, line, sizeof line) < 0 ? UINT64_MAX : read_number(line);
}

static uint64_t read_lines(const char *text, const char *words)
{
	bool minus = strchr(words, '-') != NULL;
	uint64_t result = UINT64_MAX;

	while (*words) {
		size_t length = strcspn(words, "+-");
		char word[32];
		uint64_t value;

		snprintf(word, sizeof word, "%.*s", (int)length, words);
		words += length + (words[length] != 0);
		value = read_line(text, word);
		if (value == UINT64_MAX && minus)
			return UINT64_MAX;
		if (value == UINT64_MAX)
			continue;
		if (result == UINT64_MAX)
			result = value;
		else if (minus) /* the lines are of different moments */
			result -= value < result ? value : result;
		else
			result += value;
	}
	return result;
}

uint64_t source_value(const struct source *s, const char *text)
{
	uint64_t value = UINT64_MAX;

	switch (s->reader) {
	case READ_NUMBER:
		value = read_number(text);
		break;
	case READ_LINE:
		value = read_line(text, s->word);
		break;
	case READ_LINES:
		value = read_lines(text, s->word);
		break;
	case READ_FIRST:
		value = read_first(text, s->word);
		break;
	case READ_SUM:
		value = read_sum(text, s->word, s->version);
		break;
	}
	return value == UINT64_MAX ? value : value / s->divide;
}

static uint64_t read_source(const struct source *s, const struct cage_group *g, struct reading *last)
{
	if (last->group != g || strcmp(last->file, s->file) != 0) {
		last->group = g;
		last->file = s->file;
		last->length = file_read(g->fd, s->file, last->text, sizeof last->text);
	}
	return last->length < 0 ? UINT64_MAX : source_value(s, last->text);
}

const struct cage_group *source_group(const struct cage *c, const struct source *s)
{
	const struct cage_tree *tree = s->controller == ANY_V2 ? c->host->unified : c->host->of[s->controller];

	return tree && tree->version == s->version ? cage_find(c, tree, s->place) : NULL;
}

static void read_field(const struct cage *c, const struct source *s, struct reading *last, struct cage_usage *ret)
{
	const struct cage_group *g = source_group(c, s);
	uint64_t *field = (uint64_t *)(void *)((char *)ret + s->field);

	if (!g || *field != UINT64_MAX)
		return;
	*field = read_source(s, g, last);
	if (s->field == FIELD(oom_kills) && s->version == CGROUP_V1 && *field != UINT64_MAX)
		*field -= *field > c->decoy_kills ? c->decoy_kills : *field;
	if (s->field == FIELD(memory_peak_bytes) && *field < c->peak_bytes)
		*field = c->peak_bytes;
}

/* count 0: all fields */
static void read_fields(const struct cage *c, const size_t *fields, size_t count, struct cage_usage *ret)
{
	struct reading last; /* its text is not worth clearing */

	last.group = NULL;
	memset(ret, 0xff, sizeof *ret);
	for (size_t i = 0; i < cage_sources_count; i++) {
		bool wanted = count == 0;

		for (size_t f = 0; f < count; f++)
			wanted |= cage_sources[i].field == fields[f];
		if (wanted)
			read_field(c, &cage_sources[i], &last, ret);
	}
}

void cage_usage(const struct cage *c, struct cage_usage *ret)
{
	read_fields(c, NULL, 0, ret);
}

static const size_t of_memory[] = {FIELD(memory_bytes), FIELD(memory_limit_bytes), FIELD(memory_peak_bytes),
	FIELD(parts.anonymous_bytes), FIELD(parts.file_bytes), FIELD(parts.shmem_bytes), FIELD(parts.kernel_bytes)};

void cage_memory(const struct cage *c, struct cage_usage *ret)
{
	read_fields(c, of_memory, 3, ret);
}

void cage_parts(const struct cage *c, struct cage_usage *ret)
{
	read_fields(c, of_memory, sizeof of_memory / sizeof *of_memory, ret);
}

uint64_t cage_oom_kills(const struct cage *c)
{
	static const size_t kills = FIELD(oom_kills);
	struct cage_usage usage;

	read_fields(c, &kills, 1, &usage);
	return usage.oom_kills == UINT64_MAX ? 0 : usage.oom_kills;
}

/* ---- full ---- */

/* How far below its limit a full group may stand: what the kernel charges ahead, 64 pages for each CPU, and a bit. */
uint64_t cage_slack_bytes(void)
{
	return (1U << 20) + (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) * 64 * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t read_count(const struct cage_group *g, const char *file)
{
	char text[64];

	return file_read(g->fd, file, text, sizeof text) < 0 ? UINT64_MAX : read_number(text);
}

static bool is_at_limit(const struct cage_group *g, const char *usage_file, const char *limit_file)
{
	uint64_t usage = read_count(g, usage_file), limit = read_count(g, limit_file);

	return usage != UINT64_MAX && limit != UINT64_MAX && usage + cage_slack_bytes() >= limit;
}

static const struct bound {
	enum cgroup_version version;
	const char *usage, *peak, *limit;
} bounds[] = {
	{CGROUP_V1, "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.limit_in_bytes"},
	{CGROUP_V1, "memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes", "memory.memsw.limit_in_bytes"},
	{CGROUP_V2, "memory.current", "memory.peak", "memory.max"},
};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

bool cage_is_full(const struct cage *c)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;

	for (size_t i = 0; g && i < BOUNDS; i++)
		if (bounds[i].version == tree->version && is_at_limit(g, bounds[i].usage, bounds[i].limit))
			return true;
	return false;
}

bool cage_may_have_been_full(const struct cage *c)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;

	for (size_t i = 0; g && i < BOUNDS; i++) {
		const struct bound *b = &bounds[i];

		if (b->version != tree->version || read_count(g, b->limit) == UINT64_MAX)
			continue;
		if (read_count(g, b->peak) == UINT64_MAX || is_at_limit(g, b->peak, b->limit))
			return true;
	}
	return false;
}

bool cage_tree_limits_memory(const struct cage_tree *tree, const char *group, uint64_t *ret_bytes)
{
	AUTO(fd_drop) int fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct cage_group g = {.fd = fd};

	*ret_bytes = UINT64_MAX;
	for (size_t i = 0; fd >= 0 && i < BOUNDS; i++) {
		uint64_t limit = bounds[i].version == tree->version ? read_count(&g, bounds[i].limit) : UINT64_MAX;

		if (limit < *ret_bytes)
			*ret_bytes = limit;
	}
	return *ret_bytes != UINT64_MAX;
}

uint64_t cage_working_set(const struct cage *c)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	char text[FILE_TEXT], line[64];
	struct cage_usage u;
	uint64_t idle;

	cage_memory(c, &u);
	if (!g || u.memory_bytes == UINT64_MAX || file_read(g->fd, "memory.stat", text, sizeof text) < 0 ||
		file_line(text, tree->version == CGROUP_V1 ? "total_inactive_file" : "inactive_file", line,
			sizeof line) < 0)
		return u.memory_bytes;
	idle = read_number(line);
	return idle < u.memory_bytes ? u.memory_bytes - idle : 0;
}

/* v1 has a second limit, of memory and swap together, which is looked at first, and where nothing is counted
 * (Linux 6.18): while that binds, the count of the other stands still. */
static bool is_counted(const struct cage_group *g)
{
	return read_count(g, "memory.memsw.limit_in_bytes") > read_count(g, "memory.limit_in_bytes") &&
	       !is_at_limit(g, "memory.memsw.usage_in_bytes", "memory.memsw.limit_in_bytes");
}

/* v1 counts each charge that failed, v2 each time that all was tried in vain; neither for the limits above. */
uint64_t cage_ooms(const struct cage *c)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	char text[FILE_TEXT], line[64];

	if (!g)
		return UINT64_MAX;
	if (tree->version == CGROUP_V1)
		return is_counted(g) ? read_count(g, "memory.failcnt") : UINT64_MAX;
	if (file_read(g->fd, "memory.events.local", text, sizeof text) < 0 ||
		file_line(text, "oom", line, sizeof line) < 0)
		return UINT64_MAX;
	return read_number(line);
}
