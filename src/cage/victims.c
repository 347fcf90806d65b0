#include "cage/victims.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/text.h"
#include "cage/inner.h"

enum {
	CGROUP_NAMESPACE_OF_INIT = 0xeffffffb, /* include/linux/proc_ns.h */
	RECORDS_AT_ONCE = 4096		       /* somebody may write faster than we read */
};
#define DECOY_NAME "virtualing-deco" /* cut by the kernel */

const char *const kill_cause_names[] = {"unknown", "own", "outer", "host"};

struct list {
	struct victim of[VICTIMS_MAX];
	size_t count; /* perhaps more than there is room for */
	bool host;    /* the latest */
};

struct victims {
	const struct cage *cage;
	int log;	  /* -1: it may not be read */
	const char *path; /* of the cage, below the mount of its tree; borrowed from it */
	int sees_all;	  /* paths in the log begin where ours do; -1: to be found out */
	uint64_t ooms;	  /* the cage's own, at the last call; none before the first */

	struct kmsg report; /* the one that is being read: its figures, and with a pid the one that was chosen */
	bool explained;	    /* the last that was killed is of ours, and `latest` says why */
	bool all_of_ours;   /* who is killed until the next report is of ours */
	bool lost;	    /* records, since the last call */
	struct list ours;
	struct list strays; /* whose group the log has not told */
	struct kills latest;
};

/* ---- opening ---- */

static void begin(struct victims *v)
{
	v->report = (struct kmsg){.usage_bytes = UINT64_MAX, .limit_bytes = UINT64_MAX};
	memset(&v->report.parts, 0xff, sizeof v->report.parts);
	v->all_of_ours = false;
}

struct victims *victims_open_at(const struct cage *c, int log, bool sees_all)
{
	const struct cage_tree *tree = c->host->of[CTRL_MEMORY];
	const struct cage_group *g = tree ? cage_find(c, tree, PLACE_CAGE) : NULL;
	struct victims *v = g ? calloc(1, sizeof *v) : NULL;

	if (!v) {
		fd_drop(&log);
		return NULL;
	}
	v->cage = c;
	v->log = log;
	v->path = g->path + strlen(tree->mount);
	v->sees_all = sees_all;
	begin(v);
	return v;
}

struct victims *victims_open(const struct cage *c)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct victims *v;

	if (log >= 0 && lseek(log, 0, SEEK_END) < 0)
		fd_drop(&log);
	v = victims_open_at(c, log, false);
	if (v)
		v->sees_all = -1;
	return v;
}

void victims_drop(struct victims **v)
{
	if (!*v)
		return;
	fd_drop(&(*v)->log);
	free(*v);
	*v = NULL;
}

bool victims_can_read(const struct victims *v)
{
	return v->log >= 0;
}

/* ---- whose it is ---- */

/* Elsewhere than in the first cgroup namespace, or where the mount shows only a part of the tree, the log's paths begin
 * with something that we do not know. */
static bool sees_all(struct victims *v)
{
	struct stat s;

	if (v->sees_all < 0)
		v->sees_all = v->cage->host->of[CTRL_MEMORY]->whole && stat("/proc/self/ns/cgroup", &s) == 0 &&
			      s.st_ino == CGROUP_NAMESPACE_OF_INIT;
	return v->sees_all;
}

/* How much of this path, of a victim's group, is the cage's own; 0: it is another's. */
static size_t own_length(struct victims *v, const char *group)
{
	size_t length = strlen(v->path);

	for (const char *at = group; (at = strstr(at, v->path)); at++) {
		if (at[length] == '\0' || at[length] == '/')
			return (size_t)(at - group) + length;
		if (sees_all(v))
			break;
	}
	return 0;
}

static bool is_ours(struct victims *v, const char *group)
{
	size_t length = own_length(v, group);

	return length && (!sees_all(v) || length == strlen(v->path));
}

static enum kill_cause cause_of(struct victims *v, const struct kmsg *chosen)
{
	size_t own = own_length(v, chosen->group), limit = strlen(chosen->limit_group);

