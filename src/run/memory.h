/* What becomes of a virtual whose memory runs short: its limit rises as its description says (:grow), or somebody is
 * asked, or the kernel's rules apply.  Between the guard, which holds a full cage, and the virtual, which has one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cage/cage.h"
#include "spec/spec.h"
#include "sys/loop.h"

struct choice; /* run/choice.h */
struct memory;

struct memory_owner {
	/* The cage is full and the description makes no room. True: somebody is asked, and memory_answer() follows. */
	bool (*ask)(struct memory_owner *o, const json_t *event);
	void (*late)(struct memory_owner *o); /* it did not follow in time, and the kernel's rules apply */
	/* Usage goes up or down through a level of memory_level(). */
	void (*crossed)(struct memory_owner *o, int level, const json_t *event);
	/* For the record: "rescued", "grew", "oom". */
	void (*happened)(struct memory_owner *o, const json_t *event);
	/* The cage is held full, and what is in it; NULL: it has been saved. */
	void (*full)(struct memory_owner *o, const struct cage_usage *u);
};

/* Before the program is started. choice: full cages shall be held, by what this
 * supervisor has chosen already or chooses now; NULL: they need not.  s: borrowed; its memory limit is what is in
 * force, and is changed with it. */
int memory_start(struct loop *l, const struct cage_host *host, struct cage *c, struct spec *s, struct choice *choice,
	struct memory_owner *o, struct memory **ret, struct err *e);
int memory_level(struct memory *m, uint64_t bytes, struct err *e); /* its number, or -errno */
void memory_look(struct memory *m);				   /* after SIGCHLD */
void memory_answer(struct memory *m);				   /* whoever was asked has done what he could */
void memory_end(struct memory **m);				   /* NULL is fine */

/* A level in percent of the limit: it moves with that, and at its new place it is crossed anew. */
int memory_level_share(struct memory *m, unsigned percent, struct err *e);

/* It shall end: whoever has been stopped because its cage is full goes on for that. */
void memory_let_go(struct memory *m);

/* The limit rises, or falls; a held cage, and a stopped program, go on when it rises. On v1 that of memory and swap
 * together follows.  swap_bytes: that, too; NULL: it stays. On failure both are described as before. */
int memory_set_limit(struct memory *m, uint64_t bytes, const uint64_t *swap_bytes, struct err *e);

/* What is in force was asked for: what is given back later is taken again up to there. */
void memory_described(struct memory *m);

/* The limit is about to fall below what is used: nobody is held for it. */
void memory_force(struct memory *m);

/* "held": the guard holds the full cage; "full": the program is stopped until there is room; NULL: neither. */
const char *memory_state(const struct memory *m);

/* {"mechanism", "promise", "why", "holds", "waits"}, for `show`: how full cages are held (guard_kinds; "none": only
 * levels are watched), and why not in a better way. */
json_t *memory_json(const struct memory *m);

/* A figure of struct cage_usage; nothing where the kernel does not say. */
void memory_set_known(json_t *o, const char *key, uint64_t value);

/* The same of all parts: "anonymous", "file", "shmem", "kernel". */
void memory_set_parts(json_t *o, const struct cage_parts *p);

/* {"type":..., "time":seconds since 1970, "usage", "limit", "peak"}. A new reference. */
json_t *memory_event(const struct cage *c, const char *type);
