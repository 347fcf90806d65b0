/* JSON lines over a local stream socket: the one protocol between the supervisor and all who talk to it.
 *
 * A request is an object with "op"; its answer repeats the request's "id" and has "ok".  A failed one has "error"
 * (one line), perhaps "status" (the exit status that it stands for: 125, 126, 127), and perhaps "faults"
 * ([{"section", "key", "text"}]).
 *
 *   from the script host (socket on descriptor 3 of virtualing-ruby):
 *     {"op":"start", "spec":{...}}                 -> {"ok":true, "name", "pid"} once the command has been executed;
 *                                                  failed with "printed":true: the reason has been said already
 *     {"op":"check", "spec":{...}}                 -> {"ok":true}: it could be started here
 *     {"op":"wait", "name":"web"}                  -> {"ok":true, "status", "signal"?} when it has ended
 *     {"op":"wait"}                                -> the same when all have ended; status of the last
 *     {"op":"faults", "list":[{"file","line","section"?,"key"?,"text","trace"?:[...]}]}   no answer; the server prints
 *     {"op":"finish", "status":N}                  no answer; the script has ended. Without "status": that of the
 *                                                  last virtual, which may still be running
 *     {"op":"start", "spec", "blocks":[...]}       the same; the script has blocks for its events (run/blocks.h): it
 *                                                  gets {"event":{...}, "virtual", "block":N} unasked, and no other of
 *                                                  that block until it says
 *     {"op":"answered", "name", "block":N}         no answer; the block has run
 *   on NAME/control.sock, and from the script host with "name":
 *     {"op":"show"}                                -> {"ok":true, "virtual":{...}}
 *     {"op":"set", "resource":{...}, "force"?}     -> {"ok":true}: all of these limits are in force
 *     {"op":"events", "follow"?:true}              -> {"ok":true, "events":[...]}, then {"event":{...}} as they come
 *     {"op":"stop", "timeout_ms"?:N}               -> {"ok":true, "status"} when nothing of it is left;
 *                                                  without a time: that of its description
 *     {"op":"kill", "signal":N or "NAME"}          -> {"ok":true}
 *     {"op":"pause"}                               -> {"ok":true} when all of it stands still
 *     {"op":"resume"}                              -> {"ok":true}
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

enum { WIRE_MAX = 1 << 20 }; /* bytes of one message; a longer one ends the connection */

struct wire {
	int fd;			 /* owned */
	char *buffer;		 /* owned */
	size_t used, size, seen; /* bytes received; allocated; already searched for a newline */
};

void wire_init(struct wire *w, int fd);
void wire_drop(struct wire *w); /* closes and frees; may be called twice */

/* Sends one message whole. Blocks for at most timeout_ms in all (-1: for ever): -ETIMEDOUT, and since half of the
 * message may be out by then, the connection is good for nothing more. -EPIPE: the other is gone. -EMSGSIZE: above
 * WIRE_MAX, nothing was sent. message: borrowed. */
int wire_send(struct wire *w, const json_t *message, int timeout_ms, struct err *e);

/* Reads what is there without blocking; then wire_next gives the messages. 1: something came; 0: nothing now;
 * -EPIPE: the other end has closed; -EMSGSIZE: one message too long. */
int wire_fill(struct wire *w, struct err *e);

/* The next whole message as a new reference; 1 or 0 for none, -EPROTO when it is not a JSON object. */
int wire_next(struct wire *w, json_t **ret, struct err *e);

/* For clients that have nothing else to do: blocks until a message has come. timeout_ms: -1 for ever. */
int wire_receive(struct wire *w, int timeout_ms, json_t **ret, struct err *e);

/* Sends and waits for the answer. Returns 0 and the answer when "ok" is true; else -errno with the answer's error, and
 * *ret is the answer where there is one (NULL otherwise). */
int wire_call(struct wire *w, const json_t *request, int timeout_ms, json_t **ret, struct err *e);
