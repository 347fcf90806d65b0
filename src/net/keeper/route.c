#include "net/keeper/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/keeper/address.h"

struct route {
	struct ip subnet; /* asked for */
	int index;
	bool found;
	uint32_t metric;
};

static int see_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(message);
	struct ip to = {.family = AF_INET6, .prefix = head->rtm_dst_len};
	const struct rta_cacheinfo *times = NULL;
	struct route *route = data;
	uint32_t metric = 0, index = 0;
	const struct nlattr *a;

	NETLINK_EACH_ATTRIBUTE(a, message, sizeof *head)
	{
		switch (mnl_attr_get_type(a)) {
		case RTA_DST:
			memcpy(to.bytes, mnl_attr_get_payload(a), 16);
			break;
		case RTA_OIF:
			index = mnl_attr_get_u32(a);
			break;
		case RTA_PRIORITY:
			metric = mnl_attr_get_u32(a);
			break;
		case RTA_CACHEINFO:
			times = mnl_attr_get_payload(a);
		}
	}
	if (head->rtm_protocol != RTPROT_KERNEL || head->rtm_table != RT_TABLE_MAIN || (int)index != route->index ||
		!ip_same_subnet(&to, &route->subnet))
		return MNL_CB_OK;
	/* In hundredths of a second, whatever the kernel's own clock. 0: does not end. */
	if (!times || times->rta_expires <= 0 || times->rta_expires > LEASE_S * 100)
		return MNL_CB_OK;
	route->found = true;
	route->metric = metric;
	return MNL_CB_OK;
}

static void put_route(struct nlmsghdr *request, const struct route *route, uint16_t type, uint16_t flags)
{
	struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof *head);

	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	head->rtm_family = AF_INET6;
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_protocol = RTPROT_KERNEL;
	mnl_attr_put_u32(request, RTA_OIF, (uint32_t)route->index);
	if (type != RTM_DELROUTE)
		return;
	head->rtm_dst_len = (uint8_t)route->subnet.prefix;
	mnl_attr_put(request, RTA_DST, 16, route->subnet.bytes);
	mnl_attr_put_u32(request, RTA_PRIORITY, route->metric);
}

int route_remove_leased(struct netlink *n, const struct ip *ip, int index, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct route route = {.subnet = *ip, .index = index};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	int r;

	put_route(request, &route, RTM_GETROUTE, NLM_F_DUMP);
	r = netlink_transact(n, request, see_route, &route);
	if (r == 0 && route.found) {
		for (unsigned i = ip->prefix; i < 128; i++) /* the kernel wants the host's bits cleared */
			route.subnet.bytes[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
		request = mnl_nlmsg_put_header(buffer);
		put_route(request, &route, RTM_DELROUTE, NLM_F_ACK);
		r = netlink_transact(n, request, NULL, NULL);
	}
	errno = -r;
	return r < 0 && r != -ESRCH ? err_sys(e, "remove the route of the subnet") : 0;
}
