/* Real jails: the child does what the supervisor does, and a shell in it says what it sees. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"

extern char **environ;

struct note {
	enum undo_kind kind;
	char *a, *b, *c;
};

struct world {
	struct undo undo; /* first */
	struct note notes[100];
	size_t note_count;
	char dir[64], root[96];
	struct jail j;
	void (*between)(struct world *w); /* called after prepare */
	int standard_input;
	bool only_enter;
	/* what came of it */
	char output[8192];
	int status;
	struct err *error; /* shared with the child */
};

static int take_note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	struct world *w = (struct world *)u;

	w->notes[w->note_count++] = (struct note){kind, strdup(a), strdup(b), c ? strdup(c) : NULL};
	return 0;
}

static void replay(struct world *w)
{
	struct err e;

	while (w->note_count > 0) {
		struct note *n = &w->notes[--w->note_count];

		assert_int_equal(jail_undo(n->kind, n->a, n->b, n->c, &e), 0);
		free(n->a);
		free(n->b);
		free(n->c);
	}
}

static bool may_jail(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(geteuid() == 0 && unshare(CLONE_NEWNS | CLONE_NEWPID) == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->undo.note = take_note;
	strcpy(w->dir, "/tmp/jail_enter_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->root, sizeof w->root, "%s/root", w->dir);
	jail_defaults(&w->j);
	w->j.root = w->root;
	w->standard_input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	w->error = mmap(NULL, sizeof *w->error, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[128];

	replay(w);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	close(w->standard_input);
	munmap(w->error, sizeof *w->error);
	free(w);
	return 0;
}

static __attribute__((noreturn)) void child(struct world *w, const struct jail_ready *r, int output)
{
	int result;

	dup2(w->standard_input, 0);
	dup2(output, 1);
	dup2(output, 2);
	if (jail_enter(r, (const int[JAIL_KEEP]){-1, -1}, w->error) < 0)
		_exit(125);
	if (w->only_enter)
		_exit(prctl(PR_GET_DUMPABLE));
	result = jail_exec(r, w->error);
	_exit(result == -ENOENT ? 127 : 126);
}

static void read_output(struct world *w, int fd)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, w->output + used, sizeof w->output - 1 - used)) > 0)
		used += (size_t)n;
	w->output[used] = '\0';
}

static void run(struct world *w, char *const *argv)
{
	struct jail_ready *r = NULL;
	struct err e = {0};
	struct clone_args args = {.exit_signal = SIGCHLD};
	int ends[2];
	pid_t pid;

	memset(w->error, 0, sizeof *w->error);
	if (jail_prepare(&w->j, NULL, "test", argv, environ, &w->undo, &r, &e) < 0)
		fail_msg("%s", e.text);
	if (w->between)
		w->between(w);
	assert_int_equal(pipe(ends), 0);
	args.flags = jail_clone_flags(r);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		child(w, r, ends[1]);
	assert_true(pid > 0);
	close(ends[1]);
	read_output(w, ends[0]);
	close(ends[0]);
	waitpid(pid, &w->status, 0);
	w->status = WIFEXITED(w->status) ? WEXITSTATUS(w->status) : 128 + WTERMSIG(w->status);
	jail_ready_drop(&r);
}

static void shell(struct world *w, const char *script)
{
	run(w, (char *const[]){"/bin/sh", "-c", (char *)script, NULL});
	if (*w->error->text)
		fail_msg("%s", w->error->text);
}

static void says(struct world *w, const char *script, const char *expected)
{
	shell(w, script);
	assert_string_equal(w->output, expected);
}

/* ---- ---- */

