/* What the parts of a virtual's memory share: memory.c (its limit, and a full cage) and memory_growth.c (how the limit
 * rises and falls by itself).  Nobody else includes this. */
#pragma once

#include "cage/gauge.h"
#include "cage/guard/guard.h"
#include "cage/stall.h"
#include "run/memory.h"

struct memory {
	struct guard_owner guard_owner;
	struct gauge_owner gauge_owner;
	struct stall_owner stall_owner;
	struct memory_owner *owner;
	struct loop *loop;
	struct cage *cage;
	struct spec *spec;
	struct guard *guard; /* or NULL */
	char why[ERR_TEXT];  /* not a better one */
	struct gauge *gauge; /* or NULL: no level is watched */
	int at;		     /* the gauge's level for :at, or -1 */
	struct stall *stall; /* or NULL */
	uint64_t stepped_ms;
	uint64_t described_bytes; /* the limit that was asked for, by description or by hand */
	uint64_t full_bytes;	  /* what was in use when the hold began */
	bool asked;		  /* somebody is to answer */
	struct alarm again;	  /* a step that was refused at :at */
	bool said_end;		  /* that it cannot grow any further */
	struct alarm window;	  /* of :give_back: a look ten times in that time */
	unsigned looks;
	uint64_t used_bytes; /* the most of this window */
	bool rests;	     /* a full cage is stopped until there is room */
	unsigned lent;	     /* how often, since the limit was written */

	/* Of the gauge's levels the first so many: each in percent of the limit; 0: it stays where it is. */
	unsigned *share;
	int shares;
};

#define OWNER_OF(owner, field) ((struct memory *)((char *)(owner)-offsetof(struct memory, field)))

/* ---- memory.c ---- */

uint64_t memory_limit(const struct memory *m);
uint64_t memory_usage(const struct memory *m);
int memory_change_limit(struct memory *m, uint64_t bytes, struct err *e); /* not by hand */
void memory_record(struct memory *m, const char *type);

/* ---- memory_growth.c ---- */

int memory_growth_start(struct memory *m, struct err *e);
void memory_growth_end(struct memory *m);
bool memory_grow(struct memory *m, bool full); /* by a step, if there is to be one. True: there is room now */
void memory_grow_at_level(struct memory *m);   /* usage is at :at */
