/* Options: from the words of a command line into a description, and help from the same table. */
#include "spec_test.h"

#include <errno.h>

#include "cli/options.h"

static const struct option_row own_rows[] = {
	{0, "timeout", "S", "seconds between SIGTERM and SIGKILL"},
	{'f', "follow", NULL, "go on"},
	{'o', "output", "FILE", "where to"},
	{0},
};

static int never(const struct options_values *own, json_t *document)
{
	return 1;
}

static const struct command commands[] = {
	{.name = "run",
		.args = "-- CMD [ARG...]",
		.summary = "run a command",
		.options = own_rows,
		.use = USE_RUN,
		.args_min = 1,
		.args_max = -1,
		.options_first = true,
		.run = never},
	{.name = "stop",
		.args = "NAME",
		.summary = "stop it",
		.details = "First paragraph.\n\nSecond one.",
		.status = "0 when it has been stopped",
		.options = own_rows,
		.args_min = 1,
		.args_max = 1,
		.run = never},
	{.name = "attach",
		.args = "PID...",
		.summary = "attach",
		.use = USE_ATTACH,
		.args_min = 1,
		.args_max = -1,
		.run = never},
	{.name = "list", .args = "", .summary = "list them", .run = never},
	{0},
};

enum { WORDS_MAX = 24 };

struct parsed {
	char *argv[WORDS_MAX + 1];
	char *line;
	json_t *document;
	struct options_values own;
	struct err e;
	int result;
};

/* Parses a line that is split at blanks; its first word is the command. */
static void parse_line(struct parsed *p, const char *line)
{
	const char *near;
	char *rest;
	int argc = 0;

	*p = (struct parsed){.line = strdup(line), .document = json_object()};
	rest = p->line;
	while (argc < WORDS_MAX && (p->argv[argc] = strsep(&rest, " ")))
		argc++;
	p->result =
		options_parse(command_find(commands, p->argv[0], &near), argc, p->argv, p->document, &p->own, &p->e);
}

static void drop(struct parsed *p)
{
	free(p->line);
	json_decref(p->document);
}

