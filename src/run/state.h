/* The state folder of a virtual, /run/virtualing/NAME: what others need to know of it while it runs, and what must
 * be undone when its supervisor is gone.
 *
 *     lock          held (flock) as long as the supervisor lives
 *     journal       one line for each thing before it is made: ["group","/sys/fs/cgroup/memory/virtualing/web"]
 *     state.json    the description, pids with their start times; written beside and renamed
 *     control.sock  where commands are taken
 *
 * Order: state_open, then state_journal(...) for what is made, state_write once it runs, [state_hide,] journal_replay
 * and state_remove at the end.  Recovery and `gc` are the same calls on a folder whose lock nobody holds.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "run/journal.h"
#include "sys/lock.h"

#define STATE_PARENT LOCK_FOLDER

struct state;

/* Makes or takes over the folder and locks it. What a crashed supervisor left in it is undone first (*recovered).
 * -EBUSY: a supervisor holds it; the text says its pid. */
int state_open(const char *name, bool *recovered, struct state **ret, struct err *e);

/* Only takes over: -ENOENT when there is no such folder, -EBUSY when it is held. Undoes nothing yet. */
int state_adopt(const char *name, struct state **ret, struct err *e);

struct journal *state_journal(struct state *s); /* borrowed; see run/journal.h */
int state_write(struct state *s, const json_t *document, struct err *e);

/* A listening socket at control.sock, mode 0600, non-blocking. */
int state_listen(struct state *s, int *ret_fd, struct err *e);

/* Takes away what is for others: the virtual has ended, and what was made for it is being removed. */
void state_hide(struct state *s);

/* Removes the folder, and the parent if it is empty. Call when journal_replay() has succeeded. */
int state_remove(struct state *s, struct err *e);
void state_drop(struct state **s); /* unlocks and frees; the folder stays as it is. NULL is fine */

/* Who attaches looks in which cages processes are, and moves them: one supervisor at a time, until its state.json says
 * whom it has.  Waits.  A descriptor for state_end_turn, or -EAGAIN after 10 s, -errno. */
int state_take_turn(struct err *e);
void state_end_turn(int *fd); /* -1 is fine */
void state_clear_turn(void);  /* removes what a supervisor that was killed in its turn has left */

/* ---- for other commands ---- */

/* The names of all folders, running or not, sorted; free each and the list. Count, or -errno. No parent: 0. */
ssize_t state_names(char ***ret, struct err *e);

/* What state.json says, or NULL with a reason: the folder must belong to root or to us and be closed to others. */
json_t *state_read(const char *name, struct err *e);

/* Connects to its supervisor. The descriptor, or -ENOENT (no such virtual), -ECONNREFUSED (its supervisor is gone). */
int state_connect(const char *name, struct err *e);

/* The same without waiting: -ETIMEDOUT when its supervisor has not accepted those who came before. */
int state_connect_now(const char *name, struct err *e);

/* Whether somebody lives who answers for it: a supervisor, from its first moment to its last. */
bool state_is_held(const char *name);
