/* A thread that takes new connections from the listening sockets and hands them on.
 *
 * It is apart from the thread that serves them because accept() may be held: the kernel charges a new socket to the
 * cage, and where that is full and guarded, whoever wants more waits.  The connections that are there are served
 * meanwhile.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "load/listen.h"

struct gate;

/* hand_on owns fd. sockets: taken over when it succeeds. */
int gate_open(struct listen_sockets *sockets,
	void (*hand_on)(void *with, int fd, const struct sockaddr *from, socklen_t length), void *with,
	struct gate **ret, struct err *e);

/* Ends the thread, closes the sockets, and frees it; false: the thread is held and did not end in time. */
bool gate_close(struct gate **g, unsigned timeout_ms);
