#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "cage/cage.h"
#include "cage/guard/guard.h"
#include "run/choice.h"
#include "run/supervisor.h"
#include "spec/spec.h"
#include "sys/proc.h"

enum { EXIT_OWN_FAILURE = 125, REASON_MAX = 1024 };

struct finding {
	bool able;
	char reason[REASON_MAX]; /* why not; or, when able, what to know about it; may be empty */
};

/* ---- probes: descriptions that are run ---- */

/* What the others stand on, in this order. */
enum { PROBE_CAGE, PROBE_JAIL };

static const struct probe {
	const char *what;
	const char *description; /* JSON; $NAME and $ROOT are filled in */
	const char *remedy;
} probes[] = {
	{"run a command in a cage", "{'resource':{'name':'$NAME'},'jail':{'cmnd':['/bin/true']}}",
		"run as root, with control groups mounted and writable"},
	{"run a command in a jail", "{'resource':{'name':'$NAME'},'jail':{'root':'$ROOT','cmnd':['/bin/true']}}",
		"needs Linux 5.12, root with CAP_SYS_ADMIN, and namespaces that are not forbidden "
		"(/proc/sys/user/max_*)"},
	{"limit memory", "{'resource':{'name':'$NAME','memory':'64M'},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_MEMCG; some boards want cgroup_enable=memory at boot"},
	{"limit swap", "{'resource':{'name':'$NAME','memory':'64M','swap':'0'},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs swap accounting: swapaccount=1 at boot"},
	{"throttle by memory-high", "{'resource':{'name':'$NAME','memory_high':'64M'},'jail':{'cmnd':['/bin/true']}}",
		""},
	{"limit CPU time", "{'resource':{'name':'$NAME','cpu':'50%'},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_CFS_BANDWIDTH"},
	{"weigh CPU time", "{'resource':{'name':'$NAME','cpu_weight':50},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_FAIR_GROUP_SCHED"},
	{"choose CPUs", "{'resource':{'name':'$NAME','cpus':'0'},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_CPUSETS"},
	{"limit processes", "{'resource':{'name':'$NAME','pids':64},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_CGROUP_PIDS"},
	{"limit reading from the disk of /",
		"{'resource':{'name':'$NAME','io':{'/':{'read':'100M'}}},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_BLK_DEV_THROTTLING, and / must be on a disk"},
	{"limit writing to the disk of /",
		"{'resource':{'name':'$NAME','io':{'/':{'write':'100M'}}},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_BLK_DEV_THROTTLING, and / must be on a disk"},
	{"limit huge pages", "{'resource':{'name':'$NAME','hugetlb':{'2M':'0'}},'jail':{'cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_CGROUP_HUGETLB"},
	{"kill a cage as one when memory is out",
		"{'resource':{'name':'$NAME','oom_group':true},'jail':{'cmnd':['/bin/true']}}", ""},
	{"wait instead of being killed when memory is out",
		"{'resource':{'name':'$NAME','memory':'64M','oom':false},'jail':{'cmnd':['/bin/true']}}", ""},
	{"filter system calls",
		"{'resource':{'name':'$NAME'},'jail':{'root':'$ROOT','filter':'default','cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_SECCOMP_FILTER"},
	{"have a network namespace",
		"{'resource':{'name':'$NAME'},'jail':{'root':'$ROOT','share':'none','cmnd':['/bin/true']}}",
		"the kernel needs CONFIG_NET_NS"},
	{"keep an address (tried on lo)",
		"{'resource':{'name':'$NAME'},'jail':{'cmnd':['/bin/true']},'ip':{'vip':'127.77.77.77','dev':'lo'}}",
		"needs root with CAP_NET_ADMIN and CAP_NET_RAW"},
};

static void fill_in(char *ret, size_t size, const char *text, const char *name, const char *root)
{
	size_t used = 0;

	for (; *text && used + 1 < size; text++) {
		const char *word = NULL;

		if (strncmp(text, "$NAME", 5) == 0)
			word = name;
		else if (strncmp(text, "$ROOT", 5) == 0)
			word = root;
		if (word) {
			used += (size_t)snprintf(ret + used, size - used, "%s", word);
			text += 4;
		} else {
			ret[used++] = *text == '\'' ? '"' : *text;
		}
	}
	ret[used < size ? used : size - 1] = '\0';
}

