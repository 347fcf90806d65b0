/* Where the program listens.
 *
 *     localhost:8080, 8080    127.0.0.1 and ::1, whichever of them this host has
 *     :8080                   every address of this host
 *     192.0.2.1:8080, [::1]:8080
 *
 * "localhost" is the loopback by definition and no resolver is asked (RFC 6761, section 6.3): a client may take either
 * of its addresses first.  Port 0 lets the kernel choose.  Other names than localhost are refused.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

enum { LISTEN_MAX = 2, LISTEN_TEXT = 80 };

union listen_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct listen {
	union listen_address addresses[LISTEN_MAX];
	size_t count; /* with more than one, some may be missing on this host */
};

struct listen_sockets {
	int fds[LISTEN_MAX]; /* owned */
	size_t count;
};

/* -EINVAL: the text names what is wrong with `text`. */
int listen_parse(const char *text, struct listen *ret, struct err *e);

/* Listens on every address that this host has, at least one, or on none at all.  -EADDRINUSE: with the remedy. */
int listen_open(const struct listen *l, struct listen_sockets *ret, struct err *e);
void listen_close(struct listen_sockets *s);

/* "127.0.0.1:8080 [::1]:8080", as the kernel tells it; returns buffer. */
char *listen_print(const struct listen_sockets *s, char buffer[LISTEN_MAX * LISTEN_TEXT]);
