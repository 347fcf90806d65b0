#include "load/fill.h"

#include <string.h>
#include <sys/random.h>

int fill_seed(struct fill *f, struct err *e)
{
	/* So few bytes are never given in part once the kernel has gathered any (getrandom(2)). */
	if (getrandom(f->state, sizeof f->state, 0) != (ssize_t)sizeof f->state)
		return err_sys(e, "get random bytes from the kernel");
	return 0;
}

static inline fill_lanes rotate(fill_lanes x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline fill_lanes next(fill_lanes s[4])
{
	fill_lanes result = rotate(s[0] + s[3], 23) + s[0];
	fill_lanes shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

void fill_bytes(struct fill *f, void *to, size_t length)
{
	fill_lanes s[4]; /* in registers: the compiler cannot know that `to` is not *f */
	unsigned char *at = to;
	fill_lanes value;

	memcpy(s, f->state, sizeof s);
	for (; length >= sizeof value; at += sizeof value, length -= sizeof value) {
		value = next(s);
		memcpy(at, &value, sizeof value);
	}
	value = next(s);
	memcpy(at, &value, length);
	memcpy(f->state, s, sizeof s);
}
