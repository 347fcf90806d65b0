#include "jail/caps.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "sys/syscalls.h"

/* libcap has asked when the program started. */
int caps_last(void)
{
	return cap_max_bits() - 1;
}

int caps_bound(uint64_t keep, int last, struct err *e)
{
	for (int cap = 0; cap <= last; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(e, "drop capability %d from the bounding set", cap);
	}
	return 0;
}

int caps_shed(uint64_t keep, int last, bool ambient, struct err *e)
{
	uint64_t effective, permitted;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, "clear the ambient capabilities");
	if (sys_capget(&effective, &permitted) < 0)
		return err_sys(e, "read the capabilities");
	keep &= permitted;
	if (sys_capset(keep, keep, ambient ? keep : 0) < 0)
		return err_sys(e, "set the capabilities");
	for (int cap = 0; ambient && cap <= last; cap++)
		if ((keep >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(e, "make capability %d ambient", cap);
	return 0;
}