/* The child's whole life: a supervisor like any other, whose words go into a pipe. */
static __attribute__((noreturn)) void try_child(const char *description, int words)
{
	struct faults faults = FAULTS_NONE;
	json_t *document = json_loads(description, 0, NULL);
	struct spec *spec = spec_read(document, NULL, &faults, NULL, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	if (!spec) {
		supervisor_print_faults(NULL, &faults);
		_exit(EXIT_OWN_FAILURE);
	}
	_exit(supervisor_run(spec, NULL));
}

/* The last line without "virtualing: doctor-1: ": warnings come before it, and the end is what counts. */
static void keep_reason(char *reason, const char *text, const char *name)
{
	const char *line = text, *next;

	while ((next = strchr(line, '\n')) && next[1])
		line = next + 1;
	if (strncmp(line, "virtualing: ", 12) == 0)
		line += 12;
	if (strncmp(line, name, strlen(name)) == 0)
		line += strlen(name) + 2;
	snprintf(reason, REASON_MAX, "%.*s", (int)strcspn(line, "\n"), line);
}

static void read_all(int fd, char *ret, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used + 1 < size && (n = read(fd, ret + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ret[used] = '\0';
}

static void try(const struct probe *p, const char *name, const char *root, struct finding *ret)
{
	char description[PATH_MAX + 512], words[4096];
	int pair[2], status = 0;
	pid_t pid;

	fill_in(description, sizeof description, p->description, name, root);
	if (pipe2(pair, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		snprintf(ret->reason, sizeof ret->reason, "%s", strerrordesc_np(errno));
		return;
	}
	if (pid == 0)
		try_child(description, pair[1]);
	close(pair[1]);
	read_all(pair[0], words, sizeof words);
	close(pair[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ret->able = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	keep_reason(ret->reason, words, name);
}

/* ---- facts: what can be seen without running anything ---- */

static void see_kernel(struct finding *f)
{
	struct utsname u;

	uname(&u);
	f->able = true;
	snprintf(f->reason, sizeof f->reason, "%s %s on %s", u.sysname, u.release, u.machine);
}

static void see_groups(struct finding *f)
{
	AUTO(cage_host_drop) struct cage_host *host = NULL;
	struct err e;
	size_t used = 0;

	if (cage_host_open("/proc/self/mountinfo", &host, &e) < 0) {
		snprintf(f->reason, sizeof f->reason, "%s", e.text);
		return;
	}
	f->able = true;
	used = (size_t)snprintf(f->reason, sizeof f->reason, "%s", cage_host_kind(host));
	for (int c = 0; c < CTRL_COUNT; c++) {
		static const char *const names[CTRL_COUNT] = {
			"cpu", "cpuacct", "cpuset", "memory", "io", "pids", "hugetlb", "freezer"};
		const char *where = cage_host_controller(host, (enum controller)c);

		if (where && used < sizeof f->reason)
			used += (size_t)snprintf(
				f->reason + used, sizeof f->reason - used, ", %s at %s", names[c], where);
	}
}

static void see_pressure(struct finding *f)
{
	AUTO(cage_host_drop) struct cage_host *host = NULL;
	struct err e;
	bool told = access("/proc/pressure/memory", R_OK) == 0;
	bool grouped =
		cage_host_open("/proc/self/mountinfo", &host, &e) == 0 && strcmp(cage_host_kind(host), "v1") != 0;

	f->able = told && grouped;
	snprintf(f->reason, sizeof f->reason, "%s",
		!told	   ? "the kernel needs CONFIG_PSI and psi=1 at boot"
		: !grouped ? "that of a group is told on cgroup v2 only, and none is mounted (mount -t cgroup2 cgroup2 "
			     "DIR)"
			   : "/proc/pressure");
}

static void see_script_host(struct finding *f)
{
	char path[PATH_MAX];
	struct err e;

	f->able = proc_find_program("virtualing-ruby", path, &e) == 0;
	snprintf(f->reason, sizeof f->reason, "%.*s", REASON_MAX - 1, f->able ? path : e.text);
}

static const struct fact {
	const char *what;
	void (*see)(struct finding *f);
} facts[] = {
	{"kernel", see_kernel},
	{"control groups", see_groups},
	{"pressure information", see_pressure},
	{"script host", see_script_host},
};

/* ---- telling ---- */

static void tell(json_t *list, const char *what, const struct finding *f, const char *remedy)
{
	bool help = !f->able && *remedy;

	if (list) {
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "what", what, "able", f->able, "reason",
						    f->reason, "remedy", help ? remedy : ""));
		return;
	}
	printf("%-4s %s%s%s%s%s\n", f->able ? "yes" : "no", what, *f->reason ? ": " : "", f->reason, help ? "; " : "",
		help ? remedy : "");
	fflush(stdout);
}

/* What cannot be tried for want of something else has no reason of its own, and no remedy. */
static bool cannot_try(const struct probe *p, bool cage, bool jail, struct finding *ret)
{
	const char *missing = !cage ? "cage" : !jail && strstr(p->description, "$ROOT") ? "jail" : NULL;

	if (missing)
		snprintf(ret->reason, sizeof ret->reason, "not tried, for nothing can be run in a %s", missing);
	return missing;
}

/* The root is not made here: a probe makes what is missing and removes it at its end. */
static bool try_all(json_t *list)
{
	bool cage = true, jail = true;
	char name[32], root[64];

	snprintf(name, sizeof name, "doctor-%d", (int)getpid());
	snprintf(root, sizeof root, "/run/virtualing-%s", name);
	for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
		const struct probe *p = &probes[i];
		struct finding f = {0};
		bool tried = !cannot_try(p, cage, jail, &f);

		if (tried)
			try(p, name, root, &f);
		tell(list, p->what, &f, tried ? p->remedy : "");
		cage = cage && (f.able || i != PROBE_CAGE);
		jail = jail && (f.able || i != PROBE_JAIL);
	}
	return cage && jail;
}

/* ---- guards: each kind by a rescue ---- */

static const char *const guard_remedies[GUARD_KINDS] = {
	[GUARD_DECOY] =
		"needs Linux 5.18, ptrace of own children (kernel.yama.ptrace_scope below 3), vm.panic_on_oom other "
		"than 2",
	[GUARD_PAUSE] = "",
	[GUARD_WIRE] = "",
};

/* The best one is what will be used from now on: what was found out before may be true no longer. */
static void try_guards(json_t *list)
{
	AUTO(cage_host_drop) struct cage_host *host = NULL;
	struct choice choice;
	struct err e;

	if (cage_host_open("/proc/self/mountinfo", &host, &e) < 0)
		return; /* said already */
	choice_forget(&choice);
	for (int kind = GUARD_AUTO + 1; kind < GUARD_KINDS; kind++) {
		struct finding f = {0};
		char what[64];
		int r;

		if (!guard_suits(host, (enum guard_kind)kind))
			continue;
		r = choice_try(host, (enum guard_kind)kind, &e);
		f.able = r == 0;
		snprintf(f.reason, sizeof f.reason, "%s", f.able ? guard_kinds[kind].promise : e.text);
		snprintf(what, sizeof what, "hold a full cage, guard \"%s\"%s", guard_kinds[kind].name,
			choice_take(&choice, (enum guard_kind)kind, r, &e) && choice.kind == (enum guard_kind)kind
				? ", the one that is used"
				: "");
		tell(list, what, &f, guard_remedies[kind]);
	}
}

int doctor_run(bool json)
{
	json_t *list = json ? json_array() : NULL;
	bool good;

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		struct finding f = {0};

		facts[i].see(&f);
		tell(list, facts[i].what, &f, "");
	}
	good = try_all(list);
	if (good)
		try_guards(list);
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(list);
	}
	return good ? 0 : EXIT_OWN_FAILURE;
}
