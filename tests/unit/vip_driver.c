/* For tests/system/vip.bats: a supervisor that does nothing but hold a vip.
 *
 *   vip_driver [--no-announce] ADDRESS DEVICE    prints a line for each thing that happens; ends on SIGTERM
 *   vip_driver --undo ADDRESS DEVICE             vip_undo
 *   vip_driver --check ADDRESS DEVICE            vip_check; "" stands for "not given"
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "net/vip.h"

static int print_note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	printf("note %d %s %s\n", kind == UNDO_ADDRESS, a, b);
	return 0;
}

static int check(const struct vip *v)
{
	struct faults f = FAULTS_NONE;
	size_t count;

	vip_check(v, &f);
	for (size_t i = 0; i < f.count; i++)
		printf("fault %s.%s: %s\n", f.list[i].section, f.list[i].key, f.list[i].text);
	count = f.count;
	faults_drop(&f);
	return count ? 125 : 0;
}

static int undo(const char *address, const char *device)
{
	struct err e;

	if (vip_undo(address, device, &e) == 0)
		return 0;
	printf("failed %d %s\n", e.code, e.text);
	return 125;
}

static void print_news(struct vip_keeper *k)
{
	struct err e;
	int r = vip_read(k, &e);

	if (r > 0)
		printf("there\n");
	else if (r < 0)
		printf("%s %d %s\n", k->over ? "over" : "lost", -r, e.text);
}

static int hold(const struct vip *v)
{
	struct undo u = {.note = print_note};
	struct pollfd polled[2];
	struct vip_keeper k;
	sigset_t term;
	struct err e;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	polled[1] = (struct pollfd){.fd = signalfd(-1, &term, SFD_CLOEXEC), .events = POLLIN};
	if (vip_start(v, &u, &k, &e) < 0) {
		printf("failed %d %s\n", e.code, e.text);
		return 125;
	}
	printf("keeper %d\n", k.pid);
	polled[0] = (struct pollfd){.fd = k.fd, .events = POLLIN};
	while (!k.over && poll(polled, 2, -1) > 0 && !(polled[1].revents & POLLIN))
		if (polled[0].revents)
			print_news(&k);
	vip_stop(&k);
	printf("stopped\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct vip v = {.announce = true};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 2;
	v.address = argv[argc - 2][0] ? argv[argc - 2] : NULL;
	v.device = argv[argc - 1][0] ? argv[argc - 1] : NULL;
	if (strcmp(argv[1], "--check") == 0)
		return check(&v);
	if (strcmp(argv[1], "--undo") == 0)
		return undo(v.address, v.device);
	if (strcmp(argv[1], "--no-announce") == 0)
		v.announce = false;
	return hold(&v);
}
