/* The limits of disks, when they change while a virtual runs: what is said of a disk is added to what is limited there
 * already, kind by kind. */
#pragma once

#include "cage/cage.h"

/* Those of before and those that are new. The paths belong to the limits that they come from. */
struct disks {
	struct io_limit *list;
	size_t count;
};

/* 0 or -ENOMEM. */
int disks_join(const struct limits *before, const struct limits *new, struct disks *ret, struct err *e);
void disks_drop(struct disks *d);

/* Makes them the limits of a description: its own from then on, and those of `new` that it has not had before.  d is
 * empty afterwards. */
void disks_keep(struct disks *d, struct limits *described, struct limits *new);

/* Lets the disks of `new` have the limits of before; errors are not told, for one has been already. */
void disks_put_back(struct cage *c, const struct limits *before, const struct limits *new);
