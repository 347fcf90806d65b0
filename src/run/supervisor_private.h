/* Shared by supervisor.c (its virtuals, its life), supervisor_signals.c, supervisor_script.c, supervisor_detach.c and
 * client.c (what others may ask of it). */
#pragma once

#include "run/choice.h"
#include "run/detach.h"
#include "run/spawn.h"
#include "run/supervisor.h"
#include "run/virtual.h"
#include "sys/wire.h"

enum { EXIT_OWN_FAILURE = 125 };

struct client {
	struct supervisor *supervisor;
	struct client *next;
	struct wire wire;
	struct watch watch;
	char *name;   /* of the virtual whose socket it came through; NULL: the script host */
	bool closing; /* freed after the turn */
	bool follows; /* is told what happens to it */
};

enum wait_kind { WAIT_END, WAIT_START, WAIT_STILL };

/* Somebody who is told when a virtual starts, has ended, or stands still. */
struct waiter {
	struct waiter *next;
	struct client *client;
	json_t *id; /* of the request; owned; may be NULL */
	char *name; /* NULL: all virtuals */
	enum wait_kind kind;
};

struct member {
	struct member *next; /* the latest first */
	struct virtual *v;
	unsigned early; /* which of the signals that are passed on came before it ran: a bit each */
};

/* How a virtual ended, for those who ask afterwards; one of each name, the last. */
struct ended {
	struct ended *next;
	char *name;
	int status, signal;
};

struct supervisor {
	struct virtual_owner owner; /* first */
	struct loop *loop;
	struct cage_host *host;
	struct spawn_origin origin;
	struct choice choice;
	int signals;
	struct watch signals_watch;

	struct member *members;
	struct ended *ended;
	struct client *clients;
	struct waiter *waiters;

	struct spawned script; /* the script host */
	struct watch script_watch;
	struct client *script_client;
	bool script_runs;
	bool script_given_up;	  /* killed by us, for a block of it took too long */
	json_t *block;		  /* what it has said of the block that it runs; or NULL */
	struct alarm block_alarm; /* that takes too long */
	bool script_has_status;
	int script_status;

	struct detach detach; /* news -1: nobody waits to be told (any more) */
	bool detached;	      /* in the background */
	int log;	      /* of what is said about no virtual, and of those that have none; -1: there is none */
	struct watch caller_watch;
	struct alarm settled; /* the script has not started anything for a while */
	bool is_settled;
	int relay; /* what the script host prints until it is told, and after; or -1 */
	struct watch relay_watch;

	bool stopping;		    /* everything is to end, the latest first */
	int last_status;	    /* of the virtual that ended last */
	bool any;		    /* there was one */
	bool interrupted;	    /* the terminal's Ctrl-C came */
	bool stop_came, stop_taken; /* its Ctrl-Z; and one of several virtuals has stopped (supervisor_signals.c) */
	int last_signal;
	bool streams_gone; /* standard input and output are let go of */
	bool had_terminal; /* our process group was in its foreground when we began */
};

struct member *supervisor_find(struct supervisor *s, const char *name); /* NULL when it has ended */
const struct ended *supervisor_find_ended(const struct supervisor *s, const char *name);

/* 0, or -errno; faults (by section and key) when the description is what is wrong. status: 125 or 127. */
int supervisor_start(
	struct supervisor *s, struct spec *spec, const json_t *blocks, struct faults *f, int *status, struct err *e);

void supervisor_stop(struct supervisor *s); /* everything, the latest first; twice: at once */

/* ---- supervisor_signals.c ---- */

int supervisor_open_signals(struct supervisor *s, struct err *e);
void supervisor_pass_on_early(struct member *m); /* what came before it ran */
void supervisor_member_stopped(struct virtual_owner *o, struct virtual *v, int signal);

/* ---- supervisor_script.c ---- */

/* Starts the script host with this file and its arguments. */
int supervisor_open_script(struct supervisor *s, char **argv, struct err *e);
void supervisor_script_ended(struct supervisor *s, const json_t *status);

/* The script runs one block at a time, and says when. message: {"name", "type", "deadline_ms"}; borrowed. Its virtual
 * may have ended: what is said there is all that is known of it. */
void supervisor_block_begins(struct supervisor *s, const json_t *message);
void supervisor_block_ended(struct supervisor *s); /* without one that has begun, too */

/* The block that v waits for has had its time. */
void supervisor_script_late(struct virtual_owner *o, struct virtual *v);

/* ---- supervisor_detach.c ---- */

/* Once the loop is open. d: taken over, or NULL. log: borrowed; -1: there is none. */
int supervisor_detach(struct supervisor *s, struct detach *d, int log, struct err *e);
void supervisor_detach_started(struct supervisor *s); /* a virtual runs */
void supervisor_detach_look(struct supervisor *s);    /* after each turn */
void supervisor_detach_end(struct supervisor *s);

/* For the script host, where it is not to hold what the caller's streams lead to: *ret_theirs is for its standard
 * output and error, the caller's to close; -1: they are as usual. */
int supervisor_open_relay(struct supervisor *s, int *ret_theirs, struct err *e);
void supervisor_relay(struct supervisor *s); /* what lies in it still */

/* ---- client.c ---- */

int client_add(struct supervisor *s, int fd, const char *name, struct client **ret, struct err *e);
bool client_tell(struct client *c, json_t *message); /* without being asked; takes it over; false: it is gone */
void client_hear_out(struct client *c);		     /* serves all that is in its socket still */
void client_sweep(struct supervisor *s, bool all);   /* frees those that are closing; the rest too with `all` */

/* Answers everybody who waits for it. */
void client_tell_started(struct supervisor *s, struct virtual *v);
void client_tell_paused(struct supervisor *s, struct virtual *v, int result, const struct err *e);
void client_tell_gone(struct supervisor *s, struct virtual *v);
void client_tell_happened(struct supervisor *s, struct virtual *v, const json_t *event);
