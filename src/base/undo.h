/* Write the undo, then act.
 *
 * Whoever makes something that outlives the process (a control group, a directory in the jail's root, an
 * address) first calls undo_note().  The supervisor's journal keeps the lines; teardown, recovery and `gc` replay
 * them backwards, and "already gone" is success.  A test may pass a list in memory.
 */
#pragma once

struct err;

enum undo_kind {
	UNDO_GROUP,    /* a: absolute path of a control group; everything in it is killed, then it goes */
	UNDO_PARENT,   /* a: absolute path of a control group that was made on the way to another; removed if empty */
	UNDO_DIR,      /* a: root, b: path inside it; removed if empty */
	UNDO_LINK,     /* a: root, b: path inside it; removed if it is still a symbolic link */
	UNDO_FILE,     /* a: root, b: path inside it, c: "SIZE MTIME_NS"; removed if both are unchanged ("*": anyway) */
	UNDO_ADDRESS,  /* a: "10.0.0.5/32", b: device; removed if it still carries a lifetime */
	UNDO_RELEASED, /* a: absolute path of a control group, b: that of another one; everybody goes there, then it
			  goes */
	UNDO_HOME,     /* a: absolute path of a group, b: of another one, c: "PID START"; that process goes there */
	UNDO_KINDS
};

struct undo {
	/* Returns 0 once the line is where a crash cannot lose it, or -errno: then nothing may be made. */
	int (*note)(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e);

	/* Takes the latest note back: the thing turned out to be somebody else's. May be NULL. */
	void (*forget)(struct undo *u);
};

static inline int undo_note(
	struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	return u ? u->note(u, kind, a, b, c, e) : 0;
}

static inline void undo_forget(struct undo *u)
{
	if (u && u->forget)
		u->forget(u);
}