	if (chosen->host)
		return KILL_HOST;
	if (limit == 0)
		return KILL_UNKNOWN;
	return limit >= own ? KILL_OWN : KILL_OUTER;
}

/* ---- reading ---- */

static void add(struct list *l, const struct kmsg *killed)
{
	struct victim *victim = &l->of[l->count < VICTIMS_MAX ? l->count : VICTIMS_MAX - 1];

	*victim = (struct victim){.pid = killed->pid, .parts = killed->parts};
	memcpy(victim->name, killed->name, sizeof victim->name);
	l->host = killed->host;
	l->count++;
}

static void clear(struct kills *k)
{
	memset(k, 0, sizeof *k);
	memset(&k->parts, 0xff, sizeof k->parts);
	k->usage_bytes = k->group_limit_bytes = UINT64_MAX;
}

static void explain(struct victims *v, const struct kmsg *chosen)
{
	struct kills *k = &v->latest;
	bool of_cage = strlen(chosen->limit_group) == own_length(v, chosen->group);
	const struct cage_parts *p = &chosen->parts;

	clear(k);
	k->cause = cause_of(v, chosen);
	if (k->cause == KILL_HOST)
		return;
	if (!of_cage) {
		memcpy(k->group, chosen->limit_group, sizeof k->group);
		k->group_limit_bytes = chosen->limit_bytes;
		return;
	}
	k->usage_bytes = chosen->usage_bytes;
	k->parts = *p;
	if (p->file_bytes != UINT64_MAX && p->shmem_bytes != UINT64_MAX)
		k->parts.file_bytes -= p->shmem_bytes < p->file_bytes ? p->shmem_bytes : p->file_bytes;
	else
		k->parts.file_bytes = UINT64_MAX;
}

static void merge(uint64_t *part, uint64_t told)
{
	if (told != UINT64_MAX)
		*part = told;
}

static void take_killed(struct victims *v, const struct kmsg *killed)
{
	bool told = v->report.pid == killed->pid, all = v->all_of_ours && !told;
	bool decoy = strcmp(killed->name, DECOY_NAME) == 0, chosen = told && !decoy && is_ours(v, v->report.group);

	if (chosen)
		explain(v, &v->report);
	if (chosen || (all && !decoy))
		add(&v->ours, killed);
	else if (!told && !decoy)
		add(&v->strays, killed);
	v->explained = chosen || (all && v->explained);
	begin(v);
	v->all_of_ours = all;
}

static void take_all_of(struct victims *v, const struct kmsg *m)
{
	v->all_of_ours = is_ours(v, m->group);
	if (v->all_of_ours && !v->explained)
		clear(&v->latest);
}

static void hear(struct victims *v, const struct kmsg *m)
{
	struct kmsg *r = &v->report;

	switch (m->kind) {
	case KMSG_OTHER:
		break;
	case KMSG_BEGIN:
		begin(v);
		break;
	case KMSG_USAGE:
		r->usage_bytes = m->usage_bytes;
		r->limit_bytes = m->limit_bytes;
		break;
	case KMSG_PARTS:
		merge(&r->parts.anonymous_bytes, m->parts.anonymous_bytes);
		merge(&r->parts.file_bytes, m->parts.file_bytes);
		merge(&r->parts.shmem_bytes, m->parts.shmem_bytes);
		merge(&r->parts.kernel_bytes, m->parts.kernel_bytes);
		break;
	case KMSG_CHOSEN:
		r->host = m->host;
		r->pid = m->pid;
		memcpy(r->limit_group, m->limit_group, sizeof r->limit_group);
		memcpy(r->group, m->group, sizeof r->group);
		break;
	case KMSG_KILLED:
		take_killed(v, m);
		break;
	case KMSG_ALL_OF:
		take_all_of(v, m);
		break;
	}
}

