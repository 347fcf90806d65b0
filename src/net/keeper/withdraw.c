#include "net/keeper/withdraw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "net/keeper/route.h"
#include "sys/lock.h"

/* The sysctl of one device, held: promotion is on until it is dropped. */
struct promotion {
	int fd;
	bool was_off;
	struct lock lock; /* of it; flock() on the sysctl itself is open to all who may read it */
};
#define PROMOTION_NONE                      \
	{                                   \
		.fd = -1, .lock = LOCK_NONE \
	}

/* A keeper that was stopped while it held the lock must not stop the others. */
enum { PATIENCE_MS = 200 };

static void drop_promotion(struct promotion *p)
{
	if (p->fd >= 0 && p->was_off && pwrite(p->fd, "0\n", 2, 0) != 2)
		p->was_off = false; /* the device is gone, and its sysctl with it */
	lock_drop(&p->lock);
	fd_drop(&p->fd);
}

/* -errno: it cannot be switched on. */
static int promote(struct promotion *p, const char *device)
{
	char path[96], value = '1';
	struct err ignored;

	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries", device);
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0 || lock_alone(LOCK_FOLDER, p->fd, PATIENCE_MS, &p->lock, &ignored) < 0 ||
		pread(p->fd, &value, 1, 0) != 1)
		return -EPERM;
	if (value != '0')
		return 0;
	if (pwrite(p->fd, "1\n", 2, 0) != 2)
		return -EPERM;
	p->was_off = true;
	return 0;
}

static bool is_primary(const struct ip *ip, const struct seen *seen)
{
	return ip->family == AF_INET && !(seen->lease_flags & IFA_F_SECONDARY);
}

static bool is_ours(const struct ip *ip, const struct seen *seen)
{
	return seen->lease && seen->lease_prefix == ip->prefix;
}

int withdraw(struct netlink *n, const struct ip *ip, const struct link *l, struct err *e)
{
	AUTO(drop_promotion) struct promotion p = PROMOTION_NONE;
	struct seen seen;

	if (address_look(n, ip, l->index, &seen, e) < 0)
		return -e->code;
	if (!is_ours(ip, &seen))
		return 0;
	if (is_primary(ip, &seen) && seen.mates)
		promote(&p, l->name);
	if (address_remove(n, ip, l->index, e) < 0)
		return -e->code;
	if (ip->family == AF_INET6 && !seen.mates)
		return route_remove_leased(n, ip, l->index, e);
	return 0;
}

int step_down(struct netlink *n, const struct ip *ip, const struct link *l, struct err *e)
{
	AUTO(drop_promotion) struct promotion p = PROMOTION_NONE;
	struct seen seen;

	if (ip->family != AF_INET || ip->prefix == ip_bits(ip))
		return 0; /* no other address can be in its subnet */
	if (address_look(n, ip, l->index, &seen, e) < 0)
		return -e->code;
	if (!is_ours(ip, &seen) || !is_primary(ip, &seen) || !seen.heirs)
		return 0;
	if (promote(&p, l->name) < 0 || !p.was_off)
		return 0; /* cannot be helped, or the host promotes anyway */
	if (address_remove(n, ip, l->index, e) < 0)
		return -e->code;
	return address_put(n, ip, l->index, true, e);
}
