#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cage/inner.h"

bool plan_wants(const struct limits *l, enum limit which)
{
	const struct limit_row *row = &limit_rows[which];

	if (!limits_has(l, which))
		return false;
	switch (row->type) {
	case LIMIT_IS_CPUSET:
		return l->cpus;
	case LIMIT_IS_IO:
		return l->io_count > 0;
	case LIMIT_IS_HUGETLB:
		return l->hugetlb_count > 0;
	case LIMIT_IS_CPU:
	case LIMIT_IS_SIZE:
	case LIMIT_IS_COUNT:
	case LIMIT_IS_BOOL:
		break;
	}
	return l->value[which] != row->normal;
}

unsigned plan_controllers(const struct cage_host *host, const struct limits *l)
{
	/* for the usage that `list` shows, and as the guard's place */
	unsigned wanted = 1U << CTRL_MEMORY | l->counted;
	unsigned there = 0;

	if (!host->unified)
		wanted |= 1U << CTRL_FREEZER | 1U << CTRL_CPUACCT;
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (limits_has(l, (enum limit)i))
			wanted |= 1U << limit_rows[i].controller;
	for (int c = 0; c < CTRL_COUNT; c++)
		if (host->of[c])
			there |= 1U << c;
	return wanted & there;
}

const struct cage_tree *plan_holder(const struct cage_host *host)
{
	if (host->unified)
		return host->unified;
	if (host->of[CTRL_FREEZER])
		return host->of[CTRL_FREEZER];
	return host->of[CTRL_MEMORY] ? host->of[CTRL_MEMORY] : &host->trees[0];
}

static const char *component_fault(const char *name, size_t length)
{
	if (length == 0)
		return "has an empty part";
	if (length > 200)
		return "has a part of more than 200 bytes";
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return "may not contain \".\" or \"..\"";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < 32 || name[i] == 127)
			return "contains a control character";
	return NULL;
}

const char *plan_name_fault(const char *group)
{
	const char *part = group + (group[0] == '/');

	if (strlen(group) > 1024)
		return "is longer than 1024 bytes";
	if (strncmp(group, "/" SHARED_PARENT, strlen("/" SHARED_PARENT)) == 0 &&
		strchr("/", group[strlen("/" SHARED_PARENT)]))
		return "is where the groups with plain names are; give the plain name";
	if (group[0] != '/' && strchr(group, '/'))
		return "is neither a plain name nor an absolute path";
	for (;;) {
		size_t length = strcspn(part, "/");
		const char *fault = component_fault(part, length);

		if (fault || !part[length])
			return fault;
		part += length + 1;
	}
}

char *plan_path(const char *group)
{
	char *path;

	if (group[0] == '/')
		return strdup(group + 1);
	return asprintf(&path, SHARED_PARENT "/%s", group) < 0 ? NULL : path;
}
