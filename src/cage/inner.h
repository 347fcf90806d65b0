/* What the parts of the cage know of each other. Nobody else includes this. */
#pragma once

#include "cage/cage.h"

/* ---- host.c ---- */

struct cage_tree {   /* one mounted hierarchy */
	char *mount; /* "/sys/fs/cgroup/memory" */
	enum cgroup_version version;
	unsigned controllers; /* bits 1 << enum controller */
	bool read_only;
	bool whole; /* its root is mounted, not a part of it */
};

enum { TREES_MAX = CTRL_COUNT + 1 };
struct cage_host {
	char *mountinfo;
	struct cage_tree trees[TREES_MAX];
	size_t count;
	const struct cage_tree *of[CTRL_COUNT]; /* where a controller is; NULL: nowhere */
	const struct cage_tree *unified;	/* the v2 tree, or NULL */
};

extern const char *const controller_names[CTRL_COUNT][CGROUP_VERSIONS]; /* NULL: not on that version */

/* "cpu,memory" of a set of bits, as that version calls them. Returns buffer. */
char *controllers_text(char *buffer, size_t size, unsigned controllers, enum cgroup_version version);
/* The bits of the names in a text separated by any of `separators`; unknown ones do not count. Changes the text. */
unsigned controllers_parse(char *text, const char *separators, enum cgroup_version version);

/* ---- tree.c: what differs between the versions when groups are made ---- */

struct tree_ops {
	/* Before a group is made in `dir`: lets its groups have these controllers. */
	int (*open_up)(int dir, const char *path, unsigned controllers, struct err *e);
	/* After it was made: fills in what a v1 group must have before anybody may join. */
	int (*settle)(int dir, int child, const char *path, unsigned controllers, struct err *e);
	/* Group below a cage with memory limits that holds the program, so that the guard's helpers can stand beside it
	 * under the same limit; NULL: none is needed, since they join the memory group only. */
	const char *inner;
	/* Where those stand: a group beside that one, or NULL: the memory group itself; and the file to join it by. */
	const char *air, *join;
};
extern const struct tree_ops tree_ops[CGROUP_VERSIONS]; /* a missing function: nothing to be done */

/* ---- plan.c: which groups, where ---- */

/* Controllers that these limits call for on this host, and those that the cage itself wants for usage and killing. */
unsigned plan_controllers(const struct cage_host *host, const struct limits *l);
/* Is there anything to do for this limit, beyond what every new group has? */
bool plan_wants(const struct limits *l, enum limit which);
/* The tree whose group can kill everything inside: v2, else the freezer's, else any. */
const struct cage_tree *plan_holder(const struct cage_host *host);
/* NULL, or why this may not be a group's name. */
const char *plan_name_fault(const char *group);
/* "virtualing/web" or "a/b": the path below each mount. Owned by the caller. */
char *plan_path(const char *group);

#define SHARED_PARENT "virtualing"
#define PARENT_MARK "trusted.virtualing-parent" /* of a group that one of us has made on the way to its own */

/* ---- cage.c ---- */

struct cage_group {
	const struct cage_tree *tree;
	unsigned controllers; /* of the tree, that the cage uses */
	enum limit_place place;
	char *path; /* owned, absolute */
	int fd;	    /* owned, O_PATH */
};

struct cage_setting { /* a limit that was written */
	enum limit which;
	const struct cage_group *group;
	char file[48];
	char device[24]; /* "254:0": the line of it; "" for a file of one line */
};

enum { GROUPS_MAX = TREES_MAX + 1 };
struct cage {
	const struct cage_host *host;
	struct cage_group groups[GROUPS_MAX]; /* the last one made holds all processes */
	size_t count;
	char **parents; /* missing parents that were made for an absolute group, outermost first */
	size_t parents_count;
	struct cage_setting *settings;
	size_t settings_count;
	int tasks[CAGE_TASKS_MAX];
	size_t tasks_count;
	bool gate_open;
	unsigned frozen_for;  /* bits 1 << enum cage_freezer */
	uint64_t decoy_kills; /* of the guard's decoys, which v1 counts among its kills */
	uint64_t peak_bytes;  /* that the gauge has made v1 forget */
};

