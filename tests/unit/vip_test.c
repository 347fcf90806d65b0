/* src/net without a network: texts of addresses, checks, and the supervisor's end of a keeper that a script plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/start.h"
#include "net/vip.h"

/* ---- addresses ---- */

static void an_address_prints_as_it_was_written(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"10.0.0.5", "10.0.0.5/32"},
		{"10.0.0.5/24", "10.0.0.5/24"},
		{"10.0.0.0/31", "10.0.0.0/31"},
		{"10.0.1.0/23", "10.0.1.0/23"},
		{"127.0.0.1", "127.0.0.1/32"},
		{"169.254.7.7/16", "169.254.7.7/16"},
		{"fd00::5", "fd00::5/128"},
		{"FD00:0:0::5/64", "fd00::5/64"},
		{"::1", "::1/128"},
		{"fe80::5/10", "fe80::5/10"},
		{"2001:db8:1:2:3:4:5:6/127", "2001:db8:1:2:3:4:5:6/127"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[IP_TEXT];
		struct err e = {0};
		struct ip ip;

		if (ip_parse(rows[i].in, &ip, &e) < 0)
			fail_msg("%s: %s", rows[i].in, e.text);
		assert_string_equal(ip_print_full(text, &ip), rows[i].out);
	}
}

static void what_no_host_can_have_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *in, *reason;
	} rows[] = {
		{"", "not an IPv4 or IPv6 address"},
		{"/24", "not an IPv4 or IPv6 address"},
		{"10.0.0", "not an IPv4 or IPv6 address"},
		{"10.0.0.256", "not an IPv4 or IPv6 address"},
		{"010.0.0.5", "not an IPv4 or IPv6 address"},
		{" 10.0.0.5", "not an IPv4 or IPv6 address"},
		{"10.0.0.5 ", "not an IPv4 or IPv6 address"},
		{"web", "not an IPv4 or IPv6 address"},
		{"fd00::5::1", "not an IPv4 or IPv6 address"},
		{"fd00:::5", "not an IPv4 or IPv6 address"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:1111:2222:3333:4444:5555",
			"not an IPv4 or IPv6 address"},
		{"10.0.0.5/", "prefix length must be a number from 1 to 32"},
		{"10.0.0.5/0", "from 1 to 32"},
		{"10.0.0.5/33", "from 1 to 32"},
		{"10.0.0.5/-1", "from 1 to 32"},
		{"10.0.0.5/+8", "from 1 to 32"},
		{"10.0.0.5/8 ", "from 1 to 32"},
		{"10.0.0.5/24/24", "from 1 to 32"},
		{"10.0.0.5/255.255.255.0", "from 1 to 32"},
		{"10.0.0.5/4294967328", "from 1 to 32"},
		{"fd00::5/129", "from 1 to 128"},
		{"fd00::5/18446744073709551680", "from 1 to 128"},
		{"fe80::5%eth0", "leave out the zone"},
		{"fe80::5%eth0/64", "leave out the zone"},
		{"::ffff:10.0.0.5", "write it as IPv4"},
		{"::ffff:a00:5", "write it as IPv4"},
		{"0.0.0.0", "\"this network\""},
		{"0.1.2.3", "\"this network\""},
		{"224.0.0.1", "multicast"},
		{"239.255.255.255/32", "multicast"},
		{"255.255.255.255", "the broadcast address"},
		{"10.0.0.0/24", "address of the network itself"},
		{"10.0.0.255/24", "network's broadcast address"},
		{"10.0.1.255/23", "network's broadcast address"},
		{"::", "unspecified"},
		{"ff02::1", "multicast"},
		{"fd00::/64", "anycast"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ip ip = {.prefix = 77};
		struct err e = {0};

		if (ip_parse(rows[i].in, &ip, &e) != -EINVAL)
			fail_msg("\"%s\" was taken", rows[i].in);
		if (!strstr(e.text, rows[i].reason))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].in, e.text, rows[i].reason);
		assert_int_equal(ip.prefix, 77); /* untouched */
	}
}

