/* IPv4 address conflict detection and announcement over ARP.  Source: RFC 5227.
 *
 * Deviation: the RFC spreads three probes over up to 7 s and then waits 2 s more, for links of 2008 and hosts that may
 * be asleep.  Here a service waits to be started, so the same three probes go out within 200 ms, which is the quick
 * mode that NetworkManager and systemd-networkd's library allow too: an Ethernet neighbour answers within milliseconds.
 * A neighbour behind a switch port that still learns (spanning tree) can be missed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"

enum {
	ARP_PROBES = 3,
	ARP_FIRST_JITTER_MS = 20, /* so that hosts that start together do not shout together */
	ARP_SPACING_MS = 55,	  /* between probes; plus the jitter of each */
	ARP_JITTER_MS = 10,
	ARP_LISTEN_MS = 60, /* after the last */
};

/* A socket that hears only what may be a conflict about ip; close it when that is settled. -errno. */
int arp_open(const struct link *l, const struct ip *ip, struct err *e);

/* Asks whether somebody has it, with 0.0.0.0 as sender, so that no neighbour learns anything. */
int arp_probe(int fd, const struct link *l, const struct ip *ip, struct err *e);

/* Takes what has come. True: somebody else has the address, or is about to take it, with this hardware address. */
bool arp_conflict(int fd, const struct link *l, const struct ip *ip, uint8_t hardware[6]);

/* Gratuitous ARP: neighbours that know the address learn our hardware address. */
int arp_announce(const struct link *l, const struct ip *ip, struct err *e);
