/* The vip of a virtual: an address on a network device of the host, there as long as the virtual is.
 *
 * A small process of its own keeps it (the program virtualing-vip, over libmnl): it probes for a duplicate, adds the
 * address with a lifetime, announces it, refreshes the lifetime, and takes the address away as soon as its socket
 * closes.  So the address goes when the supervisor goes, however that ends; should both be killed at once, the
 * kernel removes it within seconds.
 *
 * Sources: RFC 5227 (IPv4 probe and announcement), RFC 4862 and RFC 4861 (IPv6), rtnetlink(7).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/faults.h"
#include "base/undo.h"

struct vip {
	char *address;  /* "10.0.0.5", "10.0.0.5/24", "fd00::5"; NULL: none */
	char *device;   /* "eth0" */
	bool announce;  /* gratuitous ARP, unsolicited neighbour advertisement: true by default */
};
void vip_clear(struct vip *v);

/* Address and prefix well formed, device there and up; section "ip". Makes nothing. */
void vip_check(const struct vip *v, struct faults *f);

/* A running keeper. fd is for epoll: readable when it has something to say. Close it and the address goes. */
struct vip_keeper {
	int fd;
	pid_t pid;
	int pidfd;
};

/* Notes UNDO_ADDRESS, starts the keeper and returns at once. */
int vip_start(const struct vip *v, struct undo *u, struct vip_keeper *ret, struct err *e);

/* What it said: 1 the address is there and announced; 0 nothing yet; -errno it failed (EADDRINUSE: somebody else
 * answers for it, with their hardware address in the text). Call when fd is readable. */
int vip_read(struct vip_keeper *k, struct err *e);

/* Closes the socket, and waits until the keeper has taken the address away and is gone (bounded: 1 s). */
void vip_stop(struct vip_keeper *k);

/* Undoes UNDO_ADDRESS: removes the address if it still carries a lifetime (ours always does). 0 if gone already. */
int vip_undo(const char *address, const char *device, struct err *e);
