#pragma once

#include "net/ip.h"
#include "net/keeper/netlink.h"

/* When an IPv6 address with a lifetime goes, the kernel leaves the route of its subnet until that lifetime is over.
 * This takes the route away; only one that would have ended by itself within a lease. 0 also when there is none. */
int route_remove_leased(struct netlink *n, const struct ip *ip, int index, struct err *e);
