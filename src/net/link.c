#include "net/link.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/own.h"
#include "base/parse.h"

enum { DEVICES_NAMED = 12 }; /* a host with a thousand veths should not fill the terminal */

/* "lo, eth0, veth0": the names of a list that ends with NULL, cut short with "..." */
static void join(char *text, size_t size, const char *const *names)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; names[i] && used < size; i++) {
		if (i == DEVICES_NAMED) {
			snprintf(text + used, size - used, ", ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
	}
}

static void drop_list(struct if_nameindex **list)
{
	if (*list)
		if_freenameindex(*list);
}

static int no_such_device(const char *name, struct err *e)
{
	AUTO(drop_list) struct if_nameindex *list = if_nameindex();
	AUTO(free_drop) const char **names = NULL;
	char text[DEVICES_NAMED * (IF_NAMESIZE + 2) + 8];
	const char *nearest;
	size_t count = 0;

	while (list && list[count].if_index)
		count++;
	names = calloc(count + 1, sizeof *names);
	if (!names || count == 0)
		return err_set(e, ENODEV, "no network device \"%s\"", name);
	for (size_t i = 0; i < count; i++)
		names[i] = list[i].if_name;
	join(text, sizeof text, names);
	nearest = parse_nearest(name, names);
	if (nearest)
		return err_set(
			e, ENODEV, "no network device \"%s\" (did you mean %s? there are: %s)", name, nearest, text);
	return err_set(e, ENODEV, "no network device \"%s\" (there are: %s)", name, text);
}

static int ask(int fd, unsigned long request, struct ifreq *r, const char *what, struct err *e)
{
	if (ioctl(fd, request, r) == 0)
		return 0;
	if (errno == ENODEV)
		return no_such_device(r->ifr_name, e);
	return err_sys(e, "read the %s of device %s", what, r->ifr_name);
}

int link_read(const char *name, struct link *ret, struct err *e)
{
	AUTO(fd_drop) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};
	struct link l = {0};

	if (fd < 0)
		return err_sys(e, "open a socket to look at device %s", name);
	if (!*name || strlen(name) >= sizeof r.ifr_name)
		return no_such_device(name, e);
	memcpy(r.ifr_name, name, strlen(name));
	memcpy(l.name, name, strlen(name));
	if (ask(fd, SIOCGIFINDEX, &r, "index", e) < 0)
		return -e->code;
	l.index = r.ifr_ifindex;
	if (ask(fd, SIOCGIFFLAGS, &r, "flags", e) < 0)
		return -e->code;
	l.flags = r.ifr_flags;
	if (ask(fd, SIOCGIFHWADDR, &r, "hardware address", e) < 0)
		return -e->code;
	l.ethernet = r.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	if (l.ethernet)
		memcpy(l.hardware, r.ifr_hwaddr.sa_data, sizeof l.hardware);
	*ret = l;
	if (!(l.flags & IFF_UP))
		return err_set(e, ENETDOWN, "device %s is down: bring it up with `ip link set %s up`", name, name);
	return 0;
}

bool link_has_neighbours(const struct link *l)
{
	return l->ethernet && !(l->flags & (IFF_NOARP | IFF_LOOPBACK));
}

char *link_print_hardware(char buffer[LINK_HARDWARE_TEXT], const uint8_t hardware[6])
{
	snprintf(buffer, LINK_HARDWARE_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", hardware[0], hardware[1], hardware[2],
		hardware[3], hardware[4], hardware[5]);
	return buffer;
}
