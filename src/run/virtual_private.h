/* What the parts of a virtual share: virtual.c (its life), virtual_launch.c, virtual_pause.c, virtual_end.c,
 * virtual_events.c (what happens to it, and who is told), and virtual_show.c (what is shown of it).  Nobody else
 * includes this. */
#pragma once

#include <jansson.h>

#include "run/attached.h"
#include "run/blocks.h"
#include "run/killed.h"
#include "run/memory.h"
#include "run/recorder.h"
#include "run/spawn.h"
#include "run/state.h"
#include "run/summary.h"
#include "run/undertaker.h"
#include "run/virtual.h"

struct pressure; /* virtual_events.c */

struct virtual
{
	struct virtual_owner *owner;
	struct spec *spec;
	enum virtual_state state;

	/* what it has, in the order in which it gets it */
	int log; /* 0: none */
	struct state *folder;
	struct cage *cage;
	struct memory *memory; /* NULL: its limit is the kernel's alone */
	struct memory_owner memory_owner;
	struct blocks *blocks;
	struct pressure *pressures;
	int *level_block;	 /* which block waits for a level of the memory */
	json_t *events, *counts; /* the latest; how many of each type in all */
	json_t *summary;	 /* made at its end; or NULL */
	json_t *limits_at_start;
	struct output report;	   /* where the summary goes */
	struct recorder *recorder; /* NULL: it is not recorded */
	struct killed *killed;	   /* NULL: nobody counts */
	struct killed_owner killed_owner;
	struct jail_look *look;
	struct jail_ready *ready;
	struct vip_keeper keeper;
	struct spawned child;
	struct attached *attached; /* instead of a child of ours; or NULL */
	bool release;		   /* at its end everybody in it goes back to where he came from */
	struct undertaker undertaker;
	int listener;
	time_t started;
	uint64_t started_ms;

	struct watch keeper_watch, child_watch, report_watch, listen_watch;
	struct alarm alarm;
	struct alarm still; /* virtual_pause.c: looks whether all has stopped */
	unsigned still_ms;  /* the next pause between looks */
	uint64_t still_since;
	unsigned clear_ms; /* next pause while clearing */
	uint64_t clear_since;
	unsigned stop_ms;
	bool complained, kill_failed, address_lost;
	struct err address_err; /* why it is lost */
	bool stop_wanted;	/* asked for while it was starting */

	bool failed;
	int failure; /* 125, 126, 127 */
	bool reaped; /* the child */
	bool traced; /* it has ended, and somebody else must let go of it before it can be reaped */
	bool ended;  /* wait_status is valid: the command's, from init where there is one */
	int wait_status;
	struct err err;
};

#define OWNER_OF(watch, field) ((struct virtual *)((char *)(watch)-offsetof(struct virtual, field)))

/* ---- virtual.c ---- */

void virtual_read_reports(struct virtual *v); /* what init has said until now */

/* ---- virtual_events.c ---- */

extern const struct memory_owner virtual_memory_owner;
extern const struct killed_owner virtual_killed_owner;

/* Keeps an event, and tells those who follow and the blocks. more: what it has beside the figures of the memory; taken
 * over; may be NULL. */
void virtual_happened(struct virtual *v, const char *type, json_t *more);
bool virtual_send_to_script(void *v, json_t *message);

/* Guards the memory, and sets triggers, as description and blocks want it. */
int virtual_watch_memory(struct virtual *v, struct err *e);
void virtual_unwatch_memory(struct virtual *v); /* twice is fine */

/* ---- virtual_pause.c ---- */

extern const struct alarm virtual_still_alarm;
/* For its end: everything must run to hear of it. */
void virtual_end_pause(struct virtual *v);

/* ---- virtual_launch.c ---- */

/* Makes all that it has, and starts its child or moves in what runs already. 0, or -errno: what has been made is in its
 * journal. */
int virtual_launch(struct virtual *v, struct err *e);
int virtual_open_to_others(struct virtual *v, struct err *e); /* state.json, and the control socket */
void virtual_close_to_others(struct virtual *v);	      /* twice is fine */
void virtual_tell_attached(const struct virtual *v);

/* Waits for whoever of those in the cage is the next; -ESRCH when nobody is left. */
int virtual_watch_attached(struct virtual *v, struct err *e);

/* ---- virtual_end.c: what is done in the table of virtual.c when it ends ---- */

void virtual_ask_to_end(struct virtual *v);
void virtual_stop_soon(struct virtual *v);
void virtual_end_now(struct virtual *v);
void virtual_kill_all(struct virtual *v);
void virtual_child_ended(struct virtual *v);

/* Everything is let go of, killed, told and undone; it takes the kernel some time, and then virtual_clear_more(). */
void virtual_clear(struct virtual *v);
void virtual_clear_more(struct virtual *v);

/* ---- virtual_show.c ---- */

json_t *virtual_limits(const struct spec *s); /* "resource" of its description; new reference */
/* What --report says, into v->summary, while the cage is there. end: status and signal, or
 * an error; taken over. */
void virtual_sum_up(struct virtual *v, json_t *end);
