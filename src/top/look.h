/* Finds the virtuals by their state folders, and reads their figures from the kernel's files. */
#pragma once

#include "top/model.h"

struct look;

int look_open(struct look **ret, struct err *e);
void look_drop(struct look **l); /* after the model, whose items read through it; NULL is fine */

/* What of it is being looked at. */
struct look_at {
	uint64_t watched;   /* id of one that is shown large; 0: none */
	size_t first, rows; /* places of the model's list that are shown */
	bool all;	    /* everything of everyone is wanted */
};

/* One turn: who has come and gone, and the figures.  A system call is what costs, so that each turn reads the memory
 * of those that are shown and everything of the watched one, which stays in the model as ITEM_ENDED when it ends; what
 * is dear of those that are shown each fourth time, and all others each twelfth. */
void look_turn(struct look *l, struct model *m, const struct look_at *at);
