/* IPv6 neighbour discovery: who has our address, and saying that it is ours.  Sources: RFC 4861, RFC 4862.
 *
 * Duplicate address detection itself is the kernel's.  It tells that there is a duplicate but not whose, so we listen
 * to the answers as well.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"

/* A socket that hears only neighbour solicitations and advertisements about ip. -errno. */
int ndisc_open(const struct link *l, const struct ip *ip, struct err *e);

/* Takes what has come. True: somebody else has the address or is trying for it, with this hardware address. */
bool ndisc_rival(int fd, const struct link *l, uint8_t hardware[6]);

/* Unsolicited neighbour advertisement (RFC 4861 section 7.2.6). The address must be past duplicate detection. */
int ndisc_announce(const struct link *l, const struct ip *ip, struct err *e);
