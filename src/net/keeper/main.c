/* virtualing-vip: keeps one address on one network device, for as long as its socket is open.
 *
 * Who runs: one of these per virtual with a vip, as root, started by the supervisor in a session of its own, with
 * nothing but a SOCK_SEQPACKET socket on descriptor 3; of its capabilities it keeps CAP_NET_ADMIN and CAP_NET_RAW.  The
 * supervisor reaps it.
 *
 * What it says, one line per message:
 *     ready              the address is there and announced; said again whenever it is back
 *     used               the address was there before: it is used, and left at the end
 *     lost ERRNO TEXT    it is not there any more; the keeper goes on trying
 *     note ERRNO TEXT    it is there, but could not be announced
 *     error ERRNO TEXT   it cannot be had; the keeper ends with status 1
 *     withdrawn          (--withdraw) it is gone
 *
 * When its end comes: the other end of the socket is closed, or SIGTERM, SIGINT or SIGHUP.  In each case it removes the
 * address, if it was it that had added it, and exits with 0.  Killed in another way it leaves the address with at most
 * LEASE_S seconds to live.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "net/keeper/keeper.h"
#include "net/keeper/withdraw.h"
#include "net/link.h"

enum { SOCKET = 3, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char help[] = "virtualing-vip keeps an address on a network device while a virtual runs.\n"
			   "It is started by virtualing; by hand only --withdraw is of use.\n"
			   "\n"
			   "  virtualing-vip [--no-announce] ADDRESS[/LENGTH] DEVICE\n"
			   "      With a SOCK_SEQPACKET socket on descriptor 3: probe for a duplicate, add the\n"
			   "      address with a lifetime of 10 s, announce it, refresh it every 3 s, and remove\n"
			   "      it when the socket is closed or SIGTERM comes.\n"
			   "  virtualing-vip --withdraw ADDRESS[/LENGTH] DEVICE\n"
			   "      Remove the address if it carries such a lifetime. Gone already is success.\n"
			   "  virtualing-vip --help | --version\n";

static bool has_socket(void)
{
	int type;
	socklen_t length = sizeof type;

	return getsockopt(SOCKET, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

static int tell(const struct err *e)
{
	if (has_socket())
		keeper_say(SOCKET, "error %d %s\n", e->code, e->text);
	else
		fprintf(stderr, "virtualing-vip: %s\n", e->text);
	return STATUS_FAILED;
}

/* What it reads comes from the network: of root's power it keeps what the sockets need. */
static int give_up_power(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {{0}};
	const uint32_t kept = 1U << CAP_NET_ADMIN | 1U << CAP_NET_RAW;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (syscall(SYS_capget, &head, sets) < 0)
		return err_sys(e, "read the capabilities");
	if ((sets[0].permitted & kept) != kept)
		return err_set(e, EPERM, "an address needs CAP_NET_ADMIN and CAP_NET_RAW: run as root");
	sets[0] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
	sets[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &head, sets) < 0)
		return err_sys(e, "give up capabilities");
	return 0;
}

static int keep(const char *address, const char *device, bool announce)
{
	struct keep what = {.announce = announce, .socket = SOCKET};
	struct err e;

	if (!has_socket()) {
		fprintf(stderr,
			"virtualing-vip: descriptor %d is not a socket: this program is started by virtualing "
			"(see --help)\n",
			SOCKET);
		return STATUS_USAGE;
	}
	if (ip_parse(address, &what.ip, &e) < 0 || give_up_power(&e) < 0)
		return tell(&e);
	if (strlen(device) >= sizeof what.device) {
		err_set(&e, ENODEV, "no network device \"%s\"", device);
		return tell(&e);
	}
	memcpy(what.device, device, strlen(device) + 1);
	return keeper_run(&what, &e) < 0 ? tell(&e) : EXIT_SUCCESS;
}

static int take_away(const char *address, const char *device)
{
	AUTO(netlink_drop) struct netlink *net = NULL;
	struct link link;
	struct ip ip;
	struct err e;
	int r;

	if (ip_parse(address, &ip, &e) < 0 || give_up_power(&e) < 0)
		return tell(&e);
	r = link_read(device, &link, &e);
	if (r < 0 && r != -ENODEV && r != -ENETDOWN)
		return tell(&e);
	if (r != -ENODEV && (netlink_open(&net, &e) < 0 || withdraw(net, &ip, &link, &e) < 0))
		return tell(&e);
	if (has_socket())
		keeper_say(SOCKET, "withdrawn\n");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(help, stdout) < 0 || fflush(stdout) ? STATUS_FAILED : EXIT_SUCCESS;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("virtualing-vip " VERSION) < 0 || fflush(stdout) ? STATUS_FAILED : EXIT_SUCCESS;
	if (argc == 4 && strcmp(argv[1], "--withdraw") == 0)
		return take_away(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "--no-announce") == 0)
		return keep(argv[2], argv[3], false);
	if (argc == 3 && argv[1][0] != '-')
		return keep(argv[1], argv[2], true);
	fputs(help, stderr);
	return STATUS_USAGE;
}
