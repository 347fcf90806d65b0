/* Capabilities of the calling thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The kernel's last capability. */
int caps_last(void);

/* Drops all but `keep` from the bounding set, for good. Needs CAP_SETPCAP. last: caps_last(). */
int caps_bound(uint64_t keep, int last, struct err *e);

/* Once the ids are final: leaves nothing but `keep`, nothing inheritable, nothing ambient.  `ambient`: they shall
 * survive exec as another user than root, which only inheritable and ambient ones do. */
int caps_shed(uint64_t keep, int last, bool ambient, struct err *e);
