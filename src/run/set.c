#include "run/set.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "run/disks.h"
#include "sys/proc.h"

static int read_resource(const json_t *resource, struct spec **ret, struct err *e)
{
	AUTO(faults_drop) struct faults f = FAULTS_NONE;
	json_t *document =
		json_pack("{s:O, s:{s:[s]}}", "resource", resource ? resource : json_null(), "jail", "cmnd", "none");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)resource, key, value)
		if (!spec_is_limit(key))
			faults_add(&f, "resource", key, "cannot be changed while it runs");
	*ret = f.count ? NULL : spec_read(document, "set", &f, NULL, NULL);
	json_decref(document);
	if (*ret)
		return 0;
	return err_set(e, EINVAL, "%s: %s", f.count ? f.list[0].key : "", f.count ? f.list[0].text : "not limits");
}

/* While a stopped program rests the kernel's limit is above the one in force. */
static bool lowers_memory(const struct cage *c, const struct limits *new)
{
	struct cage_usage u;

	if (!limits_has(new, LIMIT_MEMORY) || new->value[LIMIT_MEMORY] == SIZE_NO_LIMIT)
		return false;
	cage_memory(c, &u);
	return new->value[LIMIT_MEMORY] < u.memory_limit_bytes;
}

/* Each by itself, for one that cannot be must not keep the others.  What was not given before is as in a new group. */
static void put_back(struct cage *c, const struct limits *before, const struct limits *new, uint32_t which)
{
	struct err ignored;

	for (int i = 0; i < LIMIT_COUNT; i++) {
		struct limits one = *before;

		one.given = new->given &which & 1U << i;
		if (!(before->given >> i & 1))
			one.value[i] = limit_rows[i].normal;
		if (one.given && i == LIMIT_IO)
			disks_put_back(c, before, new);
		else if (one.given)
			cage_apply(c, &one, &ignored);
	}
}

/* Whoever has said what the host must keep means it for himself, too: also if all of the new limit is used. */
static int check_reserve(const struct cage *c, const struct spec *s, const struct limits *new, struct err *e)
{
	uint64_t then = new->value[LIMIT_MEMORY], available;
	char more[16], has[16], reserve[16];
	struct cage_usage u;

	if (!s->grow.given || !limits_has(new, LIMIT_MEMORY) || !limits_has(&s->limits, LIMIT_MEMORY) ||
		then <= s->limits.value[LIMIT_MEMORY])
		return 0;
	available = proc_memory_available();
	cage_memory(c, &u);
	if (grow_keeps_reserve(&s->grow, then, u.memory_bytes, available))
		return 0;
	return err_set(e, ENOMEM,
		"memory: %s more than is used would leave the host with less than its reserve of %s (%s are "
		"available); force does it nevertheless",
		print_size(more, sizeof more, then == SIZE_NO_LIMIT ? then : then - u.memory_bytes),
		print_size(reserve, sizeof reserve, s->grow.reserve_bytes), print_size(has, sizeof has, available));
}

static const uint32_t OF_MEMORY = 1U << LIMIT_MEMORY | 1U << LIMIT_SWAP;

static int write_memory(struct cage *c, struct memory *m, const struct limits *new, bool force_lower, struct err *e)
{
	struct limits these = *new;

	these.given &= OF_MEMORY;
	if (!m || !limits_has(new, LIMIT_MEMORY))
		return cage_apply(c, &these, e);
	if (force_lower)
		memory_force(m);
	return memory_set_limit(
		m, new->value[LIMIT_MEMORY], limits_has(new, LIMIT_SWAP) ? &new->value[LIMIT_SWAP] : NULL, e);
}

static int apply_memory(
	struct cage *c, struct spec *s, struct memory *m, const struct limits *new, bool force, struct err *e)
{
	bool lowers = lowers_memory(c, new), forced = false, stopped = false;
	int r = 0;

