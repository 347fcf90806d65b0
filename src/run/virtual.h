/* One virtual, from its description to the moment when nothing of it is left: a table of state and event.
 *
 * Order: virtual_check (nothing is made), virtual_start, then whatever its owner wants of it; the owner is told of
 * every change, and frees it when it is VIRTUAL_GONE.
 */
#pragma once

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/faults.h"
#include "cage/cage.h"
#include "run/spawn.h"
#include "spec/spec.h"
#include "sys/loop.h"

enum virtual_state {
	VIRTUAL_NEW,
	VIRTUAL_ADDRESSING, /* waits for its vip */
	VIRTUAL_STARTING,   /* init is there, and is to tell of the command */
	VIRTUAL_RUNNING,
	VIRTUAL_STOPPING, /* SIGTERM is sent, SIGKILL follows */
	VIRTUAL_CLEARING, /* everything is killed; what was made is being removed */
	VIRTUAL_GONE,
	VIRTUAL_STATES
};

enum virtual_event {
	EVENT_GO,
	EVENT_ADDRESSED, /* the vip is there */
	EVENT_LOST,	 /* the vip is not there; v->address_err says why */
	EVENT_FAILED,	 /* the command was not started; v->err says why */
	EVENT_STARTED,
	EVENT_ENDED, /* our child has ended */
	EVENT_STOP,
	EVENT_ALARM,
	VIRTUAL_EVENTS
};

struct virtual;

struct virtual_owner {
	struct loop *loop;
	const struct cage_host *host;
	struct spawn_origin *origin;
	struct choice *choice; /* of the memory's guard: made when it is needed first (run/choice.h) */
	char *const *environ;
	void (*started)(struct virtual_owner *o, struct virtual *v);
	void (*stopped)(struct virtual_owner *o, struct virtual *v, int signal); /* by job control */
	/* Its end. The owner frees it later, not from within this call. */
	void (*gone)(struct virtual_owner *o, struct virtual *v);
	/* somebody connects to its control socket */
	void (*called)(struct virtual_owner *o, struct virtual *v, int fd);
	/* for the blocks of the script; message: taken over; false: there is no script (any more) */
	bool (*tell_script)(struct virtual_owner *o, struct virtual *v, json_t *message);
	/* its full cage has been held for as long as a block may take, and none has answered */
	void (*script_late)(struct virtual_owner *o, struct virtual *v);
	/* what virtual_pause() has begun is over: 0, or -errno and e says why it does not stand still (yet) */
	void (*paused)(struct virtual_owner *o, struct virtual *v, int result, const struct err *e);
	/* something has happened to it; event: borrowed */
	void (*happened)(struct virtual_owner *o, struct virtual *v, const json_t *event);
};

/* Everything about a description that this host cannot do. */
/* *look (may be NULL): what was seen of the jail, for virtual_start. */
void virtual_check(const struct cage_host *host, const struct spec *s, struct faults *f,
	void (*warn)(void *arg, const char *text), void *arg, struct jail_look **look);

/* Takes the description and the look over in any case. blocks: what its script waits for (run/blocks.h), or NULL;
 * borrowed. When it returns 0 the start is under way and o->started or o->gone will come; -errno: nothing was made, e
 * says why. */
int virtual_start(struct virtual_owner *o, struct spec *spec, struct jail_look *look, const json_t *blocks,
	struct virtual **ret, struct err *e);
void virtual_free(struct virtual *v); /* VIRTUAL_GONE only */

/* SIGTERM, and SIGKILL to the whole cage after timeout_ms; a second call kills at once.  One round running processes is
 * left instead: they go back to where they came from, unless virtual_end() says that they are to end, too. */
void virtual_stop(struct virtual *v, unsigned timeout_ms);
void virtual_end(struct virtual *v, unsigned timeout_ms);
bool virtual_is_attached(const struct virtual *v);
/* To the main process. SIGKILL ends a pause: nobody who is frozen could see to the rest. */
int virtual_signal(struct virtual *v, int signal, struct err *e);

/* Freezes everything inside; o->paused is told as soon as it stands still, or that it does not within a time.  Stays
 * until virtual_resume(), whatever its guard does; a stop, and SIGKILL, end it.  Twice is fine, and so is to resume
 * what runs. */
int virtual_pause(struct virtual *v, struct err *e);
int virtual_resume(struct virtual *v, struct err *e);
bool virtual_is_paused(const struct virtual *v);

/* A block of the script has answered. */
void virtual_block_answered(struct virtual *v, int id);
void virtual_script_gone(struct virtual *v); /* none will */

/* Changes limits while it runs: resource as in a description. All or nothing (run/set.h). */
int virtual_set(struct virtual *v, const json_t *resource, bool force, struct err *e);

/* What has happened to it, the latest last; borrowed. */
const json_t *virtual_events(const struct virtual *v);

/* After SIGCHLD: takes in what has become of the memory's guard, and tells the owner when job control has stopped the
 * command. (With an init, that one says so itself.) */
void virtual_look_children(struct virtual *v);

const char *virtual_name(const struct virtual *v);
enum virtual_state virtual_state(const struct virtual *v);
pid_t virtual_pid(const struct virtual *v); /* of the main process on this host; 0 before it runs */

/* How it ended: as a shell would say it, 125..127 when it never ran. */
int virtual_status(const struct virtual *v);
int virtual_signal_of_end(const struct virtual *v);	/* the signal that ended it, or 0 */
int virtual_log(const struct virtual *v);		/* borrowed; 0: it has none */
unsigned virtual_stop_timeout(const struct virtual *v); /* ms, of its description */
unsigned virtual_deadline(const struct virtual *v);	/* ms, of each of its blocks */

/* For `show`: name, state, pid, limits with their files, usage, processes, description. New reference. */
json_t *virtual_json(const struct virtual *v);

/* The table, for tests and for the documentation: the name of what happens in this cell, or "" when it stays. */
const char *virtual_table_cell(enum virtual_state s, enum virtual_event e);
extern const char *const virtual_state_names[VIRTUAL_STATES];
extern const char *const virtual_event_names[VIRTUAL_EVENTS];
