/* One decoy: a process that the kernel's OOM killer chooses in the place of the program (decoy/main.c), and that we
 * hold at the door.
 *
 * It is our child, and seized from its first moment (PTRACE_SEIZE with PTRACE_O_TRACEEXIT): when it is killed it stops
 * before it gives up its memory.  As long as a chosen victim is still there the kernel kills nobody else under the same
 * limit, and whoever wants memory waits: for about two seconds, after which the kernel takes the victim's memory itself
 * and chooses the next.  It dies with us (PTRACE_O_EXITKILL).
 *
 * Sources: mm/oom_kill.c (oom_evaluate_task, OOM_REAPER_DELAY: Linux 5.18), ptrace(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "cage/guard/decoy/news.h"

struct cage;

/* What all decoys of a cage are made with. */
struct decoy_kit {
	int image;  /* the program */
	int mapped; /* the file that it maps, to look big */
	int group;  /* where they stand: a file that takes "0" for the writer */
	int news;   /* a pipe, non-blocking: struct decoy_news */
	int theirs; /* its other end */

	/* How big the next shall look. The killer weighs a victim by its resident size and adds a thousandth of the
	 * limit for each point of oom_score_adj, rounded down to whole pages: a thousand pages may be lost so, and page
	 * tables and files that the program maps count for it as well.  A program that has an oom_score_adj of 1000
	 * itself (stress-ng's workers do) is outweighed by resident size alone.  Each MiB costs 2 KiB of page tables,
	 * outside the cage. */
	unsigned inflate_mib;
};

#define DECOY_KIT_NONE ((struct decoy_kit){-1, -1, -1, -1, -1, 0})

int decoy_kit_open(struct decoy_kit *k, const struct cage *c, struct err *e);
void decoy_kit_drop(struct decoy_kit *k);

enum decoy_state {
	DECOY_NONE,
	DECOY_STARTED,	 /* makes itself big, outside the cage */
	DECOY_SPARE,	 /* big, outside, waits */
	DECOY_JOINING,	 /* on its way in */
	DECOY_ARMED,	 /* inside */
	DECOY_HELD,	 /* chosen by the kernel, held at the door */
	DECOY_DISMISSED, /* inside, asked to leave; the kernel may still choose it before it does */
	DECOY_LEAVING,	 /* killed by us, or let go */
};

struct decoy {
	enum decoy_state state;
	unsigned mib; /* how big it looks */
	pid_t pid;    /* ours and not reaped: the number is nobody else's */
};

int decoy_start(const struct decoy_kit *k, struct decoy *d, struct err *e);
void decoy_join(struct decoy *d);    /* a spare goes in */
void decoy_dismiss(struct decoy *d); /* one that is not needed goes, and may be inside */
void decoy_let_go(struct decoy *d);
void decoy_kill(struct decoy *d);

/* After SIGCHLD: takes in what has happened to it. True: it has just been chosen, and is held now. */
bool decoy_look(struct decoy *d);