	if (!(new->given &OF_MEMORY))
		return 0;
	if (!force)
		r = check_reserve(c, s, new, e);
	if (r == 0 && lowers) {
		r = cage_make_room(c, new->value[LIMIT_MEMORY], &stopped, e);
		forced = r < 0 && force; /* else nobody need be killed, and the guard stays */
	}
	if (r == 0 || forced)
		r = write_memory(c, m, new, forced, e);
	if (r == -EBUSY && lowers)
		r = cage_too_low(c, new->value[LIMIT_MEMORY], e);
	if (stopped)
		cage_go_on(c);
	return r;
}

/* That of the memory is the last, for a program that was held by it goes on at once. */
static int apply(struct cage *c, struct spec *s, struct memory *m, const struct limits *new, bool force, struct err *e)
{
	struct limits before = s->limits, others = *new;
	int r;

	others.given &= ~OF_MEMORY;
	r = others.given ? cage_apply(c, &others, e) : 0;
	if (r < 0) {
		put_back(c, &before, new, ~OF_MEMORY);
		return r;
	}
	r = apply_memory(c, s, m, new, force, e);
	if (r < 0) {
		put_back(c, &before, new, ~OF_MEMORY);
		/* v1: the sum may have been written, and the memory not. Nothing was if nothing could be. */
		if (r != -EBUSY && r != -ENOMEM)
			put_back(c, &before, new, OF_MEMORY);
	}
	return r;
}

/* A limit may be right only together with another that stays as it is: v1 has but the sum of memory and swap, and two
 * paths may be on one disk. */
static int check(
	const struct cage *c, const struct spec *s, const struct limits *new, const struct disks *disks, struct err *e)
{
	static const enum limit together[] = {LIMIT_MEMORY, LIMIT_SWAP};
	struct limits all = *new;
	int r;

	all.io = disks->list;
	all.io_count = disks->count;
	for (size_t i = 0; i < sizeof together / sizeof *together; i++)
		if (!limits_has(new, together[i]) && limits_has(&s->limits, together[i])) {
			all.given |= 1U << together[i];
			all.value[together[i]] = s->limits.value[together[i]];
		}
	r = cage_check_change(c, &all, e);
	if (r < 0 && limits_has(new, LIMIT_MEMORY) && new->value[LIMIT_MEMORY] == SIZE_NO_LIMIT &&
		!limits_has(new, LIMIT_SWAP))
		return err_while(
			e, "memory=max alone cannot be (`virtualing set %s memory=max swap=max` lifts both)", s->name);
	return r;
}

static int check_fixed(const struct limits *new, struct err *e)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (limits_has(new, (enum limit)i) && limit_rows[i].fixed)
			return err_set(e, EOPNOTSUPP, "%s cannot be changed while it runs, yet", limit_rows[i].key);
	return 0;
}

/* On v1 the sum of memory and swap is what the kernel has: the one that is not given stays as it is. */
static void complete(struct limits *new, const struct limits *before, enum limit given, enum limit which)
{
	if (!limits_has(new, given) || limits_has(new, which) || !limits_has(before, which))
		return;
	new->given |= 1U << which;
	new->value[which] = before->value[which];
}

int set_limits(struct cage *c, struct spec *s, struct memory *m, const json_t *resource, bool force, struct err *e)
{
	AUTO(spec_drop) struct spec *asked = NULL;
	AUTO(disks_drop) struct disks disks = {0};
	struct limits *new;
	bool memory_asked;
	int r = read_resource(resource, &asked, e);

	if (r < 0)
		return r;
	new = &asked->limits;
	memory_asked = limits_has(new, LIMIT_MEMORY);
	r = check_fixed(new, e);
	if (r == 0)
		r = disks_join(&s->limits, new, &disks, e);
	if (r == 0)
		r = check(c, s, new, &disks, e);
	if (r < 0)
		return r;
	complete(new, &s->limits, LIMIT_SWAP, LIMIT_MEMORY);
	if (!m) /* who guards the memory does that himself */
		complete(new, &s->limits, LIMIT_MEMORY, LIMIT_SWAP);
	r = apply(c, s, m, new, force, e);
	if (r < 0)
		return r;
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (limits_has(new, (enum limit)i))
			s->limits.value[i] = new->value[i];
	s->limits.given |= new->given;
	disks_keep(&disks, &s->limits, new);
	if (m && memory_asked)
		memory_described(m);
	return 0;
}
