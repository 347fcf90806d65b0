#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "spec/row.h"

const char *const spec_section_names[SPEC_SECTIONS + 1] = {"resource", "jail", "ip", "other", NULL};

#define FIELD(name) .offset = offsetof(struct spec, name)
#define USE_START (USE_FILE | USE_RUN | USE_ATTACH)
#define USE_JAIL (USE_FILE | USE_RUN)

/* The limits stand where LIMITS_AT says; their rows are made from limit_rows. */
enum { LIMITS_AT = 2 };

static const struct row rows[] = {
	/* clang-format off */
	{SPEC_RESOURCE, "name", .arg = "NAME", .help = "what the virtual is called",
		.use = USE_START, .read = read_name, .write = write_name},
	{SPEC_RESOURCE, "group", .arg = "PATH", .help = "exact path of its group below each hierarchy; a plain word is a name",
		.use = USE_FILE, .read = read_group, .write = write_group},

	{SPEC_RESOURCE, "blk_dvnd", .arg = "MAJOR:MINOR", .help = "device of blk_rbps and blk_wbps",
		.use = USE_FILE, .read = read_blk_device},
	{SPEC_RESOURCE, "blk_rbps", .arg = "BYTES", .help = "most bytes read from it per second",
		.use = USE_FILE, .read = read_blk_rate},
	{SPEC_RESOURCE, "blk_wbps", .arg = "BYTES", .help = "most bytes written to it per second",
		.use = USE_FILE, .read = read_blk_rate},
	{SPEC_RESOURCE, "grow", .arg = "KEY=VALUE,...", .help = "raise the memory limit by step=64M up to ceiling=2G when usage is at=90% of it, or somebody has waited for memory for stall=10% of the time (stall=none: never for that), as long as the host keeps reserve=256M; not more often than every cooldown=1 seconds, unless it is full",
		.use = USE_START, .form = FORM_PAIRS, .read = read_grow, .write = write_grow},
	{SPEC_RESOURCE, "give_back", .arg = "KEY=VALUE,...", .help = "lower the memory limit, not below floor=128M, to what has been in use during the last after=60 seconds",
		.use = USE_START, .form = FORM_PAIRS, .read = read_give_back, .write = write_give_back},
	{SPEC_RESOURCE, "guard", .arg = "auto|decoy|pause|wire", .help = "how a full cage is held; pause is for cgroup v1, wire for v2",
		.use = USE_START, .read = read_guard, .write = write_guard},
	{SPEC_RESOURCE, "root", .arg = "PATH", .help = "no effect",
		.use = USE_FILE, .read = read_no_effect, .why = "the host's layout is found out"},

	{SPEC_JAIL, "cmnd", .arg = "COMMAND", .help = "what is run: a text or a list of texts",
		.use = USE_FILE, .read = read_command, .write = write_command},
	{SPEC_JAIL, "root", .arg = "DIR", .help = "directory that the jail is made of; without it there is no jail",
		.use = USE_JAIL, .read = read_path, .write = write_text, FIELD(jail.root)},
	{SPEC_JAIL, "bind", .arg = "SRC[:DST]", .help = "show a directory or file of the host inside",
		.use = USE_JAIL, .form = FORM_LIST, .read = read_bind, .write = write_bind},
	{SPEC_JAIL, "ro_bind", .arg = "SRC[:DST]", .help = "the same, read-only with all that is mounted below",
		.use = USE_JAIL, .form = FORM_LIST, .read = read_bind, .write = write_bind},
	{SPEC_JAIL, "tmpfs", .arg = "DST[:SIZE]", .help = "an empty file system in memory",
		.use = USE_JAIL, .form = FORM_LIST, .read = read_tmpfs, .write = write_tmpfs},
	{SPEC_JAIL, "read_only", .help = "the root cannot be written; /tmp, /run, /var/tmp are in memory",
		.use = USE_JAIL, .form = FORM_ON, .read = read_bool, .write = write_bool, FIELD(jail.read_only)},
	{SPEC_JAIL, "user", .arg = "NAME|UID[:GID]", .help = "whom the command runs as",
		.use = USE_JAIL, .read = read_user, .write = write_text, FIELD(jail.user)},
	{SPEC_JAIL, "caps", .arg = "keep=A,B|none|all", .help = "capabilities that may stay; six by default",
		.use = USE_JAIL, .read = read_caps, .write = write_caps},
	{SPEC_JAIL, "filter", .arg = "default|none|FILE", .help = "filter of system calls; FILE holds compiled BPF",
		.use = USE_JAIL, .read = read_filter, .write = write_filter},
	{SPEC_JAIL, "limits", .arg = "NAME=N[,NAME=N]", .help = "limits of resources, as setrlimit has them: nofile=1024,core=0",
		.use = USE_JAIL, .form = FORM_PAIRS, .read = read_rlimits, .write = write_rlimits},
	{SPEC_JAIL, "hostname", .arg = "NAME", .help = "host name inside; the virtual's name by default",
		.use = USE_JAIL, .read = read_hostname, .write = write_text, FIELD(jail.hostname)},
	{SPEC_JAIL, "env", .arg = "K=V", .help = "set a variable of the environment",
		.use = USE_JAIL, .form = FORM_LIST, .read = read_env, .write = write_env},
	{SPEC_JAIL, "clear_env", .help = "begin with an empty environment",
		.use = USE_JAIL, .form = FORM_ON, .read = read_bool, .write = write_bool, FIELD(jail.clear_env)},
	{SPEC_JAIL, "workdir", .arg = "DIR", .help = "where the command starts",
		.use = USE_JAIL, .read = read_path, .write = write_text, FIELD(jail.workdir)},
	{SPEC_JAIL, "share", .arg = "pid,ipc,uts,net", .help = "namespaces to leave shared with the host; net is, unless \"none\" stands first",
		.use = USE_JAIL, .read = read_share, .write = write_share},
	{SPEC_JAIL, "dev", .option = "no-dev", .help = "do not make a minimal /dev",
		.use = USE_JAIL, .form = FORM_OFF, .read = read_bool, .write = write_bool, FIELD(jail.dev)},
	{SPEC_JAIL, "proc", .option = "no-proc", .help = "do not mount a /proc",
		.use = USE_JAIL, .form = FORM_OFF, .read = read_bool, .write = write_bool, FIELD(jail.proc)},
	{SPEC_JAIL, "init", .option = "no-init", .help = "run the command as pid 1, without an init that reaps",
		.use = USE_JAIL, .form = FORM_OFF, .read = read_bool, .write = write_bool, FIELD(jail.init)},
	{SPEC_JAIL, "jailing", .option = "plain-chroot", .help = "only chroot into an existing root, none of the other walls",
		.use = USE_JAIL, .form = FORM_OFF, .read = read_bool_inverse, .write = write_bool_inverse, FIELD(jail.plain_chroot)},
	{SPEC_JAIL, "path", .arg = "PATH", .help = "no effect",
		.use = USE_FILE, .read = read_no_effect, .why = "jailing is built in"},

	{SPEC_IP, "vip", .arg = "ADDR[/LEN]@DEV", .help = "an address on a device of the host, there as long as the virtual is",
		.use = USE_JAIL, .form = FORM_VIP, .read = read_word, .write = write_text, FIELD(vip.address)},
	{SPEC_IP, "dev", .option = "vip", .arg = "DEV", .help = "device that carries the address",
		.use = USE_FILE, .read = read_word, .write = write_text, FIELD(vip.device)},
	{SPEC_IP, "announce", .option = "no-announce", .help = "do not tell the neighbours of the address",
		.use = USE_JAIL, .form = FORM_OFF, .read = read_bool, .write = write_bool, FIELD(vip.announce)},

	{SPEC_OTHER, "stop_timeout", .arg = "S", .help = "seconds between SIGTERM and SIGKILL; 10 by default",
		.use = USE_START, .read = read_seconds, .write = write_seconds, FIELD(stop_timeout_ms)},
	{SPEC_OTHER, "deadline", .arg = "S", .help = "seconds that a block may take; 30 by default",
		.use = USE_FILE, .read = read_seconds, .write = write_seconds, FIELD(deadline_ms)},
	{SPEC_OTHER, "report", .arg = "FILE", .help = "at its end write a summary to FILE: one JSON object with status, times, peak, rescues, kills",
		.use = USE_START, .read = read_path, .write = write_text, FIELD(report)},
	{SPEC_OTHER, "attach", .arg = "PID", .help = "put the cage round this running process, or a list of them, instead of a command",
		.use = USE_FILE, .read = read_pids, .write = write_pids},
	{SPEC_OTHER, "tree", .help = "with all processes that these have started, and those in turn",
		.use = USE_FILE | USE_ATTACH, .form = FORM_ON, .read = read_bool, .write = write_tree, FIELD(attach_tree)},
	{SPEC_OTHER, "record", .arg = "FILE|default", .help = "keep usage, limit, CPU, I/O, pressure and events in FILE, for plot; default: /var/lib/virtualing/NAME.rec",
		.use = USE_START, .read = read_record, .write = write_text, FIELD(record)},
	{SPEC_OTHER, "log", .arg = "FILE", .help = "append the output of the command, and messages about it, to FILE",
		.use = USE_START, .read = read_path, .write = write_text, FIELD(log)},
	{SPEC_OTHER, "quiet", .help = "say nothing but errors",
		.use = USE_START, .form = FORM_ON, .read = read_bool, .write = write_bool, FIELD(quiet)},
	/* clang-format on */
};
enum { ROWS = sizeof rows / sizeof *rows };