static void only_the_asked_for_capabilities_are_left(void **state)
{
	struct world *w = *state;

	says(w, "grep -E 'Cap|NoNew|Seccomp:' /proc/self/status",
		"CapInh:\t0000000000000000\nCapPrm:\t00000000000004e3\nCapEff:\t00000000000004e3\nCapBnd:"
		"\t00000000000004e3\n"
		"CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
	w->j.caps = 1;
	w->j.filter = FILTER_NONE;
	says(w, "grep -E 'Cap|NoNew|Seccomp:' /proc/self/status",
		"CapInh:\t0000000000000000\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:"
		"\t0000000000000001\n"
		"CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t0\n");
}

static void another_user_has_capabilities_only_if_they_were_asked_for(void **state)
{
	struct world *w = *state;

	w->j.user = "12345:54321";
	says(w, "id -u; id -g; id -G; grep -E 'CapEff|CapAmb|CapBnd' /proc/self/status; echo $HOME $USER",
		"12345\n54321\n54321\nCapEff:\t0000000000000000\nCapBnd:\t00000000000004e3\nCapAmb:"
		"\t0000000000000000\n/ 12345\n");
	w->j.caps = 1 << 10;
	says(w, "grep -E 'CapEff|CapAmb|CapBnd' /proc/self/status",
		"CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nCapAmb:\t0000000000000400\n");
}

static void no_descriptor_comes_along(void **state)
{
	struct world *w = *state;
	int leak = open("/etc", O_RDONLY | O_DIRECTORY); /* not close-on-exec */

	says(w, "ls /proc/self/fd", "0\n1\n2\n3\n"); /* 3 is that of ls itself */
	close(leak);
}

static void the_host_s_directories_cannot_be_written(void **state)
{
	struct world *w = *state;

	says(w,
		"for f in /usr/bin/x /usr/lib/x /dev/x /proc/sys/kernel/core_pattern; do echo x 2>/dev/null > $f && "
		"echo $f; done; "
		"mknod /tmp/n c 1 3 2>/dev/null && echo mknod; echo x > /tmp/x && cat /tmp/x; test -s /proc/keys || "
		"echo masked",
		"x\nmasked\n");
}

static void only_the_jail_s_own_mounts_are_there(void **state)
{
	struct world *w = *state;

	/* Fields: id parent device root mountpoint options. */
	says(w,
		"cut -d' ' -f5,6 /proc/self/mountinfo | grep -v -e '^/usr/' -e '^/etc/' -e '^/bin' -e '^/lib' -e "
		"'^/sbin' -e '^/proc/' | "
		"sed 's/,relatime//'",
		"/ rw,nosuid,nodev\n/dev ro,nosuid,noexec\n/dev/pts rw,nosuid,noexec\n/dev/shm rw,nosuid,nodev,noexec\n"
		"/proc rw,nosuid,nodev,noexec\n");
	says(w, "cut -d' ' -f5,6 /proc/self/mountinfo | grep -e '^/usr/' -e '^/etc/' | grep -v ' ro,nosuid,nodev'", "");
	says(w, "cd /; cd ..; ls -d /proc/1 /proc/self/root/.. && test ! -e /work && pwd",
		"/proc/1\n/proc/self/root/..\n/\n");
}

static void binds_and_tmpfs_nest(void **state)
{
	struct world *w = *state;
	char source[96];
	struct jail_bind binds[] = {{source, "/tmp/deep/er", true}, {source, "/usr/share/misc", false}};
	struct jail_tmpfs tmpfs[] = {{"/tmp", 1 << 20}};

	snprintf(source, sizeof source, "%s/source", w->dir);
	assert_int_equal(mkdir(source, 0755), 0);
	w->j.binds = binds;
	w->j.bind_count = 2;
	w->j.tmpfs = tmpfs;
	w->j.tmpfs_count = 1;
	says(w,
		"echo 1 > /usr/share/misc/file; cat /tmp/deep/er/file; echo 2 2>/dev/null > /tmp/deep/er/no || echo "
		"read-only; "
		"echo 3 > /tmp/gone",
		"1\nread-only\n");
	replay(w);
	assert_int_equal(access(w->root, F_OK), -1);
}

static void a_read_only_root_has_places_to_write_to(void **state)
{
	struct world *w = *state;

	w->j.read_only = true;
	says(w,
		"for f in /x /etc/x /tmp/x /run/x /run/lock/x /var/tmp/x /var/lock/y; do echo 2>/dev/null > $f && echo "
		"$f; done",
		"/tmp/x\n/run/x\n/run/lock/x\n/var/tmp/x\n/var/lock/y\n");
	replay(w);
	assert_int_equal(access(w->root, F_OK), -1);
}

static void a_network_of_its_own_has_a_loopback(void **state)
{
	struct world *w = *state;

	w->j.share = 0;
	says(w,
		"tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; grep -c '127.0.0.1' /proc/net/fib_trie | sed "
		"'s/[1-9].*/up/'",
		"lo\nup\n");
	says(w, "hostname", "test\n");
}

static void limits_and_workdir_apply(void **state)
{
	struct jail_rlimit limits[] = {{RLIMIT_NOFILE, 20, 30}, {RLIMIT_CORE, 0, 0}};
	struct world *w = *state;

	w->j.rlimits = limits;
	w->j.rlimit_count = 2;
	w->j.workdir = "/usr/bin";
	says(w, "pwd; ulimit -Sn; ulimit -Hn; ulimit -c", "/usr/bin\n20\n30\n0\n");
	w->j.root = NULL;
	says(w, "pwd; ulimit -Sn; ulimit -Hn; ulimit -c", "/usr/bin\n20\n30\n0\n");
}

static void starts_leave_nothing(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 20; i++) {
		shell(w, "exit 7");
		assert_int_equal(w->status, 7);
		replay(w);
		assert_int_equal(rmdir(w->dir), 0);
		assert_int_equal(mkdir(w->dir, 0700), 0);
	}
}

