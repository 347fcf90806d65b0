#include "net/keeper/arp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <stddef.h>
#include <string.h>

#include "base/own.h"
#include "net/keeper/filter.h"

/* A socket that neither hears nor sends anything yet: protocol 0. */
static int open_packet(const struct link *l, struct err *e)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? err_sys(e, "open a packet socket for ARP on %s", l->name) : fd;
}

int arp_open(const struct link *l, const struct ip *ip, struct err *e)
{
	AUTO(fd_drop) int fd = open_packet(l, e);
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = l->index};
	uint32_t address;

	memcpy(&address, ip->bytes, sizeof address);
	struct sock_filter code[] = {
		FILTER_WORD(offsetof(struct ether_arp, arp_spa)),
		FILTER_PASS_IF(ntohl(address)), /* says that it has it */
		FILTER_DROP_UNLESS(0),
		FILTER_WORD(offsetof(struct ether_arp, arp_tpa)),
		FILTER_PASS_IF(ntohl(address)), /* probes for it as we do */
		FILTER_DROP,
	};

	if (fd < 0)
		return -e->code;
	/* The filter before the protocol: nothing unwanted can be in the queue. */
	if (FILTER_ATTACH(fd, code) < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		return err_sys(e, "listen to ARP on %s", l->name);
	return fd_take(&fd);
}

/* A broadcast request for ip. RFC 5227 prefers requests for announcing too: every host looks at them. */
static int send_request(int fd, const struct link *l, const struct ip *ip, bool with_sender, struct err *e)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = l->index,
		.sll_halen = 6,
		.sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct ether_arp arp = {.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
					.ar_pro = htons(ETHERTYPE_IP),
					.ar_hln = 6,
					.ar_pln = 4,
					.ar_op = htons(ARPOP_REQUEST)}};

	memcpy(arp.arp_sha, l->hardware, 6);
	memcpy(arp.arp_tpa, ip->bytes, 4);
	if (with_sender)
		memcpy(arp.arp_spa, ip->bytes, 4);
	if (sendto(fd, &arp, sizeof arp, 0, (struct sockaddr *)&to, sizeof to) < 0 && errno != EAGAIN &&
		errno != ENOBUFS)
		return err_sys(e, "send ARP on %s", l->name);
	return 0; /* a full queue is like a lost packet: that is why there are several */
}

int arp_probe(int fd, const struct link *l, const struct ip *ip, struct err *e)
{
	return send_request(fd, l, ip, false, e);
}

int arp_announce(const struct link *l, const struct ip *ip, struct err *e)
{
	AUTO(fd_drop) int fd = open_packet(l, e);

	return fd < 0 ? -e->code : send_request(fd, l, ip, true, e);
}

/* RFC 5227 section 2.1.1 */
static bool conflicts(const struct ether_arp *arp, const struct link *l, const struct ip *ip)
{
	static const uint8_t nobody[4];

	if (arp->ea_hdr.ar_pro != htons(ETHERTYPE_IP) || arp->ea_hdr.ar_hln != 6 || arp->ea_hdr.ar_pln != 4)
		return false;
	if (memcmp(arp->arp_sha, l->hardware, 6) == 0)
		return false; /* ourselves, sent back by a bridge */
	if (memcmp(arp->arp_spa, ip->bytes, 4) == 0)
		return true;
	return arp->ea_hdr.ar_op == htons(ARPOP_REQUEST) && memcmp(arp->arp_spa, nobody, 4) == 0 &&
	       memcmp(arp->arp_tpa, ip->bytes, 4) == 0;
}

bool arp_conflict(int fd, const struct link *l, const struct ip *ip, uint8_t hardware[6])
{
	enum { ARP_AT_ONCE = 64 }; /* a neighbour that never stops asking must not stop us */
	struct ether_arp arp;
	ssize_t n;

	for (int i = 0; i < ARP_AT_ONCE && (n = recv(fd, &arp, sizeof arp, 0)) >= 0; i++) {
		if ((size_t)n < sizeof arp || !conflicts(&arp, l, ip))
			continue;
		memcpy(hardware, arp.arp_sha, 6);
		return true;
	}
	return false;
}
