/* The figures of a cage that another process holds, read again and again.
 *
 * Order: meter_open, then meter_read as often as wanted, meter_drop.  What is not rare is read through descriptors that
 * stay open (or, where there are no more to be had, opened each time); a read allocates nothing.  When the groups are
 * removed the figures become "not known", and meter_is_gone() tells.
 *
 * Sources: those of cage/cage.h; Documentation/accounting/psi.rst.
 */
#pragma once

#include "cage/cage.h"

enum meter_part {
	METER_QUICK = 1, /* memory */
	METER_DEAR = 2,	 /* its limit and peak, CPU time, kills, disks, pressure on the memory, processes, frozen: a
			    dozen files */
	METER_RARE = 4,	 /* swap, what memory is made of, other pressures */
};

/* Share of the last ten seconds in which some or all of those inside waited, in hundredths of a percent. */
struct meter_pressure {
	uint64_t some, full;
};

struct meter_figures {
	struct cage_usage usage; /* kills are as the kernel counts them: on v1 with those of the guard's decoys */
	struct meter_pressure memory, cpu, io;
	uint64_t processes; /* without their threads */
	uint64_t frozen;    /* 0 or 1 */
};			    /* UINT64_MAX where the kernel does not say */

struct meter;

/* group: as in a description, "web" or "/a/b". host: borrowed, must outlive it. -ENOENT: none of its groups is there.
 */
int meter_open(const struct cage_host *host, const char *group, struct meter **ret, struct err *e);
void meter_drop(struct meter **m); /* NULL is fine */

/* Nothing known. */
void meter_clear(struct meter_figures *f);

/* parts: of enum meter_part; the others' figures stay as they are. Best effort, never fails. */
void meter_read(struct meter *m, unsigned parts, struct meter_figures *f);

/* The last read found that its groups had been removed. */
bool meter_is_gone(const struct meter *m);
