#include "cage/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"

enum { ROWS_MAX = 40, TEXT = FILE_TEXT };

#define FIELD(name) offsetof(struct cage_usage, name)

/* Whatever is not named here is dear. */
static const struct {
	size_t field;
	unsigned part;
} parts_of[] = {
	{FIELD(memory_bytes), METER_QUICK},
	{FIELD(memory_wait_us), 0}, /* nobody asks for these: the averages are what is shown */
	{FIELD(cpu_wait_us), 0},
	{FIELD(io_wait_us), 0},
	{FIELD(swap_bytes), METER_RARE},
	{FIELD(parts.anonymous_bytes), METER_RARE},
	{FIELD(parts.file_bytes), METER_RARE},
	{FIELD(parts.shmem_bytes), METER_RARE},
	{FIELD(parts.kernel_bytes), METER_RARE},
};

/* What is no figure of a cage's usage, in the group that holds everybody. */
enum { HOLDER_PRESSURE, HOLDER_FROZEN, HOLDER_PROCESSES, HOLDER_FILES };
static const char *const holder_files[CGROUP_VERSIONS][HOLDER_FILES] = {
	[CGROUP_V1] = {NULL, "freezer.self_freezing", "cgroup.procs"},
	[CGROUP_V2] = {"memory.pressure", "cgroup.freeze", "cgroup.procs"},
};

struct row {
	const struct source *source;
	const struct cage_group *group;
	unsigned part;
	int fd; /* -1: opened when it is read */
};

struct meter {
	struct cage cage; /* only its groups are filled in */
	struct row rows[ROWS_MAX];
	size_t count;
	int holder[HOLDER_FILES]; /* as above */
	bool gone;
};

static unsigned part_of(size_t field)
{
	for (size_t i = 0; i < sizeof parts_of / sizeof *parts_of; i++)
		if (parts_of[i].field == field)
			return parts_of[i].part;
	return METER_DEAR;
}

/* ---- finding the groups ---- */

static int add_group(struct meter *m, const struct cage_tree *tree, int dir, const char *path, enum limit_place place)
{
	AUTO(fd_drop) int fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	m->cage.groups[m->cage.count++] =
		(struct cage_group){.tree = tree, .controllers = tree->controllers, .place = place, .fd = fd_take(&fd)};
	return 0;
}

