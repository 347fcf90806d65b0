/* The vip of a virtual: an address on a network device of the host, there as long as the virtual is.
 *
 * A small process of its own keeps it (the program virtualing-vip, over libmnl; its theory is in keeper/main.c): it
 * probes for a duplicate, adds the address with a lifetime, announces it, refreshes the lifetime, and takes the address
 * away as soon as its socket closes.  So the address goes when the supervisor goes, however that ends; should both be
 * killed at once, the kernel removes it within seconds.
 *
 * The prefix is as given, else that of one host (/32, /128); the latter works for clients just as well when the
 * device's own subnet holds the address.  An address that was there before, with whatever prefix, is used and left.
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
	char *address; /* "10.0.0.5", "10.0.0.5/24", "fd00::5"; NULL: none */
	char *device;  /* "eth0" */
	bool announce; /* gratuitous ARP, unsolicited neighbour advertisement: true by default */
};
void vip_clear(struct vip *v); /* frees both texts; what is left is "none" */

/* Address and prefix well formed, device there and up; section "ip", keys "vip" and "dev". Makes nothing. */
void vip_check(const struct vip *v, struct faults *f);

/* A running keeper. fd is for epoll: readable when it has something to say. Close it and the address goes.
 * No other process may hold fd: it is closed on exec, and a child that does not exec must close it. */
struct vip_keeper {
	int fd;
	pid_t pid;
	int pidfd;
	bool over; /* it has ended: take fd out of epoll (it stays readable) and call vip_stop */
};

/* Notes UNDO_ADDRESS ("10.0.0.5/32", device), starts the keeper and returns at once. -ENOENT: no keeper program. */
int vip_start(const struct vip *v, struct undo *u, struct vip_keeper *ret, struct err *e);

/* The next thing that it said.  Does not block; call when fd is readable.
 *   1       the address is there and announced.  Comes again each time that it is back.
 *   0       nothing now.
 *   -errno  it is not there; the text says why.  -EADDRINUSE: somebody else answers for it (with their hardware address
 *           in the text) or another virtual keeps it; -ENODEV, -ENETDOWN: the device went; -EPIPE: the keeper died.
 * `over` tells whether it goes on trying, as it does once the address has been there, or has given up. */
int vip_read(struct vip_keeper *k, struct err *e);

/* Closes the socket, and waits until the keeper has taken the address away and is gone (bounded: 1 s; then it is
 * killed, and the kernel removes the address within 10 s). Reaps it. May be called twice. */
void vip_stop(struct vip_keeper *k);

/* Undoes UNDO_ADDRESS: removes the address if a keeper added it (a lifetime of at most 10 s tells; an address of the
 * host or of DHCP is left). 0 if gone already, or the device is. Bounded: 5 s. */
int vip_undo(const char *address, const char *device, struct err *e);
