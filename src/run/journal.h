/* What must be undone: one line for each thing before it is made, ["group","/sys/fs/cgroup/memory/virtualing/web"].
 * Whoever opens it holds the lock of its folder.  Teardown, recovery after a crash and `gc` are one call,
 * journal_replay.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/undo.h"

struct journal;

/* There for a moment while it is rewritten; what a kill in that moment has left goes with the folder. */
#define JOURNAL_NEW "journal.new"

/* Opens or makes the file "journal" in dir, and reads what is in it. dir: borrowed until the drop. folder: for
 * messages, copied. */
int journal_open(int dir, const char *folder, struct journal **ret, struct err *e);
void journal_drop(struct journal **j); /* the file stays. NULL is fine */

struct undo *journal_undo(struct journal *j); /* what makers note their undo in */
size_t journal_count(const struct journal *j);

/* Undoes it backwards; each (may be NULL) is told every line before. Goes on after a failure and returns the first;
 * what failed stays in the journal. */
int journal_replay(struct journal *j, void (*each)(void *arg, const char *text), void *arg, struct err *e);

/* After a replay that is not the end: the file holds what is left and nothing else. An old line must not come back to
 * life when the thing that it names is somebody else's by then. */
void journal_restart(struct journal *j);

/* Only tells, in the order in which it would be undone. */
void journal_each(const struct journal *j, void (*each)(void *arg, const char *text), void *arg);