static void add_tree(struct meter *m, const struct cage_tree *tree, const char *path)
{
	AUTO(fd_drop) int mount = open(tree->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *inner = tree_ops[tree->version].inner;

	if (mount < 0 || m->cage.count + 2 > GROUPS_MAX || add_group(m, tree, mount, path, PLACE_CAGE) < 0)
		return;
	if (inner)
		add_group(m, tree, m->cage.groups[m->cage.count - 1].fd, inner, PLACE_WORK);
}

/* The holder's comes last, as in a cage that was made. */
static int find_groups(struct meter *m, const char *group, struct err *e)
{
	const struct cage_host *host = m->cage.host;
	const struct cage_tree *holder = plan_holder(host);
	AUTO(free_drop) char *path = plan_path(group);

	if (plan_name_fault(group) || !path)
		return err_set(e, EINVAL, "group \"%s\" is not a group's name", group);
	for (size_t i = 0; i < host->count; i++)
		if (&host->trees[i] != holder)
			add_tree(m, &host->trees[i], path);
	add_tree(m, holder, path);
	return m->cage.count ? 0 : err_set(e, ENOENT, "no group %s is there", path);
}

static const struct cage_group *holder_of(const struct meter *m)
{
	return &m->cage.groups[m->cage.count - 1];
}

static void find_files(struct meter *m)
{
	const struct cage_group *holder = holder_of(m);

	for (size_t i = 0; i < cage_sources_count && m->count < ROWS_MAX; i++) {
		const struct source *s = &cage_sources[i];
		struct row *r = &m->rows[m->count];

		*r = (struct row){s, source_group(&m->cage, s), part_of(s->field), -1};
		if (!r->group || !r->part || faccessat(r->group->fd, s->file, F_OK, 0) < 0)
			continue;
		if (r->part != METER_RARE)
			r->fd = openat(r->group->fd, s->file, O_RDONLY | O_CLOEXEC);
		m->count++;
	}
	for (int i = 0; i < HOLDER_FILES; i++) {
		const char *file = holder_files[holder->tree->version][i];

		m->holder[i] = file ? openat(holder->fd, file, O_RDONLY | O_CLOEXEC) : -1;
	}
}

int meter_open(const struct cage_host *host, const char *group, struct meter **ret, struct err *e)
{
	AUTO(meter_drop) struct meter *m = calloc(1, sizeof *m);
	int r;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	m->cage.host = host;
	for (int i = 0; i < HOLDER_FILES; i++)
		m->holder[i] = -1;
	r = find_groups(m, group, e);
	if (r < 0)
		return r;
	find_files(m);
	*ret = m;
	m = NULL;
	return 0;
}

void meter_drop(struct meter **m)
{
	if (!*m)
		return;
	for (size_t i = 0; i < (*m)->count; i++)
		fd_drop(&(*m)->rows[i].fd);
	for (size_t i = 0; i < (*m)->cage.count; i++)
		fd_drop(&(*m)->cage.groups[i].fd);
	for (int i = 0; i < HOLDER_FILES; i++)
		fd_drop(&(*m)->holder[i]);
	free(*m);
	*m = NULL;
}

/* ---- reading ---- */

void meter_clear(struct meter_figures *f)
{
	memset(f, 0xff, sizeof *f);
}

/* fd -1: opened for this once. */
static ssize_t read_text(int fd, const struct cage_group *g, const char *file, char *text, size_t size)
{
	ssize_t n;

	if (fd < 0)
		return file_read(g->fd, file, text, size);
	n = pread(fd, text, size - 1, 0);
	if (n < 0)
		return -errno;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	return n;
}

static ssize_t read_row(const struct row *r, char *text, size_t size)
{
	return read_text(r->fd, r->group, r->source->file, text, size);
}

static ssize_t read_holder(const struct meter *m, int which, char *text, size_t size)
{
	const struct cage_group *g = holder_of(m);
	const char *file = holder_files[g->tree->version][which];

	return file ? read_text(m->holder[which], g, file, text, size) : -ENOENT;
}

static bool same_file(const struct row *a, const struct row *b)
{
	return a->group == b->group && strcmp(a->source->file, b->source->file) == 0;
}

static void read_rows(struct meter *m, unsigned parts, struct cage_usage *u)
{
	const struct row *last = NULL;
	char text[TEXT];
	ssize_t n = -1;

	for (size_t i = 0; i < m->count; i++)
		if (m->rows[i].part & parts)
			*(uint64_t *)(void *)((char *)u + m->rows[i].source->field) = UINT64_MAX;
	for (size_t i = 0; i < m->count; i++) {
		const struct row *r = &m->rows[i];
		uint64_t *field = (uint64_t *)(void *)((char *)u + r->source->field);

		if (!(r->part & parts) || *field != UINT64_MAX)
			continue;
		if (!last || !same_file(last, r))
			n = read_row(r, text, sizeof text);
		last = r;
		m->gone = m->gone || n == -ENODEV;
		*field = n < 0 ? UINT64_MAX : source_value(r->source, text);
	}
}

/* "avg10=1.23" as 123 */
static uint64_t read_average(const char *line)
{
	const char *at = line ? strstr(line, "avg10=") : NULL;
	char *end;
	uint64_t whole;

	if (!at)
		return UINT64_MAX;
	whole = strtoull(at + strlen("avg10="), &end, 10);
	if (*end != '.' || end[1] < '0' || end[1] > '9' || end[2] < '0' || end[2] > '9')
		return UINT64_MAX;
	return whole * 100 + (uint64_t)(end[1] - '0') * 10 + (uint64_t)(end[2] - '0');
}

/* text: NULL where there is none */
static void take_pressure(const char *text, struct meter_pressure *ret)
{
	ret->some = text ? read_average(strstr(text, "some")) : UINT64_MAX;
	ret->full = text ? read_average(strstr(text, "full")) : UINT64_MAX;
}

/* Counted by their lines, without a walk through the groups below where there are none: a directory of the kernel's has
 * a link more for each. */
static uint64_t count_processes(const struct meter *m)
{
	char text[TEXT];
	ssize_t n = read_holder(m, HOLDER_PROCESSES, text, sizeof text);
	struct stat st;
	uint64_t count = 0;

	if (n < 0)
		return UINT64_MAX;
	if (n == sizeof text - 1 || fstat(holder_of(m)->fd, &st) < 0 || st.st_nlink != 2) {
		n = cage_pids(&m->cage, NULL, 0);
		return n < 0 ? UINT64_MAX : (uint64_t)n;
	}
	for (ssize_t i = 0; i < n; i++)
		count += text[i] == '\n';
	return count + (n > 0);
}

static void read_dear(const struct meter *m, struct meter_figures *f)
{
	char text[256];

	f->processes = count_processes(m);
	f->frozen = read_holder(m, HOLDER_FROZEN, text, sizeof text) < 0 ? UINT64_MAX : text[0] == '1';
	take_pressure(read_holder(m, HOLDER_PRESSURE, text, sizeof text) < 0 ? NULL : text, &f->memory);
}

static void read_other_pressure(const struct meter *m, const char *file, struct meter_pressure *ret)
{
	const struct cage_group *holder = holder_of(m);
	char text[256];
	bool there = holder->tree->version == CGROUP_V2 && file_read(holder->fd, file, text, sizeof text) >= 0;

	take_pressure(there ? text : NULL, ret);
}

static void read_rare(const struct meter *m, struct meter_figures *f)
{
	read_other_pressure(m, "cpu.pressure", &f->cpu);
	read_other_pressure(m, "io.pressure", &f->io);
}

void meter_read(struct meter *m, unsigned parts, struct meter_figures *f)
{
	read_rows(m, parts, &f->usage);
	if (parts & METER_DEAR)
		read_dear(m, f);
	if (parts & METER_RARE)
		read_rare(m, f);
}

bool meter_is_gone(const struct meter *m)
{
	return m->gone;
}
