/* A pause that the user has asked for: everything in the cage is frozen, until he wants it to go on. */
#include <errno.h>
#include <signal.h>

#include "run/say.h"
#include "run/virtual_private.h"

enum { STILL_FIRST_MS = 1, STILL_LONGEST_MS = 50, STILL_LATE_MS = 2000 };

bool virtual_is_paused(const struct virtual *v)
{
	return v->cage && cage_is_frozen_for(v->cage, FREEZE_FOR_USER);
}

static void tell(struct virtual *v, int result, const struct err *e)
{
	loop_clear_alarm(v->owner->loop, &v->still);
	v->owner->paused(v->owner, v, result, e);
}

/* Freezing is asked for, and each process stops when it leaves the kernel: mostly at once, sometimes never. */
static void look(struct virtual *v)
{
	struct err e;

	if (cage_stands_still(v->cage)) {
		tell(v, 0, NULL);
		return;
	}
	if (loop_now_ms() - v->still_since >= STILL_LATE_MS) {
		tell(v,
			err_set(&e, EBUSY,
				"paused, but not all of it has stopped within %d s: a process is in the kernel (a disk "
				"that does not answer? a full cage?) and stops when it leaves that; `virtualing resume "
				"%s` undoes it",
				STILL_LATE_MS / 1000, virtual_name(v)),
			&e);
		return;
	}
	loop_set_alarm(v->owner->loop, &v->still, v->still_ms);
	v->still_ms = v->still_ms * 2 < STILL_LONGEST_MS ? v->still_ms * 2 : STILL_LONGEST_MS;
}

static void look_again(struct alarm *a)
{
	look(OWNER_OF(a, still));
}

const struct alarm virtual_still_alarm = {.ring = look_again};

int virtual_pause(struct virtual *v, struct err *e)
{
	bool already = virtual_is_paused(v);
	int r;

	if (v->state != VIRTUAL_RUNNING)
		return err_set(e, ESRCH, "cannot be paused: it is %s", virtual_state_names[v->state]);
	r = cage_freeze(v->cage, FREEZE_FOR_USER, true, e);
	if (r < 0)
		return r;
	if (!already)
		virtual_happened(v, "paused", NULL);
	v->still_ms = STILL_FIRST_MS;
	v->still_since = loop_now_ms();
	look(v);
	return 0;
}

int virtual_resume(struct virtual *v, struct err *e)
{
	struct err cut;
	int r;

	if (!virtual_is_paused(v))
		return 0;
	r = cage_freeze(v->cage, FREEZE_FOR_USER, false, e);
	if (r < 0)
		return r;
	virtual_happened(v, "resumed", NULL);
	tell(v, err_set(&cut, ECANCELED, "it goes on again already"), &cut);
	return 0;
}

void virtual_end_pause(struct virtual *v)
{
	struct err e;

	if (virtual_resume(v, &e) < 0)
		say(virtual_name(v), "%s", e.text);
}
