/* An IPv4 or IPv6 address with its prefix length, as people write it and as the network carries it.
 *
 * Sources: RFC 4291 (IPv6 addressing), RFC 1122 section 3.2.1.3 (IPv4).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { IP_TEXT = 64 }; /* bytes that the longest text needs, with prefix length and the closing zero */

struct ip {
	int family;	   /* AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* network order; the first 4 for IPv4, the rest zero */
	unsigned prefix;   /* bits: 1 to 32, 1 to 128 */
};

/* "10.0.0.5", "10.0.0.5/24", "fd00::5/64"; without prefix length it is one host (32, 128).  Strict: no zone, no blanks,
 * no leading zeros, no IPv4-mapped IPv6.  Refuses what no single host can have: multicast, unspecified, and the
 * network's and the broadcast address of the prefix.  0, or -EINVAL with a text that names the address. */
int ip_parse(const char *text, struct ip *ret, struct err *e);

bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8, ::1 */

size_t ip_size(const struct ip *ip);   /* bytes: 4 or 16 */
unsigned ip_bits(const struct ip *ip); /* 32 or 128 */

/* The address alone, the prefix length left out of it. */
bool ip_same(const struct ip *a, const struct ip *b);

/* Same prefix length and same bits in it: what the kernel takes for one subnet. */
bool ip_same_subnet(const struct ip *a, const struct ip *b);

/* Both return buffer. The first is without, the second with the prefix length. */
char *ip_print(char buffer[IP_TEXT], const struct ip *ip);
char *ip_print_full(char buffer[IP_TEXT], const struct ip *ip);
