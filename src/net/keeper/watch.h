/* News from the kernel about one address and its device. */
#pragma once

#include <stdbool.h>

#include "net/ip.h"
#include "net/keeper/netlink.h"

/* From now on be told of this address on this device, of the device's going up and down, and of other addresses that
 * may join the subnet; not of other keepers' leases and their refreshing, so that many keepers do not wake each other.
 */
int watch_follow(struct netlink *n, const struct ip *ip, int index, struct err *e);

struct news {
	bool any;
	bool gone;	/* somebody else removed the address, or it ran out */
	bool duplicate; /* IPv6: the kernel found that another host has it */
};

/* Takes all that has come. */
int watch_read(struct netlink *n, const struct ip *ip, int index, struct news *ret, struct err *e);