static enum row_form form_of_limit(enum limit which)
{
	switch (limit_rows[which].type) {
	case LIMIT_IS_BOOL:
		return which == LIMIT_OOM ? FORM_OFF : FORM_ON; /* the switch says what is not so without it */
	case LIMIT_IS_IO:
		return FORM_IO;
	case LIMIT_IS_HUGETLB:
		return FORM_PAGES;
	case LIMIT_IS_CPU:
	case LIMIT_IS_SIZE:
	case LIMIT_IS_COUNT:
	case LIMIT_IS_CPUSET:
		break;
	}
	return FORM_TEXT;
}

static struct row row_of_limit(enum limit which)
{
	const struct limit_row *limit = &limit_rows[which];
	enum row_form form = form_of_limit(which);

	return (struct row){
		.section = SPEC_RESOURCE,
		.key = limit->key,
		.seed_key = limit->seed_key,
		.option = which == LIMIT_OOM ? "no-oom" : NULL,
		.arg = form == FORM_ON || form == FORM_OFF ? NULL : limit->arg,
		.help = which == LIMIT_OOM ? "the kernel may not kill for memory; a full cage waits" : limit->help,
		.use = USE_START | (limit->fixed ? 0 : USE_SET),
		.form = form,
		.read = read_limit,
		.write = write_limit,
		.limit = which,
	};
}

