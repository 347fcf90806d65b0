#include "cage_fake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cage/inner.h"

static struct fake *current; /* the wrapped calls have no argument for it */

int __real_mkdirat(int dir, const char *name, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_rmdir(const char *path);

/* What the kernel puts into a group of a controller. */
static const struct {
	const char *v1, *v2, *files;
} kernel_files[] = {
	{"memory", NULL,
		"memory.limit_in_bytes memory.memsw.limit_in_bytes memory.oom_control memory.usage_in_bytes "
		"memory.max_usage_in_bytes memory.kmem.usage_in_bytes memory.stat"},
	{NULL, "memory",
		"memory.max memory.high memory.swap.max memory.oom.group memory.current memory.peak memory.stat "
		"memory.events "
		"memory.swap.current"},
	{"cpu", NULL, "cpu.cfs_quota_us cpu.cfs_period_us cpu.shares cpu.stat"},
	{NULL, "cpu", "cpu.max cpu.weight"},
	{"cpuacct", NULL, "cpuacct.usage"},
	{"cpuset", NULL, "cpuset.cpus cpuset.mems"},
	{NULL, "cpuset", "cpuset.cpus"},
	{"pids", "pids", "pids.max pids.current"},
	{"blkio", NULL,
		"blkio.throttle.read_bps_device blkio.throttle.write_bps_device blkio.throttle.read_iops_device "
		"blkio.throttle.write_iops_device blkio.throttle.io_service_bytes"},
	{NULL, "io", "io.max io.stat"},
	{"hugetlb", NULL, "hugetlb.2MB.limit_in_bytes"},
	{NULL, "hugetlb", "hugetlb.2MB.max"},
	{"freezer", NULL, "freezer.state"},
};

static void put(const char *directory, const char *name, const char *text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_all(const char *directory, const char *files)
{
	char copy[512], *rest = copy, *name;

	snprintf(copy, sizeof copy, "%s", files);
	while ((name = strsep(&rest, " ")))
		put(directory, name, "");
}

static void get(const char *directory, const char *name, char *text, size_t size)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "r");
	text[0] = 0;
	if (!file)
		return;
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

static bool has_name(const char *text, const char *name)
{
	char copy[256], *rest = copy, *word;

	snprintf(copy, sizeof copy, "%s", text);
	while ((word = strsep(&rest, " ,")))
		if (strcmp(word, name) == 0)
			return true;
	return false;
}

/* The files of a new group: on v1 of the controllers in its tree's name, on v2 of those that its parent enables. */
static void fill(const char *group)
{
	char tree[64], enabled[256], parent[512];
	bool v2;

	sscanf(group + strlen(current->root) + 1, "%63[^/]", tree);
	v2 = strcmp(tree, "unified") == 0;
	snprintf(parent, sizeof parent, "%s", group);
	*strrchr(parent, '/') = 0;
	get(parent, "cgroup.subtree_control", enabled, sizeof enabled);
	put_all(group, v2 ? "cgroup.procs cgroup.subtree_control cgroup.controllers cgroup.kill cpu.stat"
			  : "cgroup.procs tasks");
	for (size_t i = 0; i < sizeof kernel_files / sizeof *kernel_files; i++) {
		const char *name = v2 ? kernel_files[i].v2 : kernel_files[i].v1;
		char with_plus[64];

		if (!name)
			continue;
		snprintf(with_plus, sizeof with_plus, "%s%s", v2 ? "+" : "", name);
		if (has_name(v2 ? enabled : tree, with_plus))
			put_all(group, kernel_files[i].files);
	}
}

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void log_line(const char *format, ...)
{
	size_t used = strlen(current->log);
	va_list args;

	va_start(args, format);
	vsnprintf(current->log + used, sizeof current->log - used, format, args);
	va_end(args);
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	char link[64], parent[256], group[512];
	int r = __real_mkdirat(dir, name, mode);
	ssize_t n;

	if (r < 0)
		return r;
	snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
	n = readlink(link, parent, sizeof parent - 1);
	assert_true(n > 0);
	parent[n] = 0;
	snprintf(group, sizeof group, "%s/%s", parent, name);
	fill(group);
	log_line("+ %s\n", group + strlen(current->root) + 1);
	return 0;
}

int __wrap_rmdir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
			closedir(dir);
			errno = EBUSY;
			return -1;
		}
	if (dir) {
		rewinddir(dir);
		while ((entry = readdir(dir)))
			unlinkat(dirfd(dir), entry->d_name, 0);
		closedir(dir);
	}
	return __real_rmdir(path);
}

