#include "cage/guard/kind.h"

#include <errno.h>
#include <string.h>

const struct guard_kind_row guard_kinds[GUARD_KINDS] = {
	[GUARD_AUTO] = {"auto", "the best that this host can do", {true, true}},
	[GUARD_DECOY] = {"decoy",
		"when the cage is full, whoever wants memory is held until there is an answer, and no call fails",
		{true, true}},
	[GUARD_PAUSE] = {"pause",
		"the program is frozen shortly before the cage is full, and a system call under way may end early; "
		"what is "
		"faster waits at the limit if it touches memory, and fails if it is in a system call",
		{[CGROUP_V1] = true}},
	[GUARD_WIRE] = {"wire",
		"the program is slowed down, and frozen shortly before the cage is full, and a system call under way "
		"may "
		"end early; what is faster is killed",
		{[CGROUP_V2] = true}},
};

int guard_kind_find(const char *name)
{
	for (int i = 0; name && i < GUARD_KINDS; i++)
		if (strcmp(guard_kinds[i].name, name) == 0)
			return i;
	return -EINVAL;
}
