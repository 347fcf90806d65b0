/* State         what is waited for                    then
 * WAITING       the device, or a rival's end          begin() again
 * PROBING       answers to ARP probes (IPv4)          add(), or it is a conflict
 * SETTLING      the kernel's duplicate detection (v6) kept(), or it is a conflict
 * KEPT          the time to refresh, news             refresh(); begin() when it is gone
 * USED          news: it was there before us          begin() when it is gone
 *
 * A failure before the address was there for the first time ends the keeper; after that it is said ("lost"), and tried
 * again.  News are a reason to look, never the truth by themselves: what is true is what address_look() finds.
 * They are read before a timer's turn comes, so a keeper that was suspended for longer than the lease learns first that
 * the address is gone, and probes for it anew instead of simply putting it back.
 */
#include "net/keeper/keeper.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/own.h"
#include "net/keeper/address.h"
#include "net/keeper/arp.h"
#include "net/keeper/ndisc.h"
#include "net/keeper/watch.h"
#include "net/keeper/withdraw.h"
#include "net/link.h"
#include "sys/loop.h"

enum {
	REFRESH_MS = 3000, /* two may fail before the lease is over */
	SETTLE_MS = 5000,  /* duplicate detection takes 1 to 2 s */
	ANNOUNCEMENTS = 2, /* RFC 5227: two, two seconds apart */
	ANNOUNCE_AGAIN_MS = 2000,
	RETRY_MS = 1000,	/* the device is gone: look whether it is back */
	RETRY_RIVAL_MS = 10000, /* somebody else has the address: ask rarely */
};

enum state { WAITING, PROBING, SETTLING, KEPT, USED, STATES };

struct keeper {
	const struct keep *what;
	struct loop *loop;
	struct netlink *net;
	struct link link;
	int ears; /* hears of rivals while PROBING or SETTLING; else -1 */
	enum state state;
	bool ours;	/* we have added it, and nobody has told that it is gone */
	bool was_there; /* "ready" or "used" has been said */
	bool over;
	int probes_left, announcements_left;
	bool rival_known;
	uint8_t rival[6];
	struct alarm step, announce_again;
	struct watch socket_watch, signal_watch, news_watch, ears_watch;
	struct err failure; /* why it ended, code 0: in peace; or what it lost the address for */
};

#define OWNER_OF(pointer, field) ((struct keeper *)((char *)(pointer)-offsetof(struct keeper, field)))

static void begin(struct keeper *k);

/* ---- speak ---- */

