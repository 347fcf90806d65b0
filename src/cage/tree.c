#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cage/file.h"
#include "cage/inner.h"

/* ---- v1 ---- */

/* A new v1 cpuset is empty, and nobody may join an empty one. */
static int inherit(int dir, int child, const char *path, const char *file, struct err *e)
{
	char text[FILE_TEXT];
	ssize_t n = file_read(child, file, text, sizeof text);

	if (n > 0)
		return 0;
	if (n == 0)
		n = file_read(dir, file, text, sizeof text);
	if (n >= 0)
		n = file_write(child, file, text);
	if (n >= 0)
		return 0;
	errno = (int)-n;
	return err_sys(e, "copy %s of the parent to %s", file, path);
}

static int v1_settle(int dir, int child, const char *path, unsigned controllers, struct err *e)
{
	int r;

	if (!(controllers & 1U << CTRL_CPUSET))
		return 0;
	r = inherit(dir, child, path, "cpuset.cpus", e);
	return r < 0 ? r : inherit(dir, child, path, "cpuset.mems", e);
}

/* ---- v2 ---- */

static unsigned read_controllers(int dir, const char *file)
{
	char text[FILE_TEXT];

	return file_read(dir, file, text, sizeof text) < 0 ? 0 : controllers_parse(text, " ", CGROUP_V2);
}

static int refused(int dir, const char *path, unsigned controllers, int code, struct err *e)
{
	unsigned absent = controllers & ~read_controllers(dir, "cgroup.controllers");
	char names[128];

	if (absent)
		return err_set(e, code, "%s does not have the controller %s: the group above it does not pass it on",
			path, controllers_text(names, sizeof names, absent, CGROUP_V2));
	controllers_text(names, sizeof names, controllers, CGROUP_V2);
	if (code == EBUSY)
		return err_set(e, code,
			"%s holds processes itself, so it cannot pass the controllers %s on to groups below it; move "
			"its "
			"processes to a group of their own, or choose another group",
			path, names);
	errno = code;
	return err_sys(e, "pass the controllers %s on from %s", names, path);
}

/* Enabled controllers stay enabled: others may have begun to rely on them, and an empty tree costs nothing. */
static int v2_open_up(int dir, const char *path, unsigned controllers, struct err *e)
{
	char text[128] = "";
	size_t used = 0;
	int r;

	controllers &= ~read_controllers(dir, "cgroup.subtree_control");
	if (!controllers)
		return 0;
	for (int c = 0; c < CTRL_COUNT; c++)
		if (controllers & 1U << c)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s+%s", used ? " " : "",
				controller_names[c][CGROUP_V2]);
	r = file_write(dir, "cgroup.subtree_control", text);
	return r < 0 ? refused(dir, path, controllers, -r, e) : 0;
}

const struct tree_ops tree_ops[CGROUP_VERSIONS] = {
	[CGROUP_V1] = {.settle = v1_settle, .join = "tasks"},
	[CGROUP_V2] = {.open_up = v2_open_up, .inner = "work", .air = "air", .join = "cgroup.procs"},
};
