/* Tells when the memory usage of a cage goes up or down through levels.
 *
 * v2 has no such event, and v1's is checked by the kernel only every 512 KiB for each CPU, so usage is read: the next
 * look comes when the nearest level can be reached, after 1 to 100 ms; upwards at 16 GiB a second for each CPU,
 * downwards at 128, for giving back is so much faster.  A level is left downwards only when usage is clearly below it.
 * A spike between two looks is seen by the kernel's own peak: each of them on v1 and, since Linux 6.12, on v2; before
 * that on v2 only if none before was as high.  Without a level there is no look.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cage/cage.h"
#include "sys/loop.h"

struct gauge;

struct gauge_owner {
	void (*crossed)(struct gauge_owner *o, int level, bool up, uint64_t usage_bytes);
};

int gauge_open(struct loop *l, struct cage *c, struct gauge_owner *o, struct gauge **ret, struct err *e);

/* A level at so many bytes; its number, counted from 0, or -ENOMEM. A level that is exceeded already is crossed at the
 * first look. */
int gauge_add(struct gauge *g, uint64_t bytes);
void gauge_move(struct gauge *g, int level, uint64_t bytes);

void gauge_drop(struct gauge **g); /* after a last look. NULL is fine */

/* ---- for tests ---- */

/* Milliseconds until the next look, for the distance to a level that can be crossed downwards or upwards. */
unsigned gauge_pause_ms(uint64_t distance_bytes, bool down, unsigned cpus);
