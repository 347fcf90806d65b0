/* The HTTP server: connections, requests, and who answers them.  Order: server_start, [a signal comes], server_stop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "load/listen.h"

struct server;

/* Serves in threads of its own, which have the caller's mask of signals.  sockets: taken over when it succeeds.
 * chunk_bytes: what a request for memory takes. */
int server_start(struct listen_sockets *sockets, size_t chunk_bytes, struct server **ret, struct err *e);

/* Takes no more requests, ends those that there are, and frees everything.  False: a request did not end in time (it
 * waits for memory or for a disk), nothing has been freed, and only the end of the process ends it. */
bool server_stop(struct server **s, unsigned timeout_ms);