/* How often the cage itself has been out of memory: rises with each time, perhaps by more than one. UINT64_MAX: the
 * kernel does not say. */
uint64_t cage_ooms(const struct cage *c);

/* False: the cage has never been as full as its limits of memory allow, or has none (usage.c). */
bool cage_may_have_been_full(const struct cage *c);

/* Whether the group at this absolute path limits memory, and the lowest of such limits. */
bool cage_tree_limits_memory(const struct cage_tree *tree, const char *group, uint64_t *ret_bytes);

/* How far below its limit a full group may stand (usage.c). */
uint64_t cage_slack_bytes(void);

/* A file that takes "0" for the writer, of where the guard's helpers stand: under the memory limit, but not among the
 * program's processes. Made if need be; it goes with the cage. A descriptor, the caller's; or -errno. */
int cage_open_air(const struct cage *c, struct err *e);

/* The group in this tree for this place, or NULL when the cage has none there. */
const struct cage_group *cage_find(const struct cage *c, const struct cage_tree *tree, enum limit_place place);

/* ---- usage.c: where each figure stands ---- */

enum reader {
	READ_NUMBER, /* the file is one number, or "max" */
	READ_LINE,   /* the line that begins with word */
	READ_LINES,  /* of lines that begin with "a" and "b": "a+b+c", those that are there; "a-b", both */
	READ_FIRST,  /* the first number that stands behind word */
	READ_SUM     /* the sum of all numbers that stand behind word */
};

enum { ANY_V2 = -1 };

struct source {
	size_t field;	/* of struct cage_usage; the first row that says something counts */
	int controller; /* or ANY_V2: every group of the v2 tree has the file */
	enum cgroup_version version;
	enum limit_place place;
	const char *file;
	enum reader reader;
	const char *word;
	uint64_t divide;
};
extern const struct source cage_sources[]; /* rows of one file follow each other */
extern const size_t cage_sources_count;

uint64_t source_value(const struct source *s, const char *text); /* text: of the whole file; UINT64_MAX: not there */
const struct cage_group *source_group(const struct cage *c, const struct source *s); /* NULL: not on this host */

/* ---- apply.c ---- */

/* Writes one file of a limit, reads it back and notes it for cage_each.  device: "254:0" or "".  holds: the text that
 * was read, or its line of the device, says what `text` said. */
struct limit_write {
	enum limit which;
	const struct cage_group *group;
	const char *file;
	const char *text;    /* what is written, as messages show it */
	const char *device;  /* "" */
	const char *lacking; /* what it means if the file is not there, or NULL */
	bool (*holds)(const char *wanted, const char *got, const struct limit_write *w);
	uint64_t slack; /* bytes by which the kernel may have rounded down */
};
int apply_write(struct cage *c, const struct limit_write *w, struct err *e);

/* ---- group.c: one directory of control groups, by path ---- */

int group_kill(int fd, const char *path, struct err *e); /* everything in it and below it; does not wait */
int group_remove(const char *path, struct err *e);	 /* with all groups below it; -EBUSY: processes are in it */
ssize_t group_pids(int fd, pid_t *pids, size_t max);	 /* in it and below it; as cage_pids */
int group_holds_us(int fd);				 /* 1: the calling process is in it or below it; 0, -errno */

/* ---- home.c, leftover.c: the way back out of a cage that is left ---- */

struct cage_homes;
const char *home_of_tree(const struct cage_homes *homes, const struct cage_tree *tree); /* borrowed, absolute */
int home_empty(int fd, const char *home, struct err *e); /* moves everybody in this group and below it */
/* Moves one to the nearest group at or above this absolute path that takes him. 0 also when he has ended. */
int home_move(pid_t pid, const char *home, struct err *e);
int leftover_open(const char *path); /* a descriptor of what is proved to be a group; or -errno */
