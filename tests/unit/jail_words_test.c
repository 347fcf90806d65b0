/* Users, environment, capabilities and limits: the words of a jail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "jail/env.h"
#include "jail/ids.h"
#include "jail/jail.h"

/* ---- users ---- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# a comment\n"
			     "short:x:7:7\n"
			     "negative:x:-1:0::/:/bin/sh\n"
			     "huge:x:4294967295:0::/:/bin/sh\n"
			     "web:x:33:34:Web,,,:/var/www:/bin/false\n"
			     "007:x:42:42::/:/bin/sh\n"
			     "last:x:50:51::/last:/bin/sh"; /* no newline */
static const char group[] = "root:x:0:\nwww:x:34:\nssl:x:60:web\ntwo:x:61:other,web,third\nnot:x:62:webby,awe\n"
			    "bad:x:nope:web\nweb:x:99:\n";

static void a_name_brings_its_groups(void **state)
{
	struct ids i;
	struct err e;

	assert_int_equal(ids_find("web", passwd, group, &i, &e), 0);
	assert_int_equal(i.uid, 33);
	assert_int_equal(i.gid, 34);
	assert_string_equal(i.name, "web");
	assert_string_equal(i.home, "/var/www");
	assert_int_equal(i.group_count, 3);
	assert_int_equal(i.groups[0], 34);
	assert_int_equal(i.groups[1], 60);
	assert_int_equal(i.groups[2], 61);
	ids_drop(&i);
}

static void numbers_have_no_other_groups(void **state)
{
	static const struct {
		const char *text;
		unsigned uid, gid;
		const char *name;
	} rows[] = {
		{"33", 33, 34, "web"}, {"1234", 1234, 1234, "1234"}, {"33:5", 33, 5, "web"}, {"0:0", 0, 0, "root"},
		{"4294967294", 4294967294U, 4294967294U, "4294967294"}, {"50", 50, 51, "last"},
		{"007", 7, 7, "007"}, /* digits are always a number */
	};
	struct ids i;
	struct err e;

	for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
		assert_int_equal(ids_find(rows[n].text, passwd, group, &i, &e), 0);
		assert_int_equal(i.uid, rows[n].uid);
		assert_int_equal(i.gid, rows[n].gid);
		assert_string_equal(i.name, rows[n].name);
		assert_int_equal(i.group_count, 0);
		ids_drop(&i);
	}
}

static void names_and_numbers_mix(void **state)
{
	struct ids i;
	struct err e;

	assert_int_equal(ids_find("web:ssl", passwd, group, &i, &e), 0);
	assert_int_equal(i.gid, 60);
	assert_int_equal(i.group_count, 2); /* 60 itself and two; 34 was replaced */
	ids_drop(&i);
	assert_int_equal(ids_find("77:www", passwd, group, &i, &e), 0);
	assert_int_equal(i.gid, 34);
	ids_drop(&i);
}

static void users_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *text;
		int result;
	} rows[] = {
		{"", -EINVAL},
		{"-1", -EINVAL},
		{"+1", -EINVAL},
		{"4294967295", -EINVAL},
		{"18446744073709551616", -EINVAL},
		{"0x0", -EINVAL},
		{"1 2", -EINVAL},
		{" 1", -EINVAL},
		{"1\n", -EINVAL},
		{"1a", -EINVAL},
		{":", -EINVAL},
		{":0", -EINVAL},
		{"0:", -EINVAL},
		{"1:2:3", -EINVAL},
		{"web:-1", -EINVAL},
		{"web:4294967295", -EINVAL},
		{"we\x01"
		 "b",
			-EINVAL},
		{"nobody", -ENOENT},
		{"short", -ENOENT},
		{"negative", -ENOENT},
		{"huge", -ENOENT},
		{"# a comment", -EINVAL},
		{"web:nobody", -ENOENT},
		{"web:bad", -ENOENT},
	};
	char longest[2000];
	struct ids i;
	struct err e;

	for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
		if (ids_find(rows[n].text, passwd, group, &i, &e) != rows[n].result)
			fail_msg("\"%s\" was not refused as it should", rows[n].text);
	memset(longest, 'x', sizeof longest);
	for (size_t length = 200; length < sizeof longest; length += 50) {
		longest[length] = '\0';
		assert_true(ids_find(longest, passwd, group, &i, &e) < 0);
		longest[length] = 'x';
	}
}

static void a_jail_without_files_knows_numbers_only(void **state)
{
	struct ids i;
	struct err e;

	assert_int_equal(ids_find("0", "", "", &i, &e), 0);
	assert_string_equal(i.home, "/");
	ids_drop(&i);
	assert_int_equal(ids_find("root", "", "", &i, &e), -ENOENT);
	assert_string_equal(e.text, "the jail's /etc/passwd has no user root");
}

/* ---- environment ---- */

static char *const caller[] = {"PATH=/x", "LD_PRELOAD=/evil.so", "LD_=1", "MALLOC_CHECK_=3", "GCONV_PATH=/e",
	"GLIBC_TUNABLES=a=b", "LOCPATH=/l", "LOCPATHS=/kept", "TERM=vt100", "HOME=/root", "FOO=bar=baz", "noequals",
	"LANG=C", NULL};

