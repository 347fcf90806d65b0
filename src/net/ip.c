#include "net/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

size_t ip_size(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

unsigned ip_bits(const struct ip *ip)
{
	return ip->family == AF_INET ? 32 : 128;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return ip->family == AF_INET ? ip->bytes[0] == 127 : memcmp(ip->bytes, loopback6, 16) == 0;
}

bool ip_same(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, ip_size(a)) == 0;
}

bool ip_same_subnet(const struct ip *a, const struct ip *b)
{
	unsigned whole = a->prefix / 8, rest = a->prefix % 8;

	if (a->family != b->family || a->prefix != b->prefix || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

char *ip_print(char buffer[IP_TEXT], const struct ip *ip)
{
	return (char *)inet_ntop(ip->family, ip->bytes, buffer, IP_TEXT);
}

char *ip_print_full(char buffer[IP_TEXT], const struct ip *ip)
{
	size_t length = strlen(ip_print(buffer, ip));

	snprintf(buffer + length, IP_TEXT - length, "/%u", ip->prefix);
	return buffer;
}

/* Whether all bits behind the prefix are `bit`: the network's address (0), its broadcast address (1). */
static bool host_part_is(const struct ip *ip, unsigned bit)
{
	for (unsigned i = ip->prefix; i < ip_bits(ip); i++)
		if (((ip->bytes[i / 8] >> (7 - i % 8)) & 1U) != bit)
			return false;
	return true;
}

/* Why no host can have it; NULL: it can. */
static const char *unfit4(const struct ip *ip)
{
	if (ip->bytes[0] == 0)
		return "means \"this network\" and belongs to no host";
	if (ip->bytes[0] >> 4 == 14)
		return "is a multicast address: a vip belongs to one host";
	if (memcmp(ip->bytes, "\xff\xff\xff\xff", 4) == 0)
		return "is the broadcast address: a vip belongs to one host";
	if (ip->prefix >= 31)
		return NULL; /* no network or broadcast address there (RFC 3021) */
	if (host_part_is(ip, 0))
		return "is the address of the network itself: give one of its hosts";
	if (host_part_is(ip, 1))
		return "is the network's broadcast address: give one of its hosts";
	return NULL;
}

static const char *unfit6(const struct ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, none[16];

	if (memcmp(ip->bytes, none, 16) == 0)
		return "is the unspecified address and belongs to no host";
	if (ip->bytes[0] == 0xff)
		return "is a multicast address: a vip belongs to one host";
	if (memcmp(ip->bytes, mapped, 12) == 0)
		return "is an IPv4 address in the dress of IPv6: write it as IPv4";
	if (ip->prefix < 127 && host_part_is(ip, 0))
		return "is the anycast address of the network's routers (RFC 4291): give one of its hosts";
	return NULL;
}

static int parse_prefix(const char *text, const char *whole, struct ip *ip, struct err *e)
{
	uint64_t bits;

	if (parse_number(text, ip_bits(ip), &bits) < 0 || bits < 1)
		return err_set(e, EINVAL, "%s: the prefix length must be a number from 1 to %u", whole, ip_bits(ip));
	ip->prefix = (unsigned)bits;
	return 0;
}

int ip_parse(const char *text, struct ip *ret, struct err *e)
{
	const char *slash = strchrnul(text, '/');
	struct ip ip = {.family = memchr(text, ':', (size_t)(slash - text)) ? AF_INET6 : AF_INET};
	char address[IP_TEXT];
	const char *why;
	int r = 0;

	if (memchr(text, '%', (size_t)(slash - text)))
		return err_set(e, EINVAL, "%s: leave out the zone after %%; the device is given on its own", text);
	if ((size_t)(slash - text) >= sizeof address)
		return err_set(e, EINVAL, "%.60s... is not an IPv4 or IPv6 address", text);
	snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
	if (inet_pton(ip.family, address, ip.bytes) != 1)
		return err_set(e, EINVAL, "\"%s\" is not an IPv4 or IPv6 address", address);
	ip.prefix = ip_bits(&ip);
	if (*slash)
		r = parse_prefix(slash + 1, text, &ip, e);
	if (r < 0)
		return r;
	why = ip.family == AF_INET ? unfit4(&ip) : unfit6(&ip);
	if (why)
		return err_set(e, EINVAL, "%s %s", text, why);
	*ret = ip;
	return 0;
}
