/* What each kind of guard does. Only the kinds themselves and guard.c include this. */
#pragma once

#include <stddef.h>

#include "cage/guard/guard.h"

struct guard { /* the first in each kind's own */
	const struct guard_ops *ops;
	enum guard_kind kind;
	struct loop *loop;
	struct cage *cage;
	struct guard_owner *owner;
	unsigned hold_ms;
};

struct guard_ops { /* as the functions of guard.h; look and move may be missing */
	size_t size;
	bool freezes;
	int (*start)(struct guard *g, struct err *e); /* of zeros but for the above. After a failure comes drop */
	void (*release)(struct guard *g, bool room);
	void (*pause)(struct guard *g);
	void (*look)(struct guard *g);
	void (*move)(struct guard *g);
	bool (*holds)(const struct guard *g);
	bool (*is_full)(const struct guard *g);
	void (*drop)(struct guard *g); /* all but the memory of g itself */
};

extern const struct guard_ops guard_decoys, guard_early;
