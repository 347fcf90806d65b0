/* One record of the kernel's log, as far as it tells of a kill for memory.
 *
 * A report of the OOM killer is a row of records that no other report interrupts (the killer holds oom_lock):
 *
 *     eat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
 *     memory: usage 65536kB, limit 65536kB, failcnt 27
 *     anon 64000000                                           (before Linux 6.4 all of them in one record)
 *     oom-kill:constraint=CONSTRAINT_MEMCG,...,oom_memcg=/a/b,task_memcg=/a/b/c,task=eat,pid=123,uid=0
 *     Memory cgroup out of memory: Killed process 123 (eat) total-vm:..kB, anon-rss:..kB, file-rss:..kB, ...
 *     Tasks in /a/b/c are going to be killed due to memory.oom.group set        (then the last for each of them)
 *
 * All but the last two are rate-limited. Sources: mm/oom_kill.c, mm/memcontrol.c, Documentation/ABI/testing/dev-kmsg.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cage/cage.h"

enum { KMSG_RECORD = 8192, KMSG_NAME = 32, KMSG_PATH = 512 }; /* bytes, with the final NUL */

enum kmsg_kind {
	KMSG_OTHER,
	KMSG_BEGIN, /* of a report */
	KMSG_USAGE, /* usage_bytes and limit_bytes of the group whose limit it is */
	KMSG_PARTS, /* some of what its memory is made of; on v1 and v2 file with shmem */
	KMSG_CHOSEN,
	KMSG_KILLED,
	KMSG_ALL_OF /* all of this group are killed now */
};

struct kmsg {
	enum kmsg_kind kind;
	uint64_t usage_bytes, limit_bytes;
	struct cage_parts parts; /* UINT64_MAX: not told; of KMSG_KILLED: the victim's own */

	bool host;		     /* not a group's limit */
	pid_t pid;		     /* in the first pid namespace */
	char name[KMSG_NAME];	     /* text_tidy() */
	char limit_group[KMSG_PATH]; /* as seen from the root of the hierarchy; "": not told */
	char group[KMSG_PATH];	     /* of the victim, or of all */
};

/* record: what one read(2) from /dev/kmsg gave, with a final NUL; is changed.  Records that no kernel wrote, but
 * somebody who may write to /dev/kmsg, are KMSG_OTHER. */
enum kmsg_kind kmsg_parse(char *record, struct kmsg *ret);