static void the_entered_process_cannot_be_traced(void **state)
{
	struct world *w = *state;

	w->only_enter = true;
	run(w, (char *const[]){"/bin/sh", NULL});
	assert_int_equal(w->status, 0); /* PR_GET_DUMPABLE */
	w->j.user = "12345";
	run(w, (char *const[]){"/bin/sh", NULL});
	assert_int_equal(w->status, 0);
}

/* ---- what goes wrong ---- */

static void fails(struct world *w, int status, const char *text)
{
	run(w, (char *const[]){"/bin/sh", "-c", "echo entered", NULL});
	assert_string_equal(w->error->text, text);
	assert_int_equal(w->status, status);
	assert_string_equal(w->output, "");
}

static void swap(struct world *w, const char *name, const char *link)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", w->root, name);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink(link, path), 0);
}

static void swap_dev(struct world *w)
{
	swap(w, "dev", "/etc");
}

static void swap_proc(struct world *w)
{
	swap(w, "proc", "etc");
}

static void swap_log(struct world *w)
{
	swap(w, "target", "../../../../../../../../tmp");
}

static void swap_root(struct world *w)
{
	char other[128];

	snprintf(other, sizeof other, "%s.old", w->root);
	assert_int_equal(rename(w->root, other), 0);
	assert_int_equal(mkdir(w->root, 0755), 0);
}

static void a_link_put_where_dev_was_is_refused(void **state)
{
	struct world *w = *state;

	w->between = swap_dev;
	fails(w, 125, "jail: mounts: /dev in the root is a symbolic link or no directory: refused");
}

static void a_link_put_where_proc_was_is_refused(void **state)
{
	struct world *w = *state;

	w->between = swap_proc;
	fails(w, 125, "jail: mounts: /proc in the root is a symbolic link or no directory: refused");
}

static void a_link_put_where_a_target_was_leads_nowhere_else(void **state)
{
	struct jail_bind bind = {"/usr", "/target", false};
	struct world *w = *state;

	w->j.binds = &bind;
	w->j.bind_count = 1;
	w->between = swap_log;
	says(w, "cut -d' ' -f5 /proc/self/mountinfo | grep tmp; ls -d /tmp/bin",
		"/tmp\n/tmp/bin\n"); /* the jail's own */
}

static void another_directory_in_the_place_of_the_root_is_refused(void **state)
{
	struct world *w = *state;
	char text[256];

	w->between = swap_root;
	snprintf(text, sizeof text, "jail: root: %s has become another directory since it was prepared", w->root);
	fails(w, 125, text);
}

static void working_directories_in_proc_are_refused(void **state)
{
	struct world *w = *state;

	w->j.workdir = "/proc/self/fd/3";
	fails(w, 125, "jail: working directory: /proc/self/fd/3 leads through a link of /proc, or in a circle");
	w->j.workdir = "/nowhere";
	fails(w, 125, "jail: working directory: /nowhere: No such file or directory");
}

