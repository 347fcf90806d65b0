#include <errno.h>
#include <stdlib.h>

#include "net/ip.h"
#include "net/link.h"
#include "net/vip.h"

void vip_clear(struct vip *v)
{
	free(v->address);
	free(v->device);
	*v = (struct vip){.announce = true};
}

void vip_check(const struct vip *v, struct faults *f)
{
	struct link link = {0};
	struct ip ip;
	struct err e;
	bool address_good, device_good;

	if (!v->address && !v->device)
		return;
	if (!v->device)
		faults_add(f, "ip", "dev", "the device for %s is missing: say on which one it shall be, like \"eth0\"",
			v->address);
	if (!v->address)
		faults_add(f, "ip", "vip", "the address for device %s is missing, like \"10.0.0.5\"", v->device);

	address_good = v->address && ip_parse(v->address, &ip, &e) == 0;
	if (v->address && !address_good)
		faults_add(f, "ip", "vip", "%s", e.text);
	device_good = v->device && link_read(v->device, &link, &e) == 0;
	if (v->device && !device_good)
		faults_add(f, "ip", "dev", "%s", e.text);
	if (address_good && device_good && ip_is_loopback(&ip) && !(link.flags & IFF_LOOPBACK))
		faults_add(f, "ip", "vip", "%s is a loopback address: it can be on lo only, not on %s", v->address,
			v->device);
}
