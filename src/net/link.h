/* A network device as it is now. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct link {
	char name[IF_NAMESIZE];
	int index;
	short flags;	     /* IFF_UP, IFF_RUNNING, IFF_NOARP ...: netdevice(7) */
	bool ethernet;	     /* has a hardware address of 6 bytes */
	uint8_t hardware[6]; /* zero unless ethernet */
};

/* 0; -ENODEV: no such device, and the text names those that there are, the nearest first; -ENETDOWN: it is down (*ret
 * is filled all the same), and the text says how to bring it up. */
int link_read(const char *name, struct link *ret, struct err *e);

/* Whether neighbours can be asked on it, and told: Ethernet, neither loopback nor switched to IFF_NOARP. */
bool link_has_neighbours(const struct link *l);

enum { LINK_HARDWARE_TEXT = 18 };
char *link_print_hardware(char buffer[LINK_HARDWARE_TEXT], const uint8_t hardware[6]); /* "02:00:00:00:00:01" */
