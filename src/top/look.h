/* Finds the virtuals by their state folders, and reads their figures from the kernel's files. */
#pragma once

#include "top/model.h"

struct look;

int look_open(struct look **ret, struct err *e);
void look_drop(struct look **l); /* after the model, whose items read through it; NULL is fine */

/* One turn: who has come and gone, and the figures.  Each turn reads what is quick of all virtuals, and what is dear of
 * a quarter of them; everything of the one whose inode is `watched` (0: none), which stays in the model as ITEM_ENDED
 * when it ends.  all: everything of everyone. */
void look_turn(struct look *l, struct model *m, uint64_t watched, bool all);
