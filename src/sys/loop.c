#include "sys/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/own.h"

enum { EVENTS_AT_ONCE = 32 };

struct loop {
	int epoll;
	struct alarm *alarms; /* soonest first */
	struct epoll_event events[EVENTS_AT_ONCE];
	int ready, next; /* of events[]: how many there are, and the first that is not served yet */
};

int loop_open(struct loop **ret, struct err *e)
{
	struct loop *l = calloc(1, sizeof *l);

	if (!l)
		return err_set(e, ENOMEM, "event loop: out of memory");
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return err_sys(e, "event loop: epoll_create1");
	}
	*ret = l;
	return 0;
}

void loop_drop(struct loop **l)
{
	if (!*l)
		return;
	fd_drop(&(*l)->epoll);
	free(*l);
	*l = NULL;
}

int loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events, struct err *e)
{
	struct epoll_event event = {.events = events, .data.ptr = w};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_sys(e, "event loop: watch descriptor %d", fd);
	w->fd = fd;
	return 0;
}

void loop_unwatch(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	/* An event for it may have been fetched already: its owner may be gone when its turn comes. */
	for (int i = l->next; i < l->ready; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

uint64_t loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void loop_clear_alarm(struct loop *l, struct alarm *a)
{
	for (struct alarm **at = &l->alarms; *at; at = &(*at)->next) {
		if (*at == a) {
			*at = a->next;
			break;
		}
	}
	a->due_ms = 0;
}

void loop_set_alarm(struct loop *l, struct alarm *a, unsigned after_ms)
{
	struct alarm **at = &l->alarms;

	loop_clear_alarm(l, a);
	a->due_ms = loop_now_ms() + after_ms;
	while (*at && (*at)->due_ms <= a->due_ms)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
}

static int until_next_alarm(const struct loop *l)
{
	uint64_t now;

	if (!l->alarms)
		return -1;
	now = loop_now_ms();
	return l->alarms->due_ms <= now ? 0 : (int)(l->alarms->due_ms - now);
}

static void ring_due(struct loop *l)
{
	uint64_t now = loop_now_ms();

	while (l->alarms && l->alarms->due_ms <= now) {
		struct alarm *a = l->alarms;

		loop_clear_alarm(l, a);
		a->ring(a);
	}
}

int loop_turn(struct loop *l, struct err *e)
{
	int n = epoll_wait(l->epoll, l->events, EVENTS_AT_ONCE, until_next_alarm(l));

	if (n < 0 && errno != EINTR)
		return err_sys(e, "event loop: epoll_wait");
	l->ready = n > 0 ? n : 0;
	for (l->next = 0; l->next < l->ready;) {
		struct epoll_event *event = &l->events[l->next++];
		struct watch *w = event->data.ptr;

		if (w)
			w->ready(w, event->events);
	}
	l->ready = 0;
	ring_due(l);
	return 0;
}
