/* The event loop: descriptors and alarms, on one thread, over epoll(7).
 *
 * A watch and an alarm live inside the structure that they serve; the loop only links them.  A callback may remove
 * any watch, its own included, and free what holds it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

struct watch {
	int fd; /* borrowed; -1 while it is not watched */
	void (*ready)(struct watch *w, uint32_t epoll_events);
};

struct alarm {
	uint64_t due_ms; /* on loop_now_ms()'s clock; 0 while it is not set */
	void (*ring)(struct alarm *a);
	struct alarm *next;
};

int loop_open(struct loop **ret, struct err *e);
void loop_drop(struct loop **l); /* NULL is fine */

/* events: EPOLLIN ... w->ready is set by the caller. */
int loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events, struct err *e);
void loop_unwatch(struct loop *l, struct watch *w); /* call before the descriptor is closed; twice is fine */

uint64_t loop_now_ms(void);						 /* CLOCK_MONOTONIC */
void loop_set_alarm(struct loop *l, struct alarm *a, unsigned after_ms); /* rings once; moves it when set already */
void loop_clear_alarm(struct loop *l, struct alarm *a);

/* Waits for the next events and calls their owners. Without any alarm set it sleeps until a descriptor is ready. */
int loop_turn(struct loop *l, struct err *e);
