/* When a memory limit rises by itself, and by how much.  Decisions only: the caller asks the kernel and the host. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct grow {
	bool given;
	uint64_t step_bytes, ceiling_bytes;
	uint64_t reserve_bytes; /* what the host must have left, available, if all of the step is used */
	unsigned at_percent;	/* of the limit: usage beyond it makes the limit rise; 100: only a full cage does */
	unsigned stall_percent; /* of the time: if somebody waits that long for memory the limit rises; 0: never */
	unsigned cooldown_ms;	/* between two steps; a full cage does not wait for it */
};
#define GROW_DEFAULTS                          \
	((struct grow){.step_bytes = 64 << 20, \
		.reserve_bytes = 256 << 20,    \
		.at_percent = 90,              \
		.stall_percent = 10,           \
		.cooldown_ms = 1000})

/* When a limit falls again. */
struct give_back {
	bool given;
	uint64_t floor_bytes; /* not below */
	unsigned after_ms;    /* how long the memory must have been unused */
};
#define GIVE_BACK_DEFAULTS ((struct give_back){.after_ms = 60000})

/* The limit to go down to, from the most that was in use during that time; limit_bytes itself: it stays. */
uint64_t give_back_decide(const struct give_back *g, uint64_t limit_bytes, uint64_t used_bytes);

/* Whether the host has its reserve left, if all of this limit is used.  UINT64_MAX: no limit. */
bool grow_keeps_reserve(const struct grow *g, uint64_t limit_bytes, uint64_t usage_bytes, uint64_t available_bytes);

struct grow_situation {
	uint64_t limit_bytes, usage_bytes; /* what is between them may be taken at any time, step or not */
	uint64_t available_bytes;	   /* of the host: MemAvailable, proc(5) */
	uint64_t since_ms;		   /* the last step; UINT64_MAX: there was none */
	bool full;			   /* otherwise usage is beyond at_percent */
};

enum grow_verdict {
	GROW_BY_STEP,	 /* *ret_limit_bytes is the new limit */
	GROW_NOT_YET,	 /* the cooldown */
	GROW_AT_CEILING, /* it is as high as it may be */
	GROW_NO_RESERVE, /* the host would be left with too little */
};
enum grow_verdict grow_decide(const struct grow *g, const struct grow_situation *s, uint64_t *ret_limit_bytes);
