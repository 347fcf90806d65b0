/* Taking an address away without taking others along.
 *
 * The kernel calls the first IPv4 address of a subnet on a device its primary and the later ones secondary.  When the
 * primary goes, by hand or because its lifetime is over, the secondaries go too, unless the sysctl
 * net.ipv4.conf.DEVICE.promote_secondaries says that the next one takes its place.  Its default is 0.  Ours is primary
 * when it was given with the prefix of a subnet that was not on the device; an address that the administrator or a DHCP
 * client adds there later must outlive it.  So
 *   - while ours is taken away, the sysctl is 1, for microseconds, under a lock of all keepers; and
 *   - as soon as such an address appears, ours steps down: it is taken away in the same manner and added again as a
 *     secondary.  From then on it is harmless, also when its keeper is killed and only its lifetime ends it.
 * Leases of other keepers are no reason to step down, or two would do so for each other for ever; their keepers put
 * them back themselves.  Where /proc/sys cannot be written all this is left out.
 */
#pragma once

#include "net/keeper/address.h"
#include "net/link.h"

/* Removes the lease of exactly this prefix, if there is one, and nothing else. 0 also when it is gone already. */
int withdraw(struct netlink *n, const struct ip *ip, const struct link *l, struct err *e);

/* Makes ours a secondary if others would go with it. 0 also when nothing had to be done. */
int step_down(struct netlink *n, const struct ip *ip, const struct link *l, struct err *e);
