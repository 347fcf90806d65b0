/* Addresses of the host: look, add with a lease, remove. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/keeper/netlink.h"

/* How long an address stays without being refreshed, in seconds.  It is also the mark of ours: no DHCP server gives so
 * little, and other addresses last for ever. */
enum { LEASE_S = 10 };

/* What matters about an address, seen from one device. */
struct seen {
	bool lasting;	       /* on the device, whatever its prefix, and not a lease: it was there before us */
	bool lease;	       /* on the device with the lifetime of a lease */
	unsigned lease_prefix; /* bits; ours rather than another */
	uint32_t lease_left_s;
	uint32_t lease_flags; /* IFA_F_TENTATIVE, IFA_F_SECONDARY ... */
	int elsewhere;	      /* index of another device that has it; 0: none */
	bool mates;	      /* other addresses of its subnet on the device */
	bool heirs;	      /* of these, such as are no leases and are secondary: they may go with their primary */
};

int address_look(struct netlink *n, const struct ip *ip, int index, struct seen *ret, struct err *e);

/* Adds it with a lease, or gives it a new one.  alone: -EEXIST when it is there already. */
int address_put(struct netlink *n, const struct ip *ip, int index, bool alone, struct err *e);

/* Exactly this prefix. 0 also when it, or the device, is gone already. */
int address_remove(struct netlink *n, const struct ip *ip, int index, struct err *e);

/* One RTM_NEWADDR or RTM_DELADDR message. */
struct entry {
	struct ip ip;
	int index;
	uint32_t flags;	  /* IFA_F_* */
	uint32_t valid_s; /* UINT32_MAX: for ever */
};
bool address_read(const struct nlmsghdr *message, struct entry *ret);
