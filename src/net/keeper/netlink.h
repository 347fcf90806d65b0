/* Two sockets to the kernel's rtnetlink(7), over libmnl. */
#pragma once

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "base/err.h"

struct netlink {
	struct mnl_socket *ask;	  /* questions and orders; the kernel answers at once */
	struct mnl_socket *watch; /* what it tells by itself; does not block */
	uint32_t port;		  /* of ask: news of changes that we made ourselves carry it */
	uint32_t sequence;
};

int netlink_open(struct netlink **ret, struct err *e);
void netlink_drop(struct netlink **n); /* NULL is fine */

/* Sends, and passes each message of the answer to `take` (NULL: none is wanted). 0 or -errno: what the kernel answered;
 * -EINTR: a list changed while it was being read. */
int netlink_transact(struct netlink *n, struct nlmsghdr *request, mnl_cb_t take, void *data);

/* For each attribute of a message behind its fixed part.  (libmnl's own macro does not compile without a warning.) */
#define NETLINK_EACH_ATTRIBUTE(a, message, offset)                                                        \
	for ((a) = mnl_nlmsg_get_payload_offset((message), (offset));                                     \
		mnl_attr_ok((a), (int)((char *)mnl_nlmsg_get_payload_tail(message) - (const char *)(a))); \
		(a) = mnl_attr_next(a))