/* False: that was the last one. */
static bool read_one(struct victims *v)
{
	char record[KMSG_RECORD];
	struct kmsg m;
	ssize_t n = read(v->log, record, sizeof record - 1);

	if (n < 0 && errno == EPIPE) { /* the next read goes on behind those that are lost */
		v->lost = true;
		v->explained = false;
		begin(v);
		return true;
	}
	if (n <= 0)
		return n < 0 && errno == EINTR;
	record[n] = '\0';
	kmsg_parse(record, &m);
	hear(v, &m);
	return true;
}

size_t victims_look(struct victims *v, size_t *ret_strays)
{
	for (int i = 0; v->log >= 0 && i < RECORDS_AT_ONCE && read_one(v); i++)
		;
	*ret_strays = v->lost ? 0 : v->strays.count;
	return v->ours.count;
}

/* ---- telling ---- */

static void add_list(struct kills *k, const struct list *l)
{
	for (size_t i = 0; i < l->count && k->known < VICTIMS_MAX; i++)
		k->victims[k->known++] = l->of[i];
}

/* How many of the groups above limit memory too; the last of them is described in k.  -1: not all can be seen. */
static int count_outer(struct victims *v, struct kills *k)
{
	const struct cage_tree *tree = v->cage->host->of[CTRL_MEMORY];
	char path[PATH_MAX];
	size_t mount = strlen(tree->mount);
	int length = snprintf(path, sizeof path, "%s%s", tree->mount, v->path), found = 0;
	uint64_t limit;
	char *end;

	if (!sees_all(v) || length >= (int)sizeof path)
		return -1;
	while ((end = strrchr(path + mount, '/')) && end > path + mount) {
		*end = '\0';
		if (!cage_tree_limits_memory(tree, path, &limit))
			continue;
		found++;
		snprintf(k->group, sizeof k->group, "%s", path + mount);
		text_tidy(k->group);
		k->group_limit_bytes = limit;
	}
	return found;
}

/* Where the log does not tell the group.  by_group: it says that it was a group's limit.  The cage's count of failures
 * proves something only while it stands still: v1 counts charges that could be met in the end, too. */
static void guess_cause(struct victims *v, bool by_group, struct kills *k)
{
	uint64_t ooms = cage_ooms(v->cage);
	bool known = ooms != UINT64_MAX && v->ooms != UINT64_MAX;
	bool own = cage_may_have_been_full(v->cage) && (!known || ooms > v->ooms);
	struct kills outer = {.count = 0};
	int outers = by_group ? count_outer(v, &outer) : -1;

	if (own && (outers == 0 || known)) {
		k->cause = KILL_OWN;
	} else if (!own && by_group) {
		k->cause = KILL_OUTER;
		if (outers == 1) {
			memcpy(k->group, outer.group, sizeof k->group);
			k->group_limit_bytes = outer.group_limit_bytes;
		}
	} else {
		k->not_own = !own;
	}
}

/* Each kill of ours has its record, so that as many strays as there are missing are ours, and others may be anybody's.
 */
void victims_take(struct victims *v, uint64_t count, struct kills *ret)
{
	bool all = !v->lost && v->ours.count + v->strays.count == count,
	     some = v->ours.count > 0 && v->ours.count <= count;
	const struct list *last = all && v->strays.count ? &v->strays : some ? &v->ours : NULL;

	clear(ret);
	if (some)
		*ret = v->latest;
	ret->count = count;
	if (some)
		add_list(ret, &v->ours);
	if (all)
		add_list(ret, &v->strays);
	if (ret->cause == KILL_UNKNOWN && last && last->host)
		ret->cause = KILL_HOST;
	else if (ret->cause == KILL_UNKNOWN)
		guess_cause(v, last != NULL, ret);
	memset(&v->ours, 0, sizeof v->ours);
	memset(&v->strays, 0, sizeof v->strays);
	v->lost = false;
	victims_forget_full(v);
}

void victims_forget_full(struct victims *v)
{
	v->ooms = cage_ooms(v->cage);
}