static int note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	size_t skip = strlen(current->root) + 1;

	if (++current->notes == current->fail_note)
		return err_set(e, ENOSPC, "the journal is full");
	log_line("%c %s\n", kind == UNDO_GROUP ? 'G' : 'P', a + skip);
	return 0;
}

/* ---- trees ---- */

static void add_tree(struct fake *f, FILE *mountinfo, const char *tree, int id)
{
	char path[256];
	bool v2 = strncmp(tree, "v2", 2) == 0;
	const char *rest = tree[2] ? tree + 3 : "", *options = "rw,relatime";

	if (strncmp(rest, "ro ", 3) == 0) {
		options = "ro,relatime";
		rest += 3;
	}
	snprintf(path, sizeof path, "%s/%s", f->root, v2 ? "unified" : rest);
	assert_int_equal(mkdir(path, 0755), 0);
	if (v2) {
		put(path, "cgroup.controllers", rest);
		put(path, "cgroup.subtree_control", "");
		put(path, "cpuset.cpus.effective", "0-3\n");
		fprintf(mountinfo, "%d 1 0:%d / %s %s shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", id, id, path,
			options);
		return;
	}
	if (strstr(rest, "cpuset")) {
		put(path, "cpuset.cpus", "0-3\n");
		put(path, "cpuset.mems", "0\n");
		put(path, "cpuset.effective_cpus", "0-3\n");
	}
	if (strstr(rest, "memory"))
		put(path, "memory.memsw.limit_in_bytes", "9223372036854771712\n");
	fprintf(mountinfo, "%d 1 0:%d / %s %s - cgroup cgroup rw,%s\n", id, id, path, options, rest);
}

void fake_open(struct fake *f, const char *const *trees)
{
	FILE *mountinfo;
	int id = 30;

	memset(f, 0, sizeof *f);
	f->undo.note = note;
	strcpy(f->root, "/tmp/cage-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->mountinfo, sizeof f->mountinfo, "%s/mountinfo", f->root);
	mountinfo = fopen(f->mountinfo, "w");
	assert_non_null(mountinfo);
	fputs("22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n23 22 0:21 / /proc rw - proc proc rw\n", mountinfo);
	for (; *trees; trees++)
		add_tree(f, mountinfo, *trees, id++);
	fclose(mountinfo);
	current = f;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void fake_close(struct fake *f)
{
	nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	current = NULL;
}

struct cage_host *fake_host(struct fake *f)
{
	struct cage_host *host = NULL;
	struct err e = {0};

	if (cage_host_open(f->mountinfo, &host, &e) < 0)
		fail_msg("cage_host_open: %s", e.text);
	return host;
}

void fake_write(const struct fake *f, const char *path, const char *text)
{
	put(f->root, path, text);
}

void fake_unlink(const struct fake *f, const char *path)
{
	char full[512];

	snprintf(full, sizeof full, "%s/%s", f->root, path);
	assert_int_equal(unlink(full), 0);
}

void fake_mkdir(const struct fake *f, const char *path)
{
	char full[512];

	snprintf(full, sizeof full, "%s/%s", f->root, path);
	assert_int_equal(mkdir(full, 0755), 0);
	fill(full);
}

bool fake_has(const struct fake *f, const char *path)
{
	char full[512];

	snprintf(full, sizeof full, "%s/%s", f->root, path);
	return access(full, F_OK) == 0;
}

void fake_compare(const struct fake *f, const char *path, const char *text, const char *file, int line)
{
	char got[4096];

	if (!fake_has(f, path)) {
		print_error("%s is not there\n", path);
		_fail(file, line);
	}
	get(f->root, path, got, sizeof got);
	if (strcmp(got, text) != 0) {
		print_error("%s holds \"%s\", not \"%s\"\n", path, got, text);
		_fail(file, line);
	}
}