static void two_addresses_share_a_subnet_when_prefix_and_its_bits_are_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"10.0.0.5/24", "10.0.0.9/24", true},
		{"10.0.0.5/24", "10.0.0.9/25", false},
		{"10.0.0.5/24", "10.0.1.5/24", false},
		{"10.0.2.5/23", "10.0.3.5/23", true},
		{"10.0.1.5/23", "10.0.2.5/23", false},
		{"10.0.0.5", "10.0.0.5", true},
		{"10.0.0.5", "10.0.0.4", false},
		{"fd00::5/61", "fd00:0:0:7::1/61", true},
		{"fd00::5/61", "fd00:0:0:8::1/61", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ip a, b;
		struct err e;

		assert_int_equal(ip_parse(rows[i].a, &a, &e), 0);
		assert_int_equal(ip_parse(rows[i].b, &b, &e), 0);
		if (ip_same_subnet(&a, &b) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
}

/* ---- checks ---- */

static void expect_fault(const char *address, const char *device, const char *key, const char *words)
{
	struct vip v = {.address = (char *)address, .device = (char *)device};
	struct faults f = FAULTS_NONE;
	bool found = false;

	vip_check(&v, &f);
	for (size_t i = 0; i < f.count; i++) {
		assert_string_equal(f.list[i].section, "ip");
		found |= strcmp(f.list[i].key, key) == 0 && strstr(f.list[i].text, words);
	}
	if (!found)
		fail_msg(
			"%s on %s: %zu faults, the first: %s", address, device, f.count, f.count ? f.list[0].text : "");
	faults_drop(&f);
}

static void each_fault_names_its_key(void **state)
{
	expect_fault("10.0.0.5", NULL, "dev", "the device for 10.0.0.5 is missing");
	expect_fault(NULL, "lo", "vip", "the address for device lo is missing");
	expect_fault("10.0.0.5/33", "lo", "vip", "from 1 to 32");
	expect_fault("10.0.0.5", "l0", "dev", "no network device \"l0\" (did you mean lo?");
	expect_fault("10.0.0.5", "no-such-device-has-this-name", "dev", "there are: ");
	expect_fault("10.0.0.5", "", "dev", "no network device \"\"");
}

static void all_faults_are_told_at_once(void **state)
{
	struct vip v = {.address = (char *)"10.0.0.5/99", .device = (char *)"no-such"};
	struct faults f = FAULTS_NONE;

	vip_check(&v, &f);
	assert_int_equal(f.count, 2);
	faults_drop(&f);
}

static void nothing_given_is_nothing_wrong(void **state)
{
	struct vip v = {0};
	struct faults f = FAULTS_NONE;

	vip_check(&v, &f);
	assert_int_equal(f.count, 0);
}

static void clearing_frees_both_texts_and_leaves_none(void **state)
{
	struct vip v = {.address = strdup("10.0.0.5"), .device = strdup("lo")};

	vip_clear(&v);
	assert_null(v.address);
	assert_null(v.device);
	assert_true(v.announce);
	vip_clear(&v);
}

/* ---- a keeper that a script plays ---- */

static char folder[64];
static char script[96];

static int make_folder(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/vip_test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(script, sizeof script, "%s/keeper", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char out[128];

	snprintf(out, sizeof out, "%s/out", folder);
	unlink(out);
	unlink(script);
	return rmdir(folder);
}

static void write_script(const char *text)
{
	char out[128];
	FILE *f = fopen(script, "w");

	snprintf(out, sizeof out, "%s/out", folder);
	unlink(out); /* of the test before */

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nfolder=%s\n%s\n", folder, text);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(script, 0700), 0);
}

struct notes {
	struct undo undo;
	int count, answer;
	char text[128];
};

static int note(struct undo *u, enum undo_kind kind, const char *a, const char *b, const char *c, struct err *e)
{
	struct notes *n = (struct notes *)u;

	n->count++;
	snprintf(n->text, sizeof n->text, "%d %s %s", kind == UNDO_ADDRESS, a, b);
	return n->answer ? err_set(e, n->answer, "the disk is full") : 0;
}

static struct vip_keeper start(const char *text)
{
	const struct vip v = {.address = (char *)"10.0.0.5", .device = (char *)"lo", .announce = true};
	struct notes n = {.undo.note = note};
	struct vip_keeper k;
	struct err e = {0};

	write_script(text);
	if (vip_start_program(script, &v, &n.undo, &k, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(n.count, 1);
	assert_string_equal(n.text, "1 10.0.0.5/32 lo");
	return k;
}

/* What it says next, waiting for it. */
static int hear(struct vip_keeper *k, struct err *e)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 5000), 1);
	return vip_read(k, e);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void each_line_of_the_keeper_has_its_answer(void **state)
{
	struct vip_keeper k = start("echo ready >&3; echo 'lost 100 device lo is down' >&3; echo used >&3\n"
				    "echo 'error 98 10.0.0.5 is used by 02:00:00:00:00:01 on lo' >&3; exit 1");
	struct err e;

	assert_int_equal(hear(&k, &e), 1);
	assert_int_equal(hear(&k, &e), -ENETDOWN);
	assert_string_equal(e.text, "device lo is down");
	assert_false(k.over);
	assert_int_equal(hear(&k, &e), 1);
	assert_int_equal(hear(&k, &e), -EADDRINUSE);
	assert_string_equal(e.text, "10.0.0.5 is used by 02:00:00:00:00:01 on lo");
	assert_true(k.over);
	vip_stop(&k);
	vip_stop(&k);
	assert_int_equal(k.fd, -1);
	assert_int_equal(k.pidfd, -1);
}

static void a_silent_keeper_says_nothing_yet(void **state)
{
	struct vip_keeper k = start("cat <&3");
	struct err e;

	assert_int_equal(vip_read(&k, &e), 0);
	vip_stop(&k);
}

static void a_note_is_no_news(void **state)
{
	struct vip_keeper k = start("echo 'note 5 no announcement' >&3; cat <&3");
	struct err e;

	assert_int_equal(hear(&k, &e), 0);
	assert_false(k.over);
	vip_stop(&k);
}

static void nonsense_ends_it(void **state)
{
	static const char *const lines[] = {"hello", "error", "error x", "lost 0 x", "lost 99999999999 x", "ready?"};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char text[96];
		struct vip_keeper k;
		struct err e;

		snprintf(text, sizeof text, "echo '%s' >&3; cat <&3", lines[i]);
		k = start(text);
		if (hear(&k, &e) != -EPROTO)
			fail_msg("\"%s\" was understood", lines[i]);
		vip_stop(&k);
	}
}

static void the_end_of_a_keeper_is_told_with_its_cause(void **state)
{
	static const struct {
		const char *script, *words;
	} rows[] = {
		{"exit 0", "ended with status 0"},
		{"exit 5", "ended with status 5"},
		{"exit 127", "is libmnl installed?"},
		{"kill -9 $$", "was killed by signal 9: the address goes within 10 seconds"},
		{"exec 3>&-; exec sleep 5", "has closed its socket"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct vip_keeper k = start(rows[i].script);
		struct err e;

		assert_int_equal(hear(&k, &e), -EPIPE);
		assert_true(k.over);
		if (!strstr(e.text, rows[i].words))
			fail_msg("%s: %s", rows[i].script, e.text);
		kill(k.pid, SIGKILL); /* the last row would only delay the test */
		vip_stop(&k);
	}
}

static void stopping_waits_for_a_keeper_that_takes_its_time(void **state)
{
	struct vip_keeper k = start("cat <&3; sleep 0.2; echo done >$folder/out");
	char out[128];
	pid_t pid = k.pid;

	snprintf(out, sizeof out, "%s/out", folder);
	vip_stop(&k);
	assert_int_equal(access(out, F_OK), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void stopping_kills_a_keeper_that_does_not_end(void **state)
{
	struct vip_keeper k = start("exec sleep 10");
	double before = now(), took;
	pid_t pid = k.pid;

	usleep(100000);
	vip_stop(&k);
	took = now() - before;
	if (took < 0.9 || took > 3)
		fail_msg("took %.2f s", took);
	assert_int_equal(kill(pid, 0), -1);
}

/* dash keeps descriptors of its own from 10 on; glibc ignores its private signals 32 and 33. */
static const char describes_itself[] =
	"{\n"
	"for f in /proc/$$/fd/?; do readlink $f; done\n"
	"set -- $(cat /proc/$$/stat); echo $(($6 == $$))\n"
	"while read -r name value; do\n"
	"	case $name in SigBlk: | SigIgn:) echo $name $((0x$value & 0x7fffffff)) ;; esac\n"
	"done </proc/$$/status\n"
	"echo secret:$VIP_TEST_SECRET; pwd\n"
	"} >$folder/out; echo ready >&3; cat <&3";

static void a_keeper_has_a_session_of_its_own_and_nothing_of_ours(void **state)
{
	AUTO(fd_drop) int leak = open("/dev/null", O_RDONLY); /* not closed on exec */
	char line[4096] = "", expected[512], out[128];
	struct vip_keeper k;
	sigset_t blocked;
	struct err e;
	FILE *f;

	assert_true(leak >= 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	setenv("VIP_TEST_SECRET", "1", 1);
	k = start(describes_itself);
	assert_int_equal(hear(&k, &e), 1);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_DFL);
	snprintf(out, sizeof out, "%s/out", folder);
	f = fopen(out, "r");
	assert_non_null(f);
	line[fread(line, 1, sizeof line - 1, f)] = '\0';
	fclose(f);
	vip_stop(&k);

	snprintf(expected, sizeof expected, "%s\n%s\n%s\nsocket:[]\n1\nSigBlk: 0\nSigIgn: 0\nsecret:\n/\n", "/dev/null",
		out, "/dev/null");
	char *number = strchr(line, '[');
	assert_non_null(number);
	memmove(number + 1, strchr(number, ']'), strlen(strchr(number, ']')) + 1);
	assert_string_equal(line, expected);
}

static void nothing_starts_when_its_undo_cannot_be_noted(void **state)
{
	const struct vip v = {.address = (char *)"10.0.0.5", .device = (char *)"lo"};
	struct notes n = {.undo.note = note, .answer = ENOSPC};
	struct vip_keeper k;
	char out[128];
	struct err e;

	write_script("echo started >$folder/out");
	assert_int_equal(vip_start_program(script, &v, &n.undo, &k, &e), -ENOSPC);
	assert_string_equal(e.text, "note 10.0.0.5/32 on lo for the undo: the disk is full");
	usleep(100000);
	snprintf(out, sizeof out, "%s/out", folder);
	assert_int_equal(access(out, F_OK), -1);
}

static void a_missing_keeper_is_named(void **state)
{
	const struct vip v = {.address = (char *)"10.0.0.5", .device = (char *)"lo"};
	struct vip_keeper k;
	struct err e;

	unlink(script);
	assert_int_equal(vip_start_program(script, &v, NULL, &k, &e), -ENOENT);
	assert_non_null(strstr(e.text, script));
	/* This test stands where no keeper is: both places are named. */
	assert_int_equal(vip_start(&v, NULL, &k, &e), -ENOENT);
	assert_non_null(strstr(e.text, LIBEXECDIR));
}

static void the_arguments_are_as_given(void **state)
{
	const struct vip v = {.address = (char *)"fd00::5/64", .device = (char *)"lo", .announce = false};
	char out[128], line[256] = "";
	struct vip_keeper k;
	struct err e;
	FILE *f;

	write_script("echo \"$@\" >$folder/out; echo ready >&3; cat <&3");
	assert_int_equal(vip_start_program(script, &v, NULL, &k, &e), 0);
	assert_int_equal(hear(&k, &e), 1);
	vip_stop(&k);
	snprintf(out, sizeof out, "%s/out", folder);
	f = fopen(out, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	assert_string_equal(line, "--no-announce fd00::5/64 lo\n");
}

static void undo_passes_on_what_the_program_says(void **state)
{
	struct err e;

	write_script("[ \"$*\" = '--withdraw 10.0.0.5/32 lo' ] && echo withdrawn >&3");
	assert_int_equal(vip_undo_program(script, "10.0.0.5/32", "lo", &e), 0);
	write_script("echo 'error 1 no power' >&3; exit 1");
	assert_int_equal(vip_undo_program(script, "10.0.0.5/32", "lo", &e), -EPERM);
	assert_string_equal(e.text, "remove 10.0.0.5/32 from lo: no power");
	write_script("exit 3");
	assert_int_equal(vip_undo_program(script, "10.0.0.5/32", "lo", &e), -EPIPE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_prints_as_it_was_written),
		cmocka_unit_test(what_no_host_can_have_is_refused_with_its_reason),
		cmocka_unit_test(two_addresses_share_a_subnet_when_prefix_and_its_bits_are_equal),
		cmocka_unit_test(each_fault_names_its_key),
		cmocka_unit_test(all_faults_are_told_at_once),
		cmocka_unit_test(nothing_given_is_nothing_wrong),
		cmocka_unit_test(clearing_frees_both_texts_and_leaves_none),
		cmocka_unit_test(each_line_of_the_keeper_has_its_answer),
		cmocka_unit_test(a_silent_keeper_says_nothing_yet),
		cmocka_unit_test(a_note_is_no_news),
		cmocka_unit_test(nonsense_ends_it),
		cmocka_unit_test(the_end_of_a_keeper_is_told_with_its_cause),
		cmocka_unit_test(stopping_waits_for_a_keeper_that_takes_its_time),
		cmocka_unit_test(stopping_kills_a_keeper_that_does_not_end),
		cmocka_unit_test(a_keeper_has_a_session_of_its_own_and_nothing_of_ours),
		cmocka_unit_test(nothing_starts_when_its_undo_cannot_be_noted),
		cmocka_unit_test(a_missing_keeper_is_named),
		cmocka_unit_test(the_arguments_are_as_given),
		cmocka_unit_test(undo_passes_on_what_the_program_says),
	};

	return cmocka_run_group_tests_name("vip", tests, make_folder, remove_folder);
}
