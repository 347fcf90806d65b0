/* Who uses a directory, and who may take things away in it.
 *
 * Not flock() on the directory itself: that takes no more than the right to read it, so anybody could hold it against
 * us.  The lock is on a file in a folder where only its owner makes files, FOLDER/.lock-DEVICE-INODE, mode 0600; it is
 * there only while somebody holds it, and so is the folder.  What who was killed has left is removed by the next one
 * that is done with the same directory, or by lock_clear().
 *
 * Open file description locks (fcntl(2)): they fall when the last descriptor is closed, and unlike flock() they tell
 * who uses a directory from who only takes something away in it for a moment.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* Where all of virtualing has them: the parent of the state folders. Names there that begin with "." are no virtual's.
 */
#define LOCK_FOLDER "/run/virtualing"

enum { LOCK_NAME_MAX = 64, LOCK_WAIT_MS = 5000 };

struct lock {
	const char *folder; /* borrowed */
	char name[LOCK_NAME_MAX];
	int fd; /* owned; -1: nothing is held */
};
#define LOCK_NONE        \
	{                \
		.fd = -1 \
	}

/* Both: dir is a descriptor of the directory, or of what else it is about (O_PATH will do), which the caller keeps open
 * while he holds the lock, so that its number stays its own.  Who may not write in the folder at all has no lock, and
 * that is no error: neither can he run a virtual. */

/* For as long as something is used: many may.  Waits out a lock_alone(); -EBUSY after LOCK_WAIT_MS. */
int lock_share(const char *folder, int dir, struct lock *ret, struct err *e);

/* For a moment, to take something away.  Waits out another one, -EBUSY after wait_ms; -EWOULDBLOCK while anybody shares
 * it.  0 also without a lock when the file that nobody holds cannot be made, for the disk is full. */
int lock_alone(const char *folder, int dir, int wait_ms, struct lock *ret, struct err *e);

void lock_drop(struct lock *l);	     /* the last one removes the file, and the folder if it is empty */
void lock_clear(const char *folder); /* removes the files that nobody holds */
