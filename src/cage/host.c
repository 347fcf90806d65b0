#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cage/file.h"
#include "cage/inner.h"
#include "cage/mounts.h"

const char *const controller_names[CTRL_COUNT][CGROUP_VERSIONS] = {
	[CTRL_CPU] = {"cpu", "cpu"},
	[CTRL_CPUACCT] = {"cpuacct", NULL},
	[CTRL_CPUSET] = {"cpuset", "cpuset"},
	[CTRL_MEMORY] = {"memory", "memory"},
	[CTRL_IO] = {"blkio", "io"},
	[CTRL_PIDS] = {"pids", "pids"},
	[CTRL_HUGETLB] = {"hugetlb", "hugetlb"},
	[CTRL_FREEZER] = {"freezer", NULL},
};

unsigned controllers_parse(char *text, const char *separators, enum cgroup_version version)
{
	unsigned found = 0;
	char *word;

	while ((word = strsep(&text, separators)))
		for (int c = 0; c < CTRL_COUNT; c++)
			if (controller_names[c][version] && strcmp(word, controller_names[c][version]) == 0)
				found |= 1U << c;
	return found;
}

char *controllers_text(char *buffer, size_t size, unsigned controllers, enum cgroup_version version)
{
	size_t used = 0;

	buffer[0] = 0;
	for (int c = 0; c < CTRL_COUNT && used < size; c++)
		if ((controllers & 1U << c) && controller_names[c][version])
			used += (size_t)snprintf(
				buffer + used, size - used, "%s%s", used ? "," : "", controller_names[c][version]);
	return buffer;
}

/* What the v2 tree offers. -ENOENT: something else is mounted over it, so it cannot be reached. */
static int read_offer(const char *mount, unsigned *ret, struct err *e)
{
	AUTO(fd_drop) int dir = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[FILE_TEXT];
	ssize_t n = dir < 0 ? -errno : file_read(dir, "cgroup.controllers", text, sizeof text);

	if (n < 0) {
		errno = (int)-n;
		return err_sys(e, "read %s/cgroup.controllers", mount);
	}
	*ret = controllers_parse(text, " ", CGROUP_V2);
	return 0;
}

static int add_tree(struct cage_host *host, const struct mount_line *m, enum cgroup_version version,
	unsigned controllers, struct err *e)
{
	struct cage_tree *tree = &host->trees[host->count];

	*tree = (struct cage_tree){
		.mount = strdup(m->point),
		.version = version,
		.controllers = controllers,
		.read_only = mounts_option(m->options, "ro") || mounts_option(m->super, "ro"),
		.whole = strcmp(m->root, "/") == 0,
	};
	if (!tree->mount)
		return err_set(e, ENOMEM, "out of memory");
	host->count++;
	for (int c = 0; c < CTRL_COUNT; c++)
		if (controllers & 1U << c)
			host->of[c] = tree;
	if (version == CGROUP_V2)
		host->unified = tree;
	return 0;
}

/* The first mount of a hierarchy counts; further ones of the same are other doors to the same room. */
static int take_line(struct cage_host *host, const struct mount_line *m, struct err *e)
{
	unsigned controllers;

	if (strcmp(m->type, "cgroup2") == 0 && !host->unified) {
		int r = read_offer(m->point, &controllers, e);

		if (r == -ENOENT || r == -ENOTDIR)
			return 0;
		return r < 0 ? r : add_tree(host, m, CGROUP_V2, controllers, e);
	}
	if (strcmp(m->type, "cgroup") != 0)
		return 0;
	controllers = controllers_parse(m->super, ",", CGROUP_V1);
	for (int c = 0; c < CTRL_COUNT; c++)
		if (host->of[c])
			controllers &= ~(1U << c);
	return controllers ? add_tree(host, m, CGROUP_V1, controllers, e) : 0;
}

static int find_trees(struct cage_host *host, struct err *e)
{
	AUTO(free_drop) char *text = file_slurp(host->mountinfo, e);
	char *rest = text;
	struct mount_line line;

	if (!text)
		return -e->code;
	while (mounts_next(&rest, " - cgroup", &line)) {
		int r = take_line(host, &line, e);

		if (r < 0)
			return r;
	}
	if (host->count == 0)
		return err_set(e, ENOENT,
			"no control groups are mounted on this host; mount them with: mount -t cgroup2 none "
			"/sys/fs/cgroup");
	return 0;
}

int cage_host_open(const char *mountinfo, struct cage_host **ret, struct err *e)
{
	AUTO(cage_host_drop) struct cage_host *host = calloc(1, sizeof *host);
	int r;

	if (!host || !(host->mountinfo = strdup(mountinfo)))
		return err_set(e, ENOMEM, "out of memory");
	r = find_trees(host, e);
	if (r < 0)
		return err_while(e, "find the control groups");
	*ret = host;
	host = NULL;
	return 0;
}

void cage_host_drop(struct cage_host **host)
{
	if (!*host)
		return;
	for (size_t i = 0; i < (*host)->count; i++)
		free((*host)->trees[i].mount);
	free((*host)->mountinfo);
	free(*host);
	*host = NULL;
}

const char *cage_host_kind(const struct cage_host *host)
{
	if (!host->unified)
		return "v1";
	return host->count == 1 ? "v2" : "hybrid";
}

const char *cage_host_controller(const struct cage_host *host, enum controller c)
{
	return host->of[c] ? host->of[c]->mount : NULL;
}
