#include "net/keeper/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* ---- what a message says of an address ---- */

/* IFA_LOCAL where it is given: on point-to-point links IFA_ADDRESS is the other end. */
bool address_read(const struct nlmsghdr *message, struct entry *ret)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(message);
	struct entry en = {.ip = {.family = head->ifa_family, .prefix = head->ifa_prefixlen},
		.index = (int)head->ifa_index,
		.flags = head->ifa_flags,
		.valid_s = UINT32_MAX};
	const struct nlattr *a, *address = NULL, *local = NULL;

	if (head->ifa_family != AF_INET && head->ifa_family != AF_INET6)
		return false;
	NETLINK_EACH_ATTRIBUTE(a, message, sizeof *head)
	{
		unsigned type = mnl_attr_get_type(a), length = mnl_attr_get_payload_len(a);

		if (type == IFA_ADDRESS && length >= ip_size(&en.ip))
			address = a;
		else if (type == IFA_LOCAL && length >= ip_size(&en.ip))
			local = a;
		else if (type == IFA_FLAGS && length >= sizeof en.flags)
			en.flags = mnl_attr_get_u32(a);
		else if (type == IFA_CACHEINFO && length >= sizeof(struct ifa_cacheinfo))
			en.valid_s = ((const struct ifa_cacheinfo *)mnl_attr_get_payload(a))->ifa_valid;
	}
	if (!address && !local)
		return false;
	memcpy(en.ip.bytes, mnl_attr_get_payload(local ? local : address), ip_size(&en.ip));
	*ret = en;
	return true;
}

/* ---- look ---- */

enum { TRIES = 5 }; /* of a list that was changed by others while it was being read */

struct look {
	const struct ip *ip;
	int index;
	struct seen seen;
};

static void see_on_device(struct look *l, const struct entry *en)
{
	bool lease = en->valid_s <= LEASE_S;

	if (!ip_same(&en->ip, l->ip)) {
		if (!ip_same_subnet(&en->ip, l->ip))
			return;
		l->seen.mates = true;
		if (!lease && en->flags & IFA_F_SECONDARY)
			l->seen.heirs = true;
		return;
	}
	if (!lease) {
		l->seen.lasting = true;
		return;
	}
	if (l->seen.lease && l->seen.lease_prefix == l->ip->prefix)
		return;
	l->seen.lease = true;
	l->seen.lease_prefix = en->ip.prefix;
	l->seen.lease_left_s = en->valid_s;
	l->seen.lease_flags = en->flags;
}

static bool is_link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

static int see(const struct nlmsghdr *message, void *data)
{
	struct look *l = data;
	struct entry en;

	if (message->nlmsg_type != RTM_NEWADDR || !address_read(message, &en))
		return MNL_CB_OK;
	if (en.index == l->index)
		see_on_device(l, &en);
	else if (ip_same(&en.ip, l->ip) && !is_link_local(l->ip)) /* those may repeat from link to link */
		l->seen.elsewhere = en.index;
	return MNL_CB_OK;
}

int address_look(struct netlink *n, const struct ip *ip, int index, struct seen *ret, struct err *e)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		_Alignas(struct nlmsghdr) char buffer[256];
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(request, sizeof *head);
		struct look l = {.ip = ip, .index = index};

		request->nlmsg_type = RTM_GETADDR;
		request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		head->ifa_family = (uint8_t)ip->family;
		r = netlink_transact(n, request, see, &l);
		*ret = l.seen;
	}
	errno = -r;
	return r < 0 ? err_sys(e, "list the addresses of this host") : 0;
}

/* ---- add and remove ---- */

static struct nlmsghdr *begin_request(char *buffer, uint16_t type, uint16_t flags, const struct ip *ip, int index)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head;

	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	head = mnl_nlmsg_put_extra_header(request, sizeof *head);
	head->ifa_family = (uint8_t)ip->family;
	head->ifa_prefixlen = (uint8_t)ip->prefix;
	head->ifa_scope = ip_is_loopback(ip) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	head->ifa_index = (unsigned)index;
	mnl_attr_put(request, IFA_LOCAL, ip_size(ip), ip->bytes);
	mnl_attr_put(request, IFA_ADDRESS, ip_size(ip), ip->bytes);
	return request;
}

/* IPv6: with a preferred lifetime of 0 ("deprecated") the address serves whoever is bound to it, but the host does not
 * choose it as the source of its own connections, which would end with the virtual.  IPv4 has no such choice: there the
 * first address of the device is the source, and a deprecated one would be listed so for nothing. */
static struct ifa_cacheinfo lease_for(const struct ip *ip)
{
	return (struct ifa_cacheinfo){.ifa_valid = LEASE_S, .ifa_prefered = ip->family == AF_INET6 ? 0 : LEASE_S};
}

int address_put(struct netlink *n, const struct ip *ip, int index, bool alone, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	uint16_t flags = (uint16_t)(NLM_F_CREATE | (alone ? NLM_F_EXCL : NLM_F_REPLACE));
	struct nlmsghdr *request = begin_request(buffer, RTM_NEWADDR, flags, ip, index);
	struct ifa_cacheinfo lease = lease_for(ip);
	char text[IP_TEXT];
	int r;

	mnl_attr_put(request, IFA_CACHEINFO, sizeof lease, &lease);
	if (ip->family == AF_INET6 && ip->prefix == ip_bits(ip)) /* a route to ourselves, which would outlast us */
		mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
	r = netlink_transact(n, request, NULL, NULL);
	if (r == -EACCES && ip->family == AF_INET6)
		return err_set(e, EACCES,
			"add %s: IPv6 is switched off on this device (sysctl net.ipv6.conf.DEVICE.disable_ipv6)",
			ip_print_full(text, ip));
	errno = -r;
	return r < 0 ? err_sys(e, "add %s", ip_print_full(text, ip)) : 0;
}

int address_remove(struct netlink *n, const struct ip *ip, int index, struct err *e)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *request = begin_request(buffer, RTM_DELADDR, 0, ip, index);
	char text[IP_TEXT];
	int r = netlink_transact(n, request, NULL, NULL);

	if (r == 0 || r == -EADDRNOTAVAIL || r == -ENODEV)
		return 0;
	errno = -r;
	return err_sys(e, "remove %s", ip_print_full(text, ip));
}