static void options_fill_the_document(void **state)
{
	static const struct {
		const char *line, *document, *first, *last;
	} cases[] = {
		{"run -- ls", "{}", "ls", "ls"},
		{"run ls -l --name x", "{}", "ls", "x"},
		{"run --name web --memory=512M --oom-group --no-oom --cpu-weight 5 ls",
			"{'resource':{'name':'web','memory':'512M','oom_group':true,'oom':false,'cpu_weight':'5'}}",
			"ls", "ls"},
		{"run --io /srv:read=10M --io=/srv:wiops=5 --io 8:0:write=max x",
			"{'resource':{'io':{'/srv':{'read':'10M','wiops':'5'},'8:0':{'write':'max'}}}}", "x", "x"},
		{"run --hugetlb 2M:64M,1G:1G x", "{'resource':{'hugetlb':{'2M':'64M','1G':'1G'}}}", "x", "x"},
		{"run --root /chroot/web --bind /srv:/data --bind /a --ro-bind /b --tmpfs /t:1M x",
			"{'jail':{'root':'/chroot/web','bind':['/srv:/data','/a'],'ro_bind':['/b'],'tmpfs':['/t:1M']}}",
			"x", "x"},
		{"run --no-init --no-dev --no-proc --plain-chroot --read-only --read-only x",
			"{'jail':{'init':false,'dev':false,'proc':false,'jailing':false,'read_only':true}}", "x", "x"},
		{"run --limits nofile=1024,core=0 --limits as=1 --env A=b,c=d --env B= x",
			"{'jail':{'limits':{'nofile':'1024','core':'0','as':'1'},'env':['A=b,c=d','B=']}}", "x", "x"},
		{"run --vip fd00::5/64@eth0 --no-announce --quiet --stop-timeout 3 x",
			"{'ip':{'vip':'fd00::5/64','dev':'eth0','announce':false},'quiet':true,'stop_timeout':'3'}",
			"x", "x"},
		{"run --env=--x=y -- --memory 3", "{'jail':{'env':['--x=y']}}", "--memory", "3"},
		{"attach 1 --memory 3 2", "{'resource':{'memory':'3'}}", "1", "2"},
		{"stop -", "{}", "-", "-"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;
		json_t *wanted = json_of(cases[i].document);

		parse_line(&p, cases[i].line);
		if (p.result < 0)
			fail_msg("%s: %s", cases[i].line, p.e.text);
		if (!json_equal(p.document, wanted))
			fail_msg("%s: %s", cases[i].line, json_dumps(p.document, 0));
		assert_string_equal(p.own.args[0], cases[i].first);
		assert_string_equal(p.own.args[p.own.arg_count - 1], cases[i].last);
		assert_null(p.own.args[p.own.arg_count]);
		json_decref(wanted);
		drop(&p);
	}
}

static void own_options_stand_before_and_after_arguments(void **state)
{
	static const char *const lines[] = {"stop web --timeout 10 -f", "stop --timeout=10 -f web",
		"stop -f web --timeout 10", "stop --follow --timeout 10 -- web"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct parsed p;

		parse_line(&p, lines[i]);
		assert_int_equal(p.result, 0);
		assert_string_equal(options_get(&p.own, "timeout"), "10");
		assert_string_equal(options_get(&p.own, "follow"), "");
		assert_null(options_get(&p.own, "output"));
		assert_int_equal(p.own.arg_count, 1);
		assert_string_equal(p.own.args[0], "web");
		drop(&p);
	}
}

static void a_letter_takes_its_value_with_or_without_a_blank(void **state)
{
	static const char *const lines[] = {"stop web -o file", "stop web -ofile", "stop web --output=file"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct parsed p;

		parse_line(&p, lines[i]);
		assert_int_equal(p.result, 0);
		assert_string_equal(options_get(&p.own, "output"), "file");
		drop(&p);
	}
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{"run --memroy 3 x", "run: unknown option --memroy (did you mean --memory?)"},
		{"run --memroy=3 x", "run: unknown option --memroy (did you mean --memory?)"},
		{"run --memory_high 3 x", "run: unknown option --memory_high (did you mean --memory-high?)"},
		{"run --cmnd x", "run: unknown option --cmnd"},
		{"run --grow x", "run: --grow: \"x\" is not NAME=VALUE"},
		{"run --give-back x", "run: --give-back: \"x\" is not NAME=VALUE"},
		{"run --xyzzyxyzzy x", "run: unknown option --xyzzyxyzzy"},
		{"stop web --memory 3", "stop: unknown option --memory"},
		{"stop web --tiemout 3", "stop: unknown option --tiemout (did you mean --timeout?)"},
		{"stop web --hepl", "stop: unknown option --hepl (did you mean --help?)"},
		{"attach 1 --root /", "attach: unknown option --root"},
		{"stop web -x", "stop: unknown option -x"},
		{"stop web -f1", "stop: -f takes no value"},
		{"stop web -o", "stop: -o needs a value: FILE"},
		{"run --memory", "run: --memory needs a value: SIZE"},
		{"run --memory --name x", "run: --memory needs a value: SIZE"},
		{"run --memory -- x", "run: --memory needs a value: SIZE"},
		{"run --read-only=yes x", "run: --read-only takes no value"},
		{"run --name a --name b x", "run: --name: given twice"},
		{"stop web --timeout 1 --timeout 2", "stop: --timeout is given twice"},
		{"run --vip 1.2.3.4 x", "run: --vip: \"1.2.3.4\" is not ADDRESS[/LENGTH]@DEVICE"},
		{"run --vip @eth0 x", "run: --vip: \"@eth0\" is not ADDRESS[/LENGTH]@DEVICE"},
		{"run --vip 1@a --vip 2@b x", "run: --vip: given twice"},
		{"run --io /srv x", "run: --io: \"/srv\" is not PATH:read=SIZE,write=SIZE,riops=N,wiops=N (one of the "
				    "four or more)"},
		{"run --io /srv:read x", "run: --io: \"/srv:read\" is not PATH:read=SIZE,write=SIZE,riops=N,wiops=N "
					 "(one of the four or more)"},
		{"run --io /srv:read=1,write x", "run: --io: \"write\" is not NAME=VALUE"},
		{"run --io /srv:read=1 --io /srv:read=2 x", "run: --io: \"read\" is there twice"},
		{"run --limits nofile= x", "run: --limits: \"nofile=\" is not NAME=VALUE"},
		{"run --limits =3 x", "run: --limits: \"=3\" is not NAME=VALUE"},
		{"run --limits core=0,core=1 x", "run: --limits: \"core\" is there twice"},
		{"run --hugetlb 2M=1 x", "run: --hugetlb: \"2M=1\" is not NAME:VALUE"},
		{"run --name \xff x", "run: --name: not UTF-8"},
		{"run --env A=\xff x", "run: --env: not UTF-8"},
		{"run --io /\xff:read=1 x", "run: --io: the path is not UTF-8"},
		{"run", "run: an argument is missing: it takes -- CMD [ARG...]"},
		{"stop", "stop: an argument is missing: it takes NAME"},
		{"stop a b", "stop: \"b\" is too much: it takes NAME"},
		{"list a", "list: \"a\" is too much: it takes no arguments"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;

		parse_line(&p, cases[i].line);
		assert_int_equal(p.result, -EINVAL);
		assert_string_equal(p.e.text, cases[i].error);
		drop(&p);
	}
}

static void help_wins_wherever_it_stands(void **state)
{
	static const char *const lines[] = {"run --help", "run -h", "run --name x --help --nonsense", "list --help"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct parsed p;

		parse_line(&p, lines[i]);
		assert_int_equal(p.result, 0);
		assert_true(p.own.help);
		drop(&p);
	}
	struct parsed p; /* that one is for ls */

	parse_line(&p, "run ls --help");
	assert_false(p.own.help);
	drop(&p);
}

/* ---- the table ---- */

static void every_key_has_a_help_and_no_option_is_there_twice(void **state)
{
	struct spec_key a, b;

	for (size_t i = 0; spec_key_at(i, &a); i++) {
		if (!a.help || !*a.help || a.help[strlen(a.help) - 1] == '.' || !a.use)
			fail_msg("%s: help \"%s\", use %u", a.key, a.help ? a.help : "NULL", a.use);
		if ((a.use & ~USE_FILE) && !*a.option)
			fail_msg("%s has no option", a.key);
		for (size_t k = 0; k < i; k++) {
			spec_key_at(k, &b);
			if (a.section == b.section && strcmp(a.key, b.key) == 0)
				fail_msg("%s is there twice", a.key);
			if (a.use & b.use & ~USE_FILE && strcmp(a.option, b.option) == 0)
				fail_msg("--%s is there twice", a.option);
		}
	}
	assert_false(spec_key_at(1000, &a));
}

/* Whatever an option makes of a text, spec_read() can name it as an option again. */
static void faults_come_back_as_options(void **state)
{
	static const struct {
		const char *line, *fault;
	} cases[] = {
		{"run --memory 12Q x", "virtualing: --memory: \"12Q\" is not a size (bytes, or a number with K, M, G "
				       "or T, or \"max\")"},
		{"run --memory-high 0 x", "virtualing: --memory-high: \"0\" leaves no memory to run in"},
		{"run --bind /x x", "virtualing: --bind: needs --root, the directory that the jail is made of"},
		{"run --ro-bind /x x", "virtualing: --ro-bind: needs --root, the directory that the jail is made of"},
		{"run --plain-chroot x", "virtualing: --plain-chroot: needs --root, the directory to change into"},
		{"run --vip a@b@c --name a:b x", "virtualing: --name: \"a:b\" is not a name: only letters, digits, "
						 "\".\", \"_\" and \"-\" may be in it"},
		{"run --io srv:read=1 x", "virtualing: --io: \"srv\" is neither a path nor a device like \"8:0\" (did "
					  "you mean \"/dev/srv\"?)"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct faults f = FAULTS_NONE;
		struct parsed p;
		char line[512];

		parse_line(&p, cases[i].line);
		assert_int_equal(p.result, 0);
		assert_int_equal(spec_command(p.document, p.own.args, &p.e), 0);
		assert_null(spec_read(p.document, "x", &f, NULL, NULL));
		assert_int_equal(f.count, 1);
		spec_fault_as_option(&f.list[0]);
		fault_format(&f.list[0], NULL, 0, line, sizeof line);
		assert_string_equal(line, cases[i].fault);
		faults_drop(&f);
		drop(&p);
	}
}

static void a_command_of_any_words_is_taken_and_bytes_that_are_no_utf8_refused(void **state)
{
	char sh[] = "sh", c[] = "-c", text[] = "echo \xe2\x82\xac", empty[] = "", latin[] = "caf\xe9";
	char *good[] = {sh, c, text, empty, NULL}, *bad[] = {sh, latin, NULL};
	json_t *document = json_object();
	struct err e;

	assert_int_equal(spec_command(document, good, &e), 0);
	assert_int_equal(json_array_size(json_object_get(json_object_get(document, "jail"), "cmnd")), 4);
	assert_int_equal(spec_command(document, bad, &e), -EINVAL);
	assert_string_equal(e.text, "the argument \"caf?\" is not UTF-8");
	json_decref(document);
}

/* ---- help ---- */

static char *help_of(const char *name)
{
	const char *near;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	options_help(out, command_find(commands, name, &near));
	fclose(out);
	return text;
}

static void help_fits_into_80_columns_and_names_every_option(void **state)
{
	char *text = help_of("run"), wanted[64];
	struct spec_key key;

	for (size_t i = 0; spec_key_at(i, &key); i++) {
		snprintf(wanted, sizeof wanted, "  --%s%s", key.option, key.arg ? " " : "");
		if (key.use & USE_RUN && !strstr(text, wanted))
			fail_msg("no %s in the help", key.option);
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > 80 || line[strlen(line) - 1] == ' ')
			fail_msg("\"%s\"", line);
	free(text);
}

static void help_is_laid_out(void **state)
{
	char *text = help_of("stop");

	assert_string_equal(text, "Usage: virtualing stop [OPTION...] NAME\n"
				  "\n"
				  "stop it\n"
				  "\n"
				  "First paragraph.\n"
				  "\n"
				  "Second one.\n"
				  "\n"
				  "Options:\n"
				  "      --timeout S    seconds between SIGTERM and SIGKILL\n"
				  "  -f, --follow       go on\n"
				  "  -o, --output FILE  where to\n"
				  "  -h, --help         show this help\n"
				  "\n"
				  "Exit status: 0 when it has been stopped\n");
	free(text);
}

static void commands_are_listed_and_the_nearest_is_named(void **state)
{
	static const struct command beside[] = {{.name = "FILE.rb", .args = "", .summary = "run the file"}, {0}};
	const char *near = NULL;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	commands_help(out, (const struct command *const[]){beside, commands, NULL});
	fclose(out);
	assert_string_equal(text, "  FILE.rb              run the file\n"
				  "\n"
				  "  run -- CMD [ARG...]  run a command\n"
				  "  stop NAME            stop it\n"
				  "  attach PID...        attach\n"
				  "  list                 list them\n");
	free(text);
	assert_null(command_find(commands, "sotp", &near));
	assert_string_equal(near, "stop");
	assert_null(command_find(commands, "frobnicate", &near));
	assert_null(near);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_fill_the_document),
		cmocka_unit_test(own_options_stand_before_and_after_arguments),
		cmocka_unit_test(a_letter_takes_its_value_with_or_without_a_blank),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(help_wins_wherever_it_stands),
		cmocka_unit_test(every_key_has_a_help_and_no_option_is_there_twice),
		cmocka_unit_test(faults_come_back_as_options),
		cmocka_unit_test(a_command_of_any_words_is_taken_and_bytes_that_are_no_utf8_refused),
		cmocka_unit_test(help_fits_into_80_columns_and_names_every_option),
		cmocka_unit_test(help_is_laid_out),
		cmocka_unit_test(commands_are_listed_and_the_nearest_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
