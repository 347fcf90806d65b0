/* What `top` knows of the virtuals: plain data, filled from kernel files (watch.h) and by their supervisors (ask.h),
 * and read by the layout. Nothing here reads a file or knows a terminal.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cage/meter.h"
#include "top/history.h"

enum item_state {
	ITEM_STARTING, /* it has a folder, but no state yet */
	ITEM_RUNNING,
	ITEM_PAUSED,
	ITEM_HELD,  /* its guard holds it at the full limit */
	ITEM_WAITS, /* it is stopped until somebody makes room */
	ITEM_STOPPING,
	ITEM_CRASHED, /* its supervisor is gone, the folder is not */
	ITEM_ENDED,   /* gone; still shown only while it is looked at */
	ITEM_STATES
};
extern const char *const item_state_names[ITEM_STATES];

/* A count that only rises, as what it rose by per second during about the last second (or longer, where it is read less
 * often). */
enum { RATE_STEPS = 4 };
struct rate {
	uint64_t ms[RATE_STEPS], value[RATE_STEPS];
	size_t next, count;
	double per_second; /* negative: not known */
};
void rate_add(struct rate *r, uint64_t ms, uint64_t value); /* UINT64_MAX: not known */

enum { EVENTS_KEPT = 64 };

struct item {
	char *name;	/* owned: of its folder */
	char *label;	/* owned: the same, fit to be shown */
	char *command;	/* owned; "" while it is not known */
	uint64_t id;	/* no other item has had it */
	uint64_t inode; /* of its folder */
	enum item_state state;
	pid_t pid, supervisor;
	int supervisor_fd;   /* owned pidfd, or -1 */
	uint64_t started_ms; /* on CLOCK_BOOTTIME; UINT64_MAX: not known */
	unsigned stop_timeout_ms;

	struct meter *meter; /* owned; NULL: no group of it is there */
	struct meter_figures figures;
	struct rate cpu, throttled, io_read, io_write;
	struct history history;

	/* what its supervisor says; UINT64_MAX where it has not, yet */
	bool asked_once, silent; /* silent: it does not answer */
	enum item_state said;
	uint64_t rescues, kills, cpu_limit_us, threads_limit;
	char *guard;		   /* owned: "decoy"; or NULL */
	char *events[EVENTS_KEPT]; /* owned lines, a ring; of one that is followed */
	size_t events_count, events_next;

	unsigned ask_reason; /* counts what may have changed what the supervisor would say; for ask.c */
	uint64_t asked_ms;
	uint64_t kills_seen, frozen_seen; /* what the kernel said at the last look */
	bool found;			  /* during a scan */
};

enum order {
	ORDER_NAME,
	ORDER_STATE,
	ORDER_MEMORY,
	ORDER_SHARE,
	ORDER_PEAK,
	ORDER_CPU,
	ORDER_THROTTLED,
	ORDER_IO,
	ORDER_PRESSURE,
	ORDER_PROCESSES,
	ORDER_RESCUES,
	ORDER_KILLS,
	ORDER_UPTIME,
	ORDER_PID,
	ORDER_COUNT
};

struct model {
	struct item **items; /* owned, in the order that is shown */
	size_t count, room;
	uint64_t added;				   /* in all */
	uint64_t now_ms;			   /* CLOCK_MONOTONIC */
	uint64_t boot_ms;			   /* CLOCK_BOOTTIME */
	uint64_t host_available_bytes, host_bytes; /* 0: not known */
	const char *clock;			   /* "14:03:22"; "" */
};

void model_drop(struct model *m);

/* A new item at the end, all unknown. name: copied. */
struct item *model_add(struct model *m, const char *name, uint64_t inode);
void model_remove(struct model *m, struct item *i); /* frees it */
struct item *model_find(const struct model *m, uint64_t id);
struct item *model_named(const struct model *m, const char *name);

/* Largest first, names from a to z; reversed: the other way round. Equal ones by name. */
void model_sort(struct model *m, enum order order, bool reversed);

/* What state.json says. */
void item_take_state(struct item *i, const json_t *state, uint64_t boot_ms, uint64_t now_seconds);
/* The "virtual" of a show. */
void item_take_show(struct item *i, const json_t *virtual);
/* An event: a line for it, and its counts. */
void item_take_event(struct item *i, const json_t *event);
void item_forget_events(struct item *i);
const char *item_event(const struct item *i, size_t from_last); /* 0: the last one; NULL: there are no more */

/* After figures have been read: rates, history, and whether the supervisor should be asked. */
void item_figured(struct item *i, uint64_t now_ms, bool dear);

/* Used share of the memory limit in thousandths; UINT64_MAX: no limit. */
uint64_t item_share(const struct item *i);
double item_io(const struct item *i); /* bytes per second, both ways; negative: not known */
uint64_t item_uptime(const struct item *i, const struct model *m); /* ms; UINT64_MAX */
