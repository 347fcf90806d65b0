#include "run/disks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct io_limit *find(struct io_limit *list, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].path, path) == 0)
			return &list[i];
	return NULL;
}

int disks_join(const struct limits *before, const struct limits *new, struct disks *ret, struct err *e)
{
	*ret = (struct disks){.list = calloc(before->io_count + new->io_count + 1, sizeof *ret->list)};
	if (!ret->list)
		return err_set(e, ENOMEM, "out of memory");
	for (; ret->count < before->io_count; ret->count++)
		ret->list[ret->count] = before->io[ret->count];
	for (size_t i = 0; i < new->io_count; i++) {
		struct io_limit *disk = find(ret->list, before->io_count, new->io[i].path);

		if (!disk)
			ret->list[ret->count++] = new->io[i];
		for (int kind = 0; disk && kind < IO_KINDS; kind++)
			if (new->io[i].value[kind])
				disk->value[kind] = new->io[i].value[kind];
	}
	return 0;
}

void disks_drop(struct disks *d)
{
	free(d->list);
	*d = (struct disks){0};
}

void disks_keep(struct disks *d, struct limits *described, struct limits *new)
{
	for (size_t i = 0; i < new->io_count; i++)
		if (!find(described->io, described->io_count, new->io[i].path))
			new->io[i].path = NULL;
	free(described->io);
	described->io = d->list;
	described->io_count = d->count;
	*d = (struct disks){0};
}

void disks_put_back(struct cage *c, const struct limits *before, const struct limits *new)
{
	struct err ignored;

	for (size_t i = 0; i < new->io_count; i++) {
		const struct io_limit *was = find(before->io, before->io_count, new->io[i].path);
		struct io_limit disk = new->io[i];

		for (int kind = 0; kind < IO_KINDS; kind++)
			if (disk.value[kind])
				disk.value[kind] = was && was->value[kind] ? was->value[kind] : SIZE_NO_LIMIT;
		cage_apply(c, &(struct limits){.given = 1U << LIMIT_IO, .io = &disk, .io_count = 1}, &ignored);
	}
}