static void a_jail_drops_what_steers_the_loader(void **state)
{
	struct jail j;
	struct ids nobody = {0};
	char **env;

	jail_defaults(&j);
	j.root = "/r";
	env = env_build(&j, &nobody, caller);
	assert_string_equal(env_value(env, "PATH"), "/x");
	assert_null(env_value(env, "LD_PRELOAD"));
	assert_null(env_value(env, "LD_"));
	assert_null(env_value(env, "MALLOC_CHECK_"));
	assert_null(env_value(env, "GCONV_PATH"));
	assert_null(env_value(env, "GLIBC_TUNABLES"));
	assert_null(env_value(env, "LOCPATH"));
	assert_null(env_value(env, "noequals"));
	assert_string_equal(env_value(env, "LOCPATHS"), "/kept");
	assert_string_equal(env_value(env, "FOO"), "bar=baz");
	assert_string_equal(env_value(env, "HOME"), "/root");
	free(env);
	j.root = NULL; /* without a jail it is the caller's own */
	env = env_build(&j, &nobody, caller);
	assert_string_equal(env_value(env, "LD_PRELOAD"), "/evil.so");
	free(env);
}

static void a_cleared_environment_has_a_path_and_the_terminal(void **state)
{
	char *const set[] = {"A=1", "A=2", "HOME=/mine"};
	struct ids web = {.given = true, .name = "web", .home = "/var/www"};
	struct jail j;
	char **env;
	size_t count = 0;

	jail_defaults(&j);
	j.clear_env = true;
	j.env = (char **)set;
	j.env_count = 3;
	env = env_build(&j, &web, caller);
	while (env[count])
		count++;
	assert_int_equal(count, 6);
	assert_string_equal(env_value(env, "PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_string_equal(env_value(env, "TERM"), "vt100");
	assert_string_equal(env_value(env, "HOME"), "/mine");
	assert_string_equal(env_value(env, "USER"), "web");
	assert_string_equal(env_value(env, "LOGNAME"), "web");
	assert_string_equal(env_value(env, "A"), "2");
	free(env);
}

/* ---- capabilities ---- */

static void capabilities_are_named(void **state)
{
	uint64_t caps = 7;
	struct err e;

	assert_int_equal(jail_caps_parse("keep=chown,CAP_KILL,net_bind_service", &caps, &e), 0);
	assert_int_equal(caps, 1 << 0 | 1 << 5 | 1 << 10);
	assert_int_equal(jail_caps_parse("none", &caps, &e), 0);
	assert_int_equal(caps, 0);
	assert_int_equal(jail_caps_parse("all", &caps, &e), 0);
	assert_true(caps == JAIL_CAPS_ALL);
}

static void capabilities_that_do_not_exist_are_refused(void **state)
{
	static const char *const wrong[] = {"", "keep=", "keep=chown,", "keep=99", "keep=0", "keep=chwon", "chown",
		"keep=cap_", "keep=cap_cap_chown", "keep=chown kill",
		"keep=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ALL"};
	uint64_t caps = 7;
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (jail_caps_parse(wrong[i], &caps, &e) != -EINVAL || caps != 7)
			fail_msg("\"%s\" gave %#llx", wrong[i], (unsigned long long)caps);
	jail_caps_parse("keep=chwon", &caps, &e);
	assert_string_equal(e.text, "unknown capability chwon (did you mean chown?)");
}

/* ---- limits ---- */

static void every_limit_has_a_name(void **state)
{
	struct jail_rlimit l;
	struct err e;

	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		assert_non_null(jail_rlimit_name(i));
		assert_int_equal(jail_rlimit_parse(jail_rlimit_name(i), "1:2", &l, &e), 0);
		assert_int_equal(l.resource, i);
	}
	assert_null(jail_rlimit_name(RLIM_NLIMITS));
	assert_null(jail_rlimit_name(-1));
}

static void limits_are_one_number_or_two(void **state)
{
	struct jail_rlimit l;
	struct err e;

	assert_int_equal(jail_rlimit_parse("nofile", "1024", &l, &e), 0);
	assert_true(l.resource == RLIMIT_NOFILE && l.soft == 1024 && l.hard == 1024);
	assert_int_equal(jail_rlimit_parse("core", "0:unlimited", &l, &e), 0);
	assert_true(l.resource == RLIMIT_CORE && l.soft == 0 && l.hard == UINT64_MAX);
	assert_int_equal(jail_rlimit_parse("as", "unlimited", &l, &e), 0);
	assert_true(l.soft == UINT64_MAX && l.hard == UINT64_MAX);
}

static void limits_that_make_no_sense_are_refused(void **state)
{
	static const char *const wrong[] = {"", ":", "1:", ":1", "-1", "1k", "2:1", "unlimited:5", "1:2:3", "0x10",
		" 1", "Unlimited", "18446744073709551615", "99999999999999999999999999999999999999999999"};
	struct jail_rlimit l;
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (jail_rlimit_parse("nofile", wrong[i], &l, &e) != -EINVAL)
			fail_msg("\"%s\" passed", wrong[i]);
	assert_int_equal(jail_rlimit_parse("nofiles", "1", &l, &e), -EINVAL);
	assert_string_equal(e.text, "unknown limit nofiles (did you mean nofile?)");
	assert_int_equal(jail_rlimit_parse("", "1", &l, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_brings_its_groups),
		cmocka_unit_test(numbers_have_no_other_groups),
		cmocka_unit_test(names_and_numbers_mix),
		cmocka_unit_test(users_that_make_no_sense_are_refused),
		cmocka_unit_test(a_jail_without_files_knows_numbers_only),
		cmocka_unit_test(a_jail_drops_what_steers_the_loader),
		cmocka_unit_test(a_cleared_environment_has_a_path_and_the_terminal),
		cmocka_unit_test(capabilities_are_named),
		cmocka_unit_test(capabilities_that_do_not_exist_are_refused),
		cmocka_unit_test(every_limit_has_a_name),
		cmocka_unit_test(limits_are_one_number_or_two),
		cmocka_unit_test(limits_that_make_no_sense_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
