/* The script host's side of the conversation with the supervisor (sys/wire.h), and what it knows of the file that it
 * evaluates.  No Ruby in it.
 *
 * The supervisor prints what is wrong, not the script host: one process writes to the user's terminal.  When the
 * supervisor is gone nothing can be done for the script any more, and every call here ends the process.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/faults.h"
#include "ruby/source.h"
#include "spec/spec.h"
#include "sys/wire.h"

enum {
	STATUS_NOT_FOUND = 127,
	STATUS_FAILED = 125, /* exit status: virtualing itself failed before the command ran */
	STATUS_NONE = -1
};

struct host {
	struct wire wire;
	const char *file; /* as the user wrote it; borrowed */
	struct source source;
	char *stem;	  /* name of a virtual without one; owned */
	pid_t pid;	  /* ours: a fork of the script may not speak in its name */
	json_int_t calls; /* made so far: the id of the next */
	bool wrong;	  /* something in the file is wrong: nothing is started any more */
	int status;	  /* of the last start, when that failed; else STATUS_NONE */
	size_t started;	  /* virtuals */

	/* Runs the block that an event is for. message: {"event":{...}, "block":N, "virtual":NAME, "deadline_ms":N};
	 * borrowed. */
	void (*run_block)(struct host *h, const json_t *message);
	void *ruby;	 /* for it */
	bool watching;	 /* a virtual with blocks has been started: we stay until all have ended */
	bool in_block;	 /* what comes meanwhile waits */
	json_t *waiting; /* a list of messages; or NULL */
	json_t *answers; /* to calls that a block was run in the middle of: by id; or NULL */
};

/* fd: the socket, taken over. -ENOTSOCK with a text when it is none. file: borrowed. */
int host_init(struct host *h, int fd, const char *file, struct err *e);

/* Says what is wrong with a description; nothing is started from now on. at: a line within its call. */
void host_faults(struct host *h, int at, const struct faults *f);

/* Says one thing about the file; text: any bytes. line 0: none. trace: list of texts or NULL; borrowed.
 * section, key: "" for none. */
void host_say(
	struct host *h, int line, const char *section, const char *key, const char *text, size_t length, json_t *trace);

/* Reads and checks a description; NULL after its faults have been said. document: borrowed; NULL: none could be
 * made. found: faults known already, whose keys are not looked at again. */
struct spec *host_describe(struct host *h, int at, const json_t *document, const struct faults *found);

/* Waits, and runs the blocks of what happens meanwhile. */
void host_sleep(struct host *h, double seconds);

/* Starts a virtual. blocks: what the script waits for (run/blocks.h), or NULL; borrowed. 0 and its pid; else the exit
 * status of the failure, which has been said. */
int host_start(struct host *h, int at, const struct spec *s, const json_t *blocks, int *ret_pid);

/* Asks anything of a virtual; request: taken over. The answer, a new reference; its "ok" need not be true. */
json_t *host_ask(struct host *h, json_t *request);

/* Waits until the virtual has ended, or all when name is NULL; its exit status (of the last one to end). */
int host_wait(struct host *h, const char *name);

/* The script has ended. status: what it wants virtualing to end with; STATUS_NONE: that of the last virtual. Ends this
 * process. */
_Noreturn void host_finish(struct host *h, int status);