static void a_directory_of_the_host_as_input_is_refused(void **state)
{
	struct world *w = *state;

	close(w->standard_input);
	w->standard_input = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fails(w, 125, "jail: standard descriptors: standard input is a directory of the host");
}

static void a_filter_that_the_kernel_refuses_is_an_error(void **state)
{
	struct world *w = *state;
	char path[96];
	int fd;

	snprintf(path, sizeof path, "%s/filter", w->dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "\377\377\377\377\377\377\377\377", 8), 8);
	close(fd);
	w->j.filter = FILTER_FILE;
	w->j.filter_file = path;
	fails(w, 125, "jail: filter: the kernel refuses the filter's 1 instructions");
}

static void put(const struct world *w, const char *name, const char *text, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	fd = open(path, O_WRONLY | O_CREAT, mode);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void ends(struct world *w, const char *command, int status, const char *text)
{
	run(w, (char *const[]){(char *)command, "one", "two", NULL});
	assert_string_equal(w->error->text, text);
	assert_int_equal(w->status, status);
}

static void commands_that_cannot_be_executed_say_why(void **state)
{
	char *env[] = {"PATH=/nowhere:/d:/usr/bin"};
	struct world *w = *state;
	struct jail_bind bind = {w->dir, "/d", true};

	put(w, "plain", "text", 0644);
	put(w, "shell", "echo $0 $@", 0755);
	put(w, "orphan", "#! /no/interpreter -x\n", 0755);
	w->j.binds = &bind;
	w->j.bind_count = 1;
	w->j.env = env;
	w->j.env_count = 1;
	ends(w, "nothing", 127, "command not found in the jail: nothing (searched /nowhere:/d:/usr/bin)");
	ends(w, "/d/nothing", 127, "command not found in the jail: /d/nothing");
	ends(w, "plain", 126, "execute /d/plain in the jail: Permission denied");
	ends(w, "/d", 126, "execute /d in the jail: Permission denied");
	ends(w, "orphan", 126,
		"execute /d/orphan: it is there, but the interpreter of its first line, /no/interpreter, is not in the "
		"jail");
	ends(w, "shell", 0, "");
	assert_string_equal(w->output, "/d/shell one two\n");
	w->j.root = NULL;
	w->j.bind_count = 0;
	ends(w, "nothing-of-this-name", 127, "command not found: nothing-of-this-name (searched /nowhere:/d:/usr/bin)");
}

static void a_plain_chroot_is_nothing_more(void **state)
{
	struct world *w = *state;

	shell(w, "true"); /* makes the root's things; a chroot has no mounts, so there is nothing to execute */
	w->j.plain_chroot = true;
	run(w, (char *const[]){"/bin/sh", NULL});
	assert_int_equal(w->status, 127);
	assert_string_equal(w->error->text, "command not found in the jail: /bin/sh");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_asked_for_capabilities_are_left),
		TEST(another_user_has_capabilities_only_if_they_were_asked_for),
		TEST(no_descriptor_comes_along),
		TEST(the_host_s_directories_cannot_be_written),
		TEST(only_the_jail_s_own_mounts_are_there),
		TEST(binds_and_tmpfs_nest),
		TEST(a_read_only_root_has_places_to_write_to),
		TEST(a_network_of_its_own_has_a_loopback),
		TEST(limits_and_workdir_apply),
		TEST(starts_leave_nothing),
		TEST(the_entered_process_cannot_be_traced),
		TEST(a_link_put_where_dev_was_is_refused),
		TEST(a_link_put_where_proc_was_is_refused),
		TEST(a_link_put_where_a_target_was_leads_nowhere_else),
		TEST(another_directory_in_the_place_of_the_root_is_refused),
		TEST(working_directories_in_proc_are_refused),
		TEST(a_directory_of_the_host_as_input_is_refused),
		TEST(a_filter_that_the_kernel_refuses_is_an_error),
		TEST(commands_that_cannot_be_executed_say_why),
		TEST(a_plain_chroot_is_nothing_more),
	};

	if (!may_jail()) {
		fprintf(stderr, "jails need root: skipped\n");
		return 77;
	}
	setenv("PATH", "/usr/bin:/bin", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