bool row_at(size_t index, struct row *ret)
{
	if (index >= LIMITS_AT && index < LIMITS_AT + LIMIT_COUNT)
		*ret = row_of_limit((enum limit)(index - LIMITS_AT));
	else if (index < LIMITS_AT)
		*ret = rows[index];
	else if (index - LIMIT_COUNT < ROWS)
		*ret = rows[index - LIMIT_COUNT];
	else
		return false;
	return true;
}

/* In words, what a limit takes in the language. */
static const char *value_of_limit(enum limit which)
{
	const struct limit_row *limit = &limit_rows[which];

	switch (limit->type) {
	case LIMIT_IS_CPU:
		return "a share like \"30%\", CPUs like \"1.5\", or microseconds of every 100 ms, a number; or :max";
	case LIMIT_IS_SIZE:
		return limit->max_word ? "a size, or :max" : "a size";
	case LIMIT_IS_COUNT:
		return limit->max_word ? "a number, or :max" : "a number";
	case LIMIT_IS_BOOL:
		return "true or false";
	case LIMIT_IS_CPUSET:
		return "a text";
	case LIMIT_IS_IO:
		return "a hash: for each path a hash";
	case LIMIT_IS_HUGETLB:
		return "a hash: for each size of page a size";
	}
	return "";
}

/* The same for every key; by the form of its option where its reader reads nothing in particular. */
static const char *value_of(const struct row *row)
{
	static const struct {
		void (*read)(struct reader *r, const struct row *row, const json_t *value);
		const char *words;
	} readers[] = {
		{read_bool, "true or false"},
		{read_bool_inverse, "true or false"},
		{read_seconds, "seconds, a number"},
		{read_path, "an absolute path"},
		{read_blk_rate, "a size"},
		{read_command, "a text or a list of texts"},
		{read_caps, "\"none\", \"all\", or a list of names"},
		{read_share, "a text or a list of texts"},
		{read_no_effect, "anything"},
		{read_env, "a hash, or a list of texts like \"K=V\""},
	};

	if (row->read == read_limit)
		return value_of_limit(row->limit);
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
		if (row->read == readers[i].read)
			return readers[i].words;
	return row->form == FORM_PAIRS ? "a hash" : row->form == FORM_LIST ? "a text or a list of texts" : "a text";
}

static void name_option(const struct row *row, char *option, size_t length)
{
	bool is_option = row->use & (USE_RUN | USE_ATTACH | USE_SET);

	snprintf(option, length, "%s", row->option ? row->option : is_option ? row->key : "");
	for (char *c = option; (c = strchr(c, '_'));)
		*c = '-';
}

bool spec_key_at(size_t index, struct spec_key *ret)
{
	struct row row;

	if (!row_at(index, &row))
		return false;
	*ret = (struct spec_key){
		.section = row.section,
		.key = row.key,
		.seed_key = row.seed_key,
		.arg = row.arg,
		.help = row.help,
		.value = value_of(&row),
		.use = row.use,
		.is_off = row.form == FORM_OFF,
		.repeats = row.form == FORM_LIST || row.form == FORM_PAIRS || row.form == FORM_PAGES ||
			   row.form == FORM_IO,
	};
	name_option(&row, ret->option, sizeof ret->option);
	return true;
}

bool spec_is_limit(const char *key)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (strcmp(limit_rows[i].key, key) == 0 ||
			(limit_rows[i].seed_key && strcmp(limit_rows[i].seed_key, key) == 0))
			return true;
	return false;
}
