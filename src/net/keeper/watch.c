#include "net/keeper/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/keeper/address.h"
#include "net/keeper/filter.h"

int watch_follow(struct netlink *n, const struct ip *ip, int index, struct err *e)
{
	enum { TYPE = 4, INDEX = 20, ATTRIBUTES = 24, VALUE = 4 };
	const uint32_t tail = VALUE + (uint32_t)ip_size(ip) - 4; /* its last 4 bytes tell it from others well enough */
	uint32_t last;

	memcpy(&last, ip->bytes + ip_size(ip) - 4, sizeof last);
	/* What is not found lets the message pass: one too many does no harm. */
	struct sock_filter code[] = {
		FILTER_WORD(INDEX),
		FILTER_DROP_UNLESS(htonl((uint32_t)index)),
		FILTER_HALF(TYPE),
		FILTER_PASS_IF(htons(RTM_NEWLINK)),
		FILTER_PASS_IF(htons(RTM_DELLINK)),
		FILTER_FIND_ATTRIBUTE(ATTRIBUTES, IFA_ADDRESS),
		FILTER_PASS_IF(0),
		FILTER_WORD_AFTER(tail),
		FILTER_PASS_IF(ntohl(last)),
		FILTER_FIND_ATTRIBUTE(ATTRIBUTES, IFA_CACHEINFO),
		FILTER_PASS_IF(0),
		FILTER_WORD_AFTER(VALUE + offsetof(struct ifa_cacheinfo, ifa_valid)),
		FILTER_DROP_IF(htonl(LEASE_S)),
		FILTER_PASS,
	};

	if (FILTER_ATTACH(mnl_socket_get_fd(n->watch), code) < 0)
		return err_sys(e, "filter the news of netlink");
	return 0;
}

struct listening {
	uint32_t own_port;
	const struct ip *ip;
	int index;
	struct news news;
};

static int hear(const struct nlmsghdr *message, void *data)
{
	struct listening *l = data;
	struct entry en;

	if (message->nlmsg_pid == l->own_port)
		return MNL_CB_OK;
	l->news.any = true;
	if (message->nlmsg_type != RTM_DELADDR || !address_read(message, &en))
		return MNL_CB_OK;
	if (en.index != l->index || en.ip.prefix != l->ip->prefix || !ip_same(&en.ip, l->ip))
		return MNL_CB_OK;
	l->news.gone = true;
	if (en.flags & IFA_F_DADFAILED)
		l->news.duplicate = true;
	return MNL_CB_OK;
}

int watch_read(struct netlink *n, const struct ip *ip, int index, struct news *ret, struct err *e)
{
	struct listening l = {.own_port = n->port, .ip = ip, .index = index};
	_Alignas(struct nlmsghdr) char buffer[32768];
	ssize_t got;

	while ((got = mnl_socket_recvfrom(n->watch, buffer, sizeof buffer)) != -1 || errno == ENOBUFS) {
		if (got < 0)
			l.news.any = true; /* some were lost: look for yourself */
		else
			mnl_cb_run(buffer, (size_t)got, 0, 0, hear, &l);
	}
	if (errno != EAGAIN)
		return err_sys(e, "read the news of netlink");
	*ret = l.news;
	return 0;
}