void keeper_say(int socket, const char *format, ...)
{
	char line[KEEPER_LINE];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (length >= (int)sizeof line)
		length = sizeof line - 1;
	send(socket, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_ears(struct keeper *k)
{
	loop_unwatch(k->loop, &k->ears_watch);
	fd_drop(&k->ears);
}

/* The address cannot be had, or no longer. */
static void fail(struct keeper *k, const struct err *why)
{
	bool again = k->state == WAITING && strcmp(why->text, k->failure.text) == 0;

	close_ears(k);
	loop_clear_alarm(k->loop, &k->announce_again);
	k->state = WAITING;
	k->failure = *why;
	if (!k->was_there) {
		k->over = true;
		return;
	}
	if (!again)
		keeper_say(k->what->socket, "lost %d %s\n", why->code, why->text);
	loop_set_alarm(k->loop, &k->step, why->code == EADDRINUSE ? RETRY_RIVAL_MS : RETRY_MS);
}

static void say_there(struct keeper *k, enum state state, const char *word)
{
	k->state = state;
	k->was_there = true;
	close_ears(k);
	keeper_say(k->what->socket, "%s\n", word);
}

/* A device of the same name with another index is another device: what we had added went with the old one. */
static int read_link(struct keeper *k, struct err *e)
{
	int index_before = k->link.index;
	int r = link_read(k->what->device, &k->link, e);

	if (k->link.index != index_before)
		k->ours = false;
	return r;
}

/* ---- the way to the address ---- */

static void announce(struct keeper *k)
{
	struct err e;
	int r;

	loop_clear_alarm(k->loop, &k->announce_again);
	if (!k->what->announce || !link_has_neighbours(&k->link) || k->announcements_left-- <= 0)
		return;
	r = k->what->ip.family == AF_INET ? arp_announce(&k->link, &k->what->ip, &e)
					  : ndisc_announce(&k->link, &k->what->ip, &e);
	if (r < 0) /* the address works all the same: neighbours will ask */
		keeper_say(k->what->socket, "note %d %s\n", e.code, e.text);
	loop_set_alarm(k->loop, &k->announce_again, ANNOUNCE_AGAIN_MS);
}

static void kept(struct keeper *k)
{
	struct err e;

	if (step_down(k->net, &k->what->ip, &k->link, &e) < 0) {
		fail(k, &e);
		return;
	}
	k->announcements_left = ANNOUNCEMENTS;
	announce(k);
	say_there(k, KEPT, "ready");
	loop_set_alarm(k->loop, &k->step, REFRESH_MS);
}

/* Remembers whose answers have come. */
static void listen_to_rivals(struct keeper *k)
{
	bool arp = k->what->ip.family == AF_INET;

	if (k->ears < 0)
		return;
	if (arp ? arp_conflict(k->ears, &k->link, &k->what->ip, k->rival) : ndisc_rival(k->ears, &k->link, k->rival))
		k->rival_known = true;
}

static void conflict(struct keeper *k)
{
	char address[IP_TEXT], hardware[LINK_HARDWARE_TEXT];
	struct err e;

	listen_to_rivals(k); /* the kernel's news may have been served before the answer that they come from */
	ip_print(address, &k->what->ip);
	if (k->rival_known)
		err_set(&e, EADDRINUSE, "%s is used by %s on %s", address, link_print_hardware(hardware, k->rival),
			k->what->device);
	else
		err_set(&e, EADDRINUSE, "%s is used by another host on %s", address, k->what->device);
	fail(k, &e);
}

/* The address was added with duplicate detection to come: how far is it? */
static void settle(struct keeper *k)
{
	struct seen seen;
	struct err e;

	if (address_look(k->net, &k->what->ip, k->link.index, &seen, &e) < 0)
		fail(k, &e);
	else if (!seen.lease || seen.lease_flags & IFA_F_DADFAILED)
		conflict(k); /* the kernel takes a duplicate with a lifetime away */
	else if (!(seen.lease_flags & IFA_F_TENTATIVE))
		kept(k);
}

static void settle_late(struct keeper *k)
{
	bool carrier = k->link.flags & IFF_RUNNING;
	char address[IP_TEXT];
	struct err e;

	err_set(&e, ETIMEDOUT, "%s on %s: duplicate address detection has not ended within %d s%s",
		ip_print(address, &k->what->ip), k->what->device, SETTLE_MS / 1000,
		carrier ? "" : " (the device has no carrier: is the other end up?)");
	fail(k, &e);
}

static void add(struct keeper *k)
{
	struct err e;
	int r = address_put(k->net, &k->what->ip, k->link.index, !k->ours, &e);

	if (r == -EEXIST) { /* since we looked */
		begin(k);
		return;
	}
	if (r < 0) {
		err_while(&e, "%s", k->what->device);
		fail(k, &e);
		return;
	}
	k->ours = true;
	if (k->what->ip.family == AF_INET) {
		kept(k);
		return;
	}
	settle(k);
}

static void probe(struct keeper *k)
{
	struct err e;
	uint8_t random = 0;

	if (k->probes_left-- == 0) {
		add(k);
		return;
	}
	if (arp_probe(k->ears, &k->link, &k->what->ip, &e) < 0) {
		fail(k, &e);
		return;
	}
	getrandom(&random, sizeof random, GRND_NONBLOCK);
	loop_set_alarm(k->loop, &k->step, k->probes_left ? ARP_SPACING_MS + random % ARP_JITTER_MS : ARP_LISTEN_MS);
}

static int open_ears(struct keeper *k, struct err *e)
{
	close_ears(k);
	k->rival_known = false;
	k->ears = k->what->ip.family == AF_INET ? arp_open(&k->link, &k->what->ip, e)
						: ndisc_open(&k->link, &k->what->ip, e);
	return k->ears < 0 ? -e->code : loop_watch(k->loop, &k->ears_watch, k->ears, EPOLLIN, e);
}

static void ask_neighbours(struct keeper *k)
{
	uint8_t random = 0;
	struct err e;

	if (link_has_neighbours(&k->link) && open_ears(k, &e) < 0) {
		fail(k, &e);
		return;
	}
	if (k->what->ip.family == AF_INET6) {
		k->state = SETTLING;
		loop_set_alarm(k->loop, &k->step, SETTLE_MS);
		add(k);
	} else if (link_has_neighbours(&k->link)) {
		k->state = PROBING;
		k->probes_left = ARP_PROBES;
		getrandom(&random, sizeof random, GRND_NONBLOCK);
		loop_set_alarm(k->loop, &k->step, random % ARP_FIRST_JITTER_MS);
	} else {
		add(k);
	}
}

/* Who on this host has it already? NULL: nobody; or an error in *e. */
static const struct err *taken_here(struct keeper *k, const struct seen *seen, struct err *e)
{
	char address[IP_TEXT], other[IF_NAMESIZE];

	ip_print(address, &k->what->ip);
	if (seen->lease && !k->ours)
		err_set(e, EADDRINUSE,
			"%s on %s is already kept by another virtual (if that was killed: it is free in %u s)", address,
			k->what->device, seen->lease_left_s + 1);
	else if (seen->elsewhere)
		err_set(e, EADDRINUSE, "%s is already on device %s of this host, not on %s", address,
			if_indextoname((unsigned)seen->elsewhere, other) ? other : "?", k->what->device);
	else
		return NULL;
	return e;
}

static void begin(struct keeper *k)
{
	struct seen seen;
	struct err e;

	loop_clear_alarm(k->loop, &k->step);
	if (read_link(k, &e) < 0 || watch_follow(k->net, &k->what->ip, k->link.index, &e) < 0 ||
		address_look(k->net, &k->what->ip, k->link.index, &seen, &e) < 0) {
		fail(k, &e);
		return;
	}
	if (seen.lasting)
		say_there(k, USED, "used");
	else if (taken_here(k, &seen, &e))
		fail(k, &e);
	else
		ask_neighbours(k);
}

static void lost(struct keeper *k)
{
	char address[IP_TEXT];
	struct err e;

	err_set(&e, EADDRNOTAVAIL, "%s was taken off %s by somebody else, or ran out: adding it again",
		ip_print_full(address, &k->what->ip), k->what->device);
	fail(k, &e);
	begin(k);
}

static void refresh(struct keeper *k)
{
	struct err e;

	if (read_link(k, &e) < 0)
		fail(k, &e);
	else if (!k->ours)
		lost(k);
	else if (address_put(k->net, &k->what->ip, k->link.index, false, &e) < 0)
		fail(k, &e);
	else
		loop_set_alarm(k->loop, &k->step, REFRESH_MS);
}

static void (*const on_step[STATES])(struct keeper *) = {
	[WAITING] = begin,
	[PROBING] = probe,
	[SETTLING] = settle_late,
	[KEPT] = refresh,
};

/* ---- news ---- */

/* Still there? */
static void look_kept(struct keeper *k)
{
	struct seen seen;
	struct err e;

	if (address_look(k->net, &k->what->ip, k->link.index, &seen, &e) < 0)
		fail(k, &e);
	else if (k->state == KEPT ? !k->ours || !seen.lease : !seen.lasting)
		lost(k);
	else if (k->state == KEPT && step_down(k->net, &k->what->ip, &k->link, &e) < 0)
		fail(k, &e);
}

static void (*const on_news[STATES])(struct keeper *) = {
	[WAITING] = begin,
	[SETTLING] = settle,
	[KEPT] = look_kept,
	[USED] = look_kept,
};

static void hear_news(struct keeper *k)
{
	bool had_carrier = k->link.flags & IFF_RUNNING;
	struct news news;
	struct err e;

	if (watch_read(k->net, &k->what->ip, k->link.index, &news, &e) < 0) {
		fail(k, &e);
		return;
	}
	if (!news.any)
		return;
	if (news.gone)
		k->ours = false;
	if (read_link(k, &e) < 0) {
		fail(k, &e);
		return;
	}
	if (on_news[k->state])
		on_news[k->state](k);
	if (k->state == KEPT && !had_carrier && k->link.flags & IFF_RUNNING) {
		k->announcements_left = ANNOUNCEMENTS; /* another switch, perhaps */
		announce(k);
	}
}

static void news_ready(struct watch *w, uint32_t events)
{
	hear_news(OWNER_OF(w, news_watch));
}

static void ears_ready(struct watch *w, uint32_t events)
{
	struct keeper *k = OWNER_OF(w, ears_watch);

	listen_to_rivals(k);
	if (k->rival_known && k->what->ip.family == AF_INET)
		conflict(k); /* for IPv6 the kernel decides */
}

static void step_rings(struct alarm *a)
{
	struct keeper *k = OWNER_OF(a, step);

	/* After SIGCONT the loop wakes up for its alarms before it has looked at any descriptor. */
	hear_news(k);
	if (k->over || k->step.due_ms)
		return; /* the news have changed what comes next */
	if (on_step[k->state])
		on_step[k->state](k);
}

static void announce_rings(struct alarm *a)
{
	announce(OWNER_OF(a, announce_again));
}

/* The socket has nothing to say to us: readable means that its other end is closed. */
static void socket_ready(struct watch *w, uint32_t events)
{
	OWNER_OF(w, socket_watch)->over = true;
}

static void signal_ready(struct watch *w, uint32_t events)
{
	OWNER_OF(w, signal_watch)->over = true;
}

/* ---- from beginning to end ---- */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(struct keeper *k, int signals, struct err *e)
{
	k->socket_watch.ready = socket_ready;
	k->signal_watch.ready = signal_ready;
	k->news_watch.ready = news_ready;
	k->ears_watch = (struct watch){.fd = -1, .ready = ears_ready};
	k->step.ring = step_rings;
	k->announce_again.ring = announce_rings;
	if (loop_watch(k->loop, &k->socket_watch, k->what->socket, EPOLLIN | EPOLLRDHUP, e) < 0 ||
		loop_watch(k->loop, &k->signal_watch, signals, EPOLLIN, e) < 0 ||
		loop_watch(k->loop, &k->news_watch, mnl_socket_get_fd(k->net->watch), EPOLLIN, e) < 0)
		return -e->code;
	begin(k);
	while (!k->over)
		if (loop_turn(k->loop, e) < 0)
			return -e->code;
	return 0;
}

int keeper_run(const struct keep *what, struct err *e)
{
	AUTO(loop_drop) struct loop *loop = NULL;
	AUTO(netlink_drop) struct netlink *net = NULL;
	AUTO(fd_drop) int signals = open_signals();
	struct keeper k = {.what = what, .ears = -1};
	struct err withdrawing;
	int r;

	if (signals < 0)
		return err_sys(e, "open a signalfd");
	if (loop_open(&loop, e) < 0 || netlink_open(&net, e) < 0)
		return -e->code;
	k.loop = loop;
	k.net = net;
	r = run(&k, signals, e);
	if (r == 0 && k.failure.code && !k.was_there)
		r = err_set(e, k.failure.code, "%s", k.failure.text);
	if (k.ours && withdraw(net, &what->ip, &k.link, &withdrawing) < 0 && r == 0) {
		*e = withdrawing;
		r = -e->code;
	}
	fd_drop(&k.ears);
	return r;
}
