/* The keeper's life: probe, add, announce, refresh, withdraw, and start over when the address gets lost. */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "base/err.h"
#include "net/ip.h"

struct keep {
	struct ip ip;
	char device[IF_NAMESIZE];
	bool announce;
	int socket; /* SOCK_SEQPACKET; one line per message, see main.c; borrowed */
};

/* Returns when the socket was closed or a signal to end has come and the address is withdrawn, or when it could not be
 * had in the first place, after saying so on the socket: 0 or -errno. */
int keeper_run(const struct keep *what, struct err *e);

enum { KEEPER_LINE = ERR_TEXT + 32 }; /* bytes of the longest message */

/* Sends a line; one that finds no room, or nobody listening, is lost. */
void keeper_say(int socket, const char *format, ...) __attribute__((format(printf, 2, 3)));
