#include "net/keeper/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/own.h"

static void close_socket(struct mnl_socket **s)
{
	if (*s)
		mnl_socket_close(*s);
	*s = NULL;
}

void netlink_drop(struct netlink **n)
{
	if (!*n)
		return;
	close_socket(&(*n)->ask);
	close_socket(&(*n)->watch);
	free(*n);
	*n = NULL;
}

int netlink_open(struct netlink **ret, struct err *e)
{
	AUTO(netlink_drop) struct netlink *n = calloc(1, sizeof *n);
	const int on = 1;

	if (!n)
		return err_set(e, ENOMEM, "netlink: out of memory");
	n->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	n->watch = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->ask || !n->watch)
		return err_sys(e, "open a netlink socket");
	if (mnl_socket_bind(n->ask, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_bind(n->watch, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) <
			0)
		return err_sys(e, "bind a netlink socket");
	/* Lists only what was asked for; before Linux 4.20 the answers are longer, and we choose. */
	mnl_socket_setsockopt(n->ask, NETLINK_GET_STRICT_CHK, (void *)&on, sizeof on);
	n->port = mnl_socket_get_portid(n->ask);
	*ret = n;
	n = NULL;
	return 0;
}

enum { MORE = 1, DONE = 0 };

/* One message of an answer: MORE to come, DONE, or -errno. */
static int take_message(const struct nlmsghdr *message, mnl_cb_t take, void *data, bool *torn)
{
	*torn |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (message->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
	if (message->nlmsg_type == NLMSG_DONE)
		return DONE;
	if (take && message->nlmsg_type >= NLMSG_MIN_TYPE)
		take(message, data);
	return MORE;
}

/* libmnl's own mnl_cb_run() stops in the middle of a list that changed meanwhile and leaves its rest in the socket,
 * where the next question would find it. */
int netlink_transact(struct netlink *n, struct nlmsghdr *request, mnl_cb_t take, void *data)
{
	_Alignas(struct nlmsghdr) char buffer[32768]; /* what the kernel fills at most at a time */
	bool torn = false;
	int r = MORE;

	request->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->ask, request, request->nlmsg_len) < 0)
		return -errno;
	while (r == MORE) {
		ssize_t got = mnl_socket_recvfrom(n->ask, buffer, sizeof buffer);
		int left = (int)got;

		if (got < 0)
			return -errno;
		for (const struct nlmsghdr *m = (void *)buffer; r == MORE && mnl_nlmsg_ok(m, left);
			m = mnl_nlmsg_next(m, &left))
			if (m->nlmsg_seq == n->sequence)
				r = take_message(m, take, data, &torn);
	}
	return r < 0 ? r : torn ? -EINTR : 0;
}
