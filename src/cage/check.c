#include <errno.h>
#include <fcntl.h>

#include "base/own.h"
#include "cage/form.h"

static void check_file(const struct limit_check *k, const struct cage_tree *tree)
{
	const struct limit_row *row = &limit_rows[k->which];
	AUTO(fd_drop) int root = -1;

	if (!k->file->file) {
		faults_add(k->faults, "resource", row->key, "%s", k->file->lacking);
		return;
	}
	if (k->file->in_root) {
		root = open(tree->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root >= 0 && faccessat(root, k->file->file, F_OK, 0) < 0)
			faults_add(k->faults, "resource", row->key, "%s", k->file->lacking);
	}
	if (k->file->form->check)
		k->file->form->check(k);
}

static void check_limit(struct limit_check *k)
{
	const struct limit_row *row = &limit_rows[k->which];
	const struct cage_tree *tree = k->host->of[row->controller];
	const char *name = controller_names[row->controller][k->host->unified && k->host->count == 1];

	if (!tree) {
		faults_add(k->faults, "resource", row->key,
			"needs the control group controller %s, which this host does not have (not built into the "
			"kernel, switched "
			"off by cgroup_disable=, or not mounted)",
			name);
		return;
	}
	k->file = &row->on[tree->version];
	if (!row->by_guard)
		check_file(k, tree);
}

static void check_writable(const struct cage_host *host, const struct limits *l, struct faults *f)
{
	unsigned needed = plan_controllers(host, l);

	for (size_t i = 0; i < host->count; i++) {
		const struct cage_tree *tree = &host->trees[i];

		if (tree->read_only && ((tree->controllers & needed) || tree == plan_holder(host)))
			faults_add(f, "resource", "",
				"control group tree %s is mounted read-only; mount it anew (mount -o remount,rw %s), "
				"or run this "
				"where it is writable",
				tree->mount, tree->mount);
	}
}

static void check_limits(struct limit_check *k)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		k->which = (enum limit)i;
		if (plan_wants(k->limits, k->which))
			check_limit(k);
	}
}

void cage_check(const struct cage_host *host, const char *group, const struct limits *l, struct faults *f,
	void (*warn)(void *arg, const char *text), void *arg)
{
	struct limit_check k = {.host = host, .limits = l, .faults = f, .warn = warn, .arg = arg};
	const char *fault = plan_name_fault(group);

	if (fault)
		faults_add(f, "resource", "group", "\"%s\" %s", group, fault);
	check_writable(host, l, f);
	check_limits(&k);
}

int cage_check_change(const struct cage *c, const struct limits *l, struct err *e)
{
	AUTO(faults_drop) struct faults faults = FAULTS_NONE;

	check_limits(&(struct limit_check){.host = c->host, .limits = l, .faults = &faults});
	return faults.count ? err_set(e, EINVAL, "%s: %s", faults.list[0].key, faults.list[0].text) : 0;
}
