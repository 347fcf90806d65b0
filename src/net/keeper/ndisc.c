#include "net/keeper/ndisc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "net/keeper/filter.h"

/* Neighbour discovery allows no extension headers worth the name, so all has its fixed place. */
struct solicitation { /* an advertisement begins the same */
	struct ip6_hdr ip;
	struct nd_neighbor_solicit icmp;
};

int ndisc_open(const struct link *l, const struct ip *ip, struct err *e)
{
	enum { TARGET = offsetof(struct solicitation, icmp.nd_ns_target) };
	AUTO(fd_drop) int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6), .sll_ifindex = l->index};
	uint32_t words[4];

	memcpy(words, ip->bytes, sizeof words);
	struct sock_filter code[] = {
		FILTER_BYTE(offsetof(struct ip6_hdr, ip6_nxt)),
		FILTER_DROP_UNLESS(IPPROTO_ICMPV6),
		FILTER_WORD(TARGET),
		FILTER_DROP_UNLESS(ntohl(words[0])),
		FILTER_WORD(TARGET + 4),
		FILTER_DROP_UNLESS(ntohl(words[1])),
		FILTER_WORD(TARGET + 8),
		FILTER_DROP_UNLESS(ntohl(words[2])),
		FILTER_WORD(TARGET + 12),
		FILTER_DROP_UNLESS(ntohl(words[3])),
		FILTER_PASS,
	};

	if (fd < 0)
		return err_sys(e, "open a packet socket for neighbour discovery on %s", l->name);
	if (FILTER_ATTACH(fd, code) < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		return err_sys(e, "listen to neighbour discovery on %s", l->name);
	return fd_take(&fd);
}

/* An advertisement of it, or a solicitation from nobody: that is how duplicate detection asks (RFC 4862 section 5.4.3).
 */
static bool claims(const struct solicitation *s)
{
	if (s->icmp.nd_ns_type == ND_NEIGHBOR_ADVERT)
		return true;
	return s->icmp.nd_ns_type == ND_NEIGHBOR_SOLICIT && IN6_IS_ADDR_UNSPECIFIED(&s->ip.ip6_src);
}

bool ndisc_rival(int fd, const struct link *l, uint8_t hardware[6])
{
	enum { AT_ONCE = 64 }; /* a neighbour that never stops talking must not stop us */
	bool found = false;

	for (int i = 0; i < AT_ONCE; i++) {
		struct sockaddr_ll from = {0};
		socklen_t length = sizeof from;
		struct solicitation s;
		ssize_t n = recvfrom(fd, &s, sizeof s, 0, (struct sockaddr *)&from, &length);

		if (n < 0)
			return found;
		if ((size_t)n < sizeof s || from.sll_halen != 6 || from.sll_pkttype == PACKET_OUTGOING || !claims(&s) ||
			memcmp(from.sll_addr, l->hardware, 6) == 0)
			continue;
		memcpy(hardware, from.sll_addr, 6);
		found = true;
	}
	return found;
}

/* A router must say so: hosts drop a default router that advertises itself without this bit. */
static uint32_t router_bit(const struct link *l)
{
	char path[96], value = '0';

	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/forwarding", l->name);
	AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &value, 1) == 1 && value != '0' ? ND_NA_FLAG_ROUTER : 0;
}

static int open_sender(const struct link *l, const struct ip *ip, struct err *e)
{
	AUTO(fd_drop) int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)l->index};
	struct icmp6_filter deaf;
	const int hops = 255; /* proves to receivers that no router was in between */

	ICMP6_FILTER_SETBLOCKALL(&deaf);
	memcpy(&from.sin6_addr, ip->bytes, 16);
	if (fd < 0)
		return err_sys(e, "open a socket for neighbour discovery");
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &deaf, sizeof deaf) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &l->index, sizeof l->index) < 0 ||
		bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
		return err_sys(e, "prepare a neighbour advertisement on %s", l->name);
	return fd_take(&fd);
}

int ndisc_announce(const struct link *l, const struct ip *ip, struct err *e)
{
	AUTO(fd_drop) int fd = open_sender(l, ip, e);
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
		.sin6_addr.s6_addr = {0xff, 0x02, [15] = 1}, /* all nodes of the link */
		.sin6_scope_id = (uint32_t)l->index};
	struct {
		struct nd_neighbor_advert head;
		struct nd_opt_hdr option;
		uint8_t hardware[6];
	} advert = {.head.nd_na_type = ND_NEIGHBOR_ADVERT,
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 /* times 8 bytes */}};

	if (fd < 0)
		return -e->code;
	advert.head.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE | router_bit(l);
	memcpy(&advert.head.nd_na_target, ip->bytes, 16);
	memcpy(advert.hardware, l->hardware, 6);
	/* The kernel fills in the checksum. */
	if (sendto(fd, &advert, sizeof advert, 0, (struct sockaddr *)&to, sizeof to) < 0 && errno != EAGAIN &&
		errno != ENOBUFS)
		return err_sys(e, "send a neighbour advertisement on %s", l->name);
	return 0;
}
