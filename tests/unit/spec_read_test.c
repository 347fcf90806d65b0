/* Descriptions: what is read, what is refused and in which words, and that they survive being written. */
#include "spec_test.h"

#include <sys/resource.h>

/* ---- what is read ---- */

static const char seed[] =
	"{'resource':{'group':'httpd-jail','cpu_quota':30000,'blk_dvnd':'202:0','blk_rbps':10485760,'blk_wbps':"
	"10485760,"
	"'mem':536870912,'oom':true,'root':'/sys/fs/cgroup'},"
	"'jail':{'root':'/chroot/apache','bind':['/usr/local'],'ro_bind':['/usr/local/lib'],'path':'/usr/bin/jailing',"
	"'cmnd':'/usr/local/apache/bin/httpd -X'},"
	"'ip':{'vip':'192.168.0.30','dev':'eth0'}}";

static void collect(void *arg, const char *text)
{
	strcat(strcat(arg, text), "\n");
}

static void the_seed_is_read_to_the_letter(void **state)
{
	struct faults f = FAULTS_NONE;
	json_t *document = json_of(seed);
	char notes[512] = "";
	struct spec *s = spec_read(document, "httpd", &f, collect, notes);

	assert_int_equal(f.count, 0);
	assert_string_equal(s->name, "httpd-jail");
	assert_string_equal(s->group, "httpd-jail");
	assert_int_equal(s->limits.given, 1U << LIMIT_CPU | 1U << LIMIT_MEMORY | 1U << LIMIT_OOM | 1U << LIMIT_IO);
	assert_int_equal(s->limits.value[LIMIT_CPU], 30000);
	assert_int_equal(s->limits.value[LIMIT_MEMORY], 512 << 20);
	assert_int_equal(s->limits.value[LIMIT_OOM], 1);
	assert_int_equal(s->limits.io_count, 1);
	assert_string_equal(s->limits.io[0].path, "202:0");
	assert_int_equal(s->limits.io[0].value[IO_READ], 10 << 20);
	assert_int_equal(s->limits.io[0].value[IO_WRITE], 10 << 20);
	assert_int_equal(s->limits.io[0].value[IO_RIOPS], 0);
	assert_string_equal(s->jail.root, "/chroot/apache");
	assert_int_equal(s->jail.bind_count, 2);
	assert_string_equal(s->jail.binds[0].target, "/usr/local");
	assert_false(s->jail.binds[0].read_only);
	assert_string_equal(s->jail.binds[1].source, "/usr/local/lib");
	assert_true(s->jail.binds[1].read_only);
	assert_string_equal(s->argv[0], "/usr/local/apache/bin/httpd");
	assert_string_equal(s->argv[1], "-X");
	assert_null(s->argv[2]);
	assert_string_equal(s->vip.address, "192.168.0.30");
	assert_string_equal(s->vip.device, "eth0");
	assert_true(s->vip.announce);
	assert_string_equal(notes, "resource: :root has no effect: the host's layout is found out\n"
				   "jail: :path has no effect: jailing is built in\n");
	json_decref(document);
	spec_drop(&s);
}

static void the_command_alone_is_enough(void **state)
{
	struct spec *s = read_good("{'jail':{'cmnd':['true']}}");

	assert_string_equal(s->name, "httpd");
	assert_string_equal(s->group, "httpd");
	assert_int_equal(s->limits.given, 0);
	assert_null(s->jail.root);
	assert_true(s->jail.dev && s->jail.proc && s->jail.init && !s->jail.plain_chroot && !s->jail.read_only);
	assert_int_equal(s->jail.share, SHARE_NET);
	assert_int_equal(s->jail.caps, JAIL_CAPS_DEFAULT);
	assert_null(s->vip.address);
	assert_int_equal(s->stop_timeout_ms, 10000);
	assert_int_equal(s->deadline_ms, 30000);
	assert_false(s->quiet);
	spec_drop(&s);
	spec_drop(&s); /* NULL is fine */
}

static void todays_words_are_read(void **state)
{
	struct spec *s = read_good(
		"{'resource':{'name':'web','cpu':'1.5','cpu_weight':'200','cpus':'0-1,3','memory':'512M','memory_high':"
		"'1.5G',"
		"'swap':0,'pids':'max','hugetlb':{'2M':'64M','1G':0},'oom_group':true,"
		"'io':{'/srv//data/':{'read':'10M','wiops':500},'8:0':{'write':'max'}}},"
		"'jail':{'cmnd':['httpd'],'root':'/r','tmpfs':['/tmp:64M','/"
		"run'],'dev':false,'proc':false,'init':false,"
		"'hostname':'web.example','env':{'A':'1','B':''},'clear_env':true,'workdir':'/','user':'1000:100',"
		"'limits':'nofile=1024,core=0:unlimited','caps':['chown','KILL'],'filter':'/f.bpf','read_only':true,"
		"'share':'pid,ipc'},'ip':{'vip':'fd00::5','dev':'eth0','announce':false},"
		"'stop_timeout':'2.5','deadline':1.25,'quiet':true}");

	assert_int_equal(s->limits.value[LIMIT_CPU], 150000);
	assert_int_equal(s->limits.value[LIMIT_CPU_WEIGHT], 200);
	assert_string_equal(s->limits.cpus, "0-1,3");
	assert_int_equal(s->limits.value[LIMIT_MEMORY_HIGH], 3ULL << 29);
	assert_true(limits_has(&s->limits, LIMIT_SWAP));
	assert_int_equal(s->limits.value[LIMIT_SWAP], 0);
	assert_int_equal(s->limits.value[LIMIT_PIDS], SIZE_NO_LIMIT);
	assert_int_equal(s->limits.hugetlb_count, 2);
	assert_int_equal(s->limits.hugetlb[0].page_bytes, 2 << 20);
	assert_int_equal(s->limits.hugetlb[0].limit_bytes, 64 << 20);
	assert_int_equal(s->limits.hugetlb[1].limit_bytes, 0);
	assert_string_equal(s->limits.io[0].path, "/srv/data");
	assert_int_equal(s->limits.io[0].value[IO_READ], 10 << 20);
	assert_int_equal(s->limits.io[0].value[IO_WIOPS], 500);
	assert_int_equal(s->limits.io[1].value[IO_WRITE], SIZE_NO_LIMIT);
	assert_int_equal(s->jail.tmpfs[0].bytes, 64 << 20);
	assert_int_equal(s->jail.tmpfs[1].bytes, 0);
	assert_false(s->jail.dev || s->jail.proc || s->jail.init);
	assert_string_equal(s->jail.env[0], "A=1");
	assert_string_equal(s->jail.env[1], "B=");
	assert_string_equal(s->jail.user, "1000:100");
	assert_int_equal(s->jail.rlimit_count, 2);
	assert_int_equal(s->jail.rlimits[1].resource, RLIMIT_CORE);
	assert_int_equal(s->jail.rlimits[1].soft, 0);
	assert_int_equal(s->jail.rlimits[1].hard, UINT64_MAX);
	assert_int_equal(s->jail.caps, 1 << 0 | 1 << 5);
	assert_int_equal(s->jail.filter, FILTER_FILE);
	assert_string_equal(s->jail.filter_file, "/f.bpf");
	assert_int_equal(s->jail.share, SHARE_NET | SHARE_PID | SHARE_IPC);
	assert_false(s->vip.announce);
	assert_int_equal(s->stop_timeout_ms, 2500);
	assert_int_equal(s->deadline_ms, 1250);
	assert_true(s->quiet);
	spec_drop(&s);
}

static void cpu_may_be_a_number_too(void **state)
{
	static const struct {
		const char *value;
		uint64_t micros;
	} cases[] = {{"2", 200000}, {"1.5", 150000}, {"0.25", 25000}, {"'30%'", 30000}, {"'max'", SIZE_NO_LIMIT}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		struct spec *s;

		snprintf(text, sizeof text, "{'resource':{'cpu':%s},'jail':{'cmnd':'x'}}", cases[i].value);
		s = read_good(text);
		assert_int_equal(s->limits.value[LIMIT_CPU], cases[i].micros);
		spec_drop(&s);
	}
}

static void a_group_gives_the_name(void **state)
{
	static const struct {
		const char *resource, *name, *group;
	} cases[] = {
		{"{}", "httpd", "httpd"},
		{"{'group':'web'}", "web", "web"},
		{"{'group':'/a//httpd.slice/'}", "httpd.slice", "/a/httpd.slice"},
		{"{'group':'/a/b','name':'web'}", "web", "/a/b"},
		{"{'group':'/a/odd name','name':'web'}", "web", "/a/odd name"},
		{"{'group':'web','name':'web'}", "web", "web"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		struct spec *s;

		snprintf(text, sizeof text, "{'resource':%s,'jail':{'cmnd':'x'}}", cases[i].resource);
		s = read_good(text);
		assert_string_equal(s->name, cases[i].name);
		assert_string_equal(s->group, cases[i].group);
		spec_drop(&s);
	}
}

static void binds_go_from_the_outside_in(void **state)
{
	static const char *const order[] = {"/a", "/usr", "/usr/local", "/usr/local/lib", "/usr/local/lib/x"};
	struct spec *s = read_good("{'jail':{'root':'/r','cmnd':'x','ro_bind':['/h:/usr','/h:/usr/local/lib/x'],"
				   "'bind':['/h:/usr/local/lib','/h:/a','/h:/usr/local']}}");

	for (size_t i = 0; i < s->jail.bind_count; i++)
		assert_string_equal(s->jail.binds[i].target, order[i]);
	spec_drop(&s);
}

static void a_plain_chroot_is_jailing_false(void **state)
{
	struct spec *s = read_good("{'jail':{'root':'/r','cmnd':'x','jailing':false}}");

	assert_true(s->jail.plain_chroot);
	spec_drop(&s);
}

static void share_adds_to_the_net_unless_none_comes_first(void **state)
{
	static const struct {
		const char *value;
		unsigned share;
	} cases[] = {
		{"[]", SHARE_NET},
		{"'pid'", SHARE_NET | SHARE_PID},
		{"['uts','ipc']", SHARE_NET | SHARE_UTS | SHARE_IPC},
		{"'none'", 0},
		{"'none,pid'", SHARE_PID},
		{"'net'", SHARE_NET},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		struct spec *s;

		snprintf(text, sizeof text, "{'jail':{'root':'/r','cmnd':'x','share':%s}}", cases[i].value);
		s = read_good(text);
		assert_int_equal(s->jail.share, cases[i].share);
		spec_drop(&s);
	}
}

/* ---- the command ---- */

static void a_text_follows_rubys_exec(void **state)
{
	static const struct {
		const char *text;
		const char *argv[5];
	} cases[] = {
		{"ls", {"ls"}},
		{"  ls\\t-l  a ", {"ls", "-l", "a"}},
		{"/bin/x --a=b", {"/bin/x", "--a=b"}}, /* "=" is no assignment behind the first word */
		{"/a=b/x y", {"/a=b/x", "y"}},
		{"A=b x", {"/bin/sh", "-c", "A=b x"}},
		{"httpd | tee log", {"/bin/sh", "-c", "httpd | tee log"}},
		{"echo $HOME", {"/bin/sh", "-c", "echo $HOME"}},
		{"echo \\\"a b\\\"", {"/bin/sh", "-c", "echo \"a b\""}},
		{"a\\nb", {"/bin/sh", "-c", "a\nb"}},
		{"ls *.c", {"/bin/sh", "-c", "ls *.c"}},
		{"exit 3", {"/bin/sh", "-c", "exit 3"}},
		{" . file", {"/bin/sh", "-c", " . file"}},
		{"exits 3", {"exits", "3"}},
		{"printf %s 1", {"printf", "%s", "1"}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		struct spec *s;
		int k = 0;

		snprintf(text, sizeof text, "{'jail':{'cmnd':\"%s\"}}", cases[i].text);
		for (char *c = text; (c = strchr(c, '\''));)
			*c = '"';
		s = read_good(text);
		for (; cases[i].argv[k]; k++)
			if (!s->argv[k] || strcmp(s->argv[k], cases[i].argv[k]) != 0)
				fail_msg("%s: word %d is %s", cases[i].text, k, s->argv[k] ? s->argv[k] : "missing");
		assert_null(s->argv[k]);
		spec_drop(&s);
	}
}

static void a_list_is_run_as_it_is(void **state)
{
	struct spec *s = read_good("{'jail':{'cmnd':['echo','$HOME; a b','']}}");

	assert_string_equal(s->argv[1], "$HOME; a b");
	assert_string_equal(s->argv[2], "");
	assert_null(s->argv[3]);
	spec_drop(&s);
}

/* ---- what is refused ---- */

static void every_fault_has_its_words(void **state)
{
	static const struct {
		const char *section, *pair, *fault;
	} cases[] = {
		{"resource", "'memroy':1", "resource: unknown key :memroy (did you mean :memory?)"},
		{"resource", "'vip':1", "resource: unknown key :vip (it belongs under :ip)"},
		{"resource", "'quiet':1", "resource: unknown key :quiet (it belongs to the top, beside the sections)"},
		{"resource", "'xyzzy':1", "resource: unknown key :xyzzy"},
		{"resource", "'memory':'12Q'",
			"resource: :memory: \"12Q\" is not a size (bytes, or a number with K, M, G or T, or \"max\")"},
		{"resource", "'mem':'12Q'",
			"resource: :mem: \"12Q\" is not a size (bytes, or a number with K, M, G or T, or \"max\")"},
		{"resource", "'memory':0", "resource: :memory: 0 leaves no memory to run in"},
		{"resource", "'memory':'100'",
			"resource: :memory: \"100\" is less than any program can begin in, 64K (did you mean "
			"\"100M\"?)"},
		{"resource", "'mem':512",
			"resource: :mem: 512 is less than any program can begin in, 64K (did you mean \"512M\"?)"},
		{"resource", "'memory':'2K'", "resource: :memory: \"2K\" is less than any program can begin in, 64K"},
		{"resource", "'memory':65535", "resource: :memory: 65535 is less than any program can begin in, 64K"},
		{"resource", "'memory':-1", "resource: :memory: -1 is negative; no limit is \"max\", or no key at all"},
		{"resource", "'memory':'9000000T'",
			"resource: :memory: \"9000000T\" is too large: it does not fit in 63 bits"},
		{"resource", "'memory':null",
			"resource: :memory: nil is not a size (bytes, or a number with K, M, G or T, or \"max\")"},
		{"resource", "'memory':1.5",
			"resource: :memory: 1.5 is not a size (bytes, or a number with K, M, G or T, or \"max\")"},
		{"resource", "'memory':[1]",
			"resource: :memory: a list is not a size (bytes, or a number with K, M, G or T, or \"max\")"},
		{"resource", "'cpu':'0.5%'", "resource: :cpu: \"0.5%\" is below the kernel's smallest quota, 1%"},
		{"resource", "'cpu':0", "resource: :cpu: 0 is below the kernel's smallest quota, 1%"},
		{"resource", "'cpu':1e300",
			"resource: :cpu: 1e300 is not a share of CPU like \"30%\", \"1.5\" (CPUs) or \"max\""},
		{"resource", "'cpu':10001", "resource: :cpu: 10001 is more than 10000 CPUs"},
		{"resource", "'cpu':'-1'",
			"resource: :cpu: \"-1\" is not a share of CPU like \"30%\", \"1.5\" (CPUs) or \"max\""},
		{"resource", "'cpu_quota':-1", "resource: :cpu_quota: -1 is outside 1000..1000000000"},
		{"resource", "'cpu_quota':999", "resource: :cpu_quota: 999 is outside 1000..1000000000"},
		{"resource", "'cpu_quota':'30%'", "resource: :cpu_quota: \"30%\" is not a whole number"},
		{"resource", "'cpu_weight':0", "resource: :cpu_weight: 0 is outside 1..10000"},
		{"resource", "'cpu_weight':'many'", "resource: :cpu_weight: \"many\" is not a whole number"},
		{"resource", "'pids':0", "resource: :pids: 0 is outside 1..4194304"},
		{"resource", "'cpus':'0-'", "resource: :cpus: \"0-\" is not a list of CPUs like 0-1,3"},
		{"resource", "'cpus':'3-1'", "resource: :cpus: \"3-1\" is not a list of CPUs like 0-1,3"},
		{"resource", "'cpus':'0,,1'", "resource: :cpus: \"0,,1\" is not a list of CPUs like 0-1,3"},
		{"resource", "'cpus':''", "resource: :cpus: \"\" is not a list of CPUs like 0-1,3"},
		{"resource", "'cpus':'0 1'", "resource: :cpus: \"0 1\" is not a list of CPUs like 0-1,3"},
		{"resource", "'cpus':'8192'", "resource: :cpus: \"8192\" is not a list of CPUs like 0-1,3"},
		{"resource", "'oom':1", "resource: :oom: 1 is neither true nor false"},
		{"resource", "'oom_group':'true'", "resource: :oom_group: \"true\" is neither true nor false"},
		{"resource", "'name':'a b'",
			"resource: :name: \"a b\" is not a name: only letters, digits, \".\", \"_\" and \"-\" may be "
			"in it"},
		{"resource", "'name':'../x'",
			"resource: :name: \"../x\" is not a name: only letters, digits, \".\", \"_\" and \"-\" may be "
			"in it"},
		{"resource", "'name':'.x'",
			"resource: :name: \".x\" is not a name: it begins with a letter, a digit or \"_\""},
		{"resource", "'name':'-x'",
			"resource: :name: \"-x\" is not a name: it begins with a letter, a digit or \"_\""},
		{"resource", "'name':''", "resource: :name: \"\" is empty, not a name"},
		{"resource", "'name':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
			"resource: :name: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is "
			"longer than 64 characters"},
		{"resource", "'name':'tasks'",
			"resource: :name: \"tasks\" is what the kernel calls a file of its own in each group"},
		{"resource", "'name':'memory.max'",
			"resource: :name: \"memory.max\" is what the kernel calls a file of its own in each group"},
		{"resource", "'name':'a','group':'b'",
			"resource: :name and :group are different names for one thing: give one of them"},
		{"resource", "'group':'/'", "resource: :group: \"/\" is the group of the whole host"},
		{"resource", "'group':'/a/../b'",
			"resource: :group: \"/a/../b\" contains \"..\": give the path that is meant, for a link on the "
			"way would change it"},
		{"resource", "'group':'/a/b c'",
			"resource: :group: \"b c\" is not a name: only letters, digits, \".\", \"_\" and \"-\" may be "
			"in it"},
		{"resource", "'mem':'1M','memory':'2M'", "resource: :mem and :memory say the same: give one of them"},
		{"resource", "'io':{'/':{'read':1}},'blk_dvnd':'8:0','blk_rbps':1",
			"resource: :io and :blk_dvnd say the same: give one of them"},
		{"resource", "'blk_rbps':1", "resource: :blk_rbps: needs :blk_dvnd, the device it is about"},
		{"resource", "'blk_dvnd':'sda','blk_rbps':1",
			"resource: :blk_dvnd: \"sda\" is neither a path nor a device like \"8:0\" (did you mean "
			"\"/dev/sda\"?)"},
		{"resource", "'blk_dvnd':'8:','blk_rbps':1",
			"resource: :blk_dvnd: \"8:\" is not a device like \"8:0\""},
		{"resource", "'io':1", "resource: :io: 1 is not a hash like { \"/srv\" => { :read => \"10M\" } }"},
		{"resource", "'io':{'/srv':{}}",
			"resource: :io: /srv: {} is not a hash like { :read => \"10M\", :wiops => 500 }"},
		{"resource", "'io':{'/srv':{'raed':1}}", "resource: :io: unknown key :raed (did you mean :read?)"},
		{"resource", "'io':{'/srv':{'rate':1}}",
			"resource: :io: unknown key :rate; there are :read, :write, :riops and :wiops"},
		{"resource", "'io':{'/srv':{'read':0}}",
			"resource: :io: /srv: read: 0 would stop it for ever; without a limit it is \"max\", or not "
			"given"},
		{"resource", "'io':{'/srv':{'wiops':'1M'}}",
			"resource: :io: /srv: wiops: \"1M\" is not a whole number"},
		{"resource", "'io':{'/srv':{'read':1},'/srv/':{'read':1}}", "resource: :io: \"/srv\" is there twice"},
		{"resource", "'hugetlb':{'3M':1}",
			"resource: :hugetlb: \"3M\" is not a size of huge pages like 2M or 1G"},
		{"resource", "'hugetlb':{'2M':'1M'}",
			"resource: :hugetlb: 2M: \"1M\" is no whole number of such pages; the next are 0M and 2M"},
		{"resource", "'hugetlb':{'64K':98304}",
			"resource: :hugetlb: 64K: 98304 is no whole number of such pages; the next are 64K and 128K"},
		{"resource", "'hugetlb':{'1G':'1025M'}",
			"resource: :hugetlb: 1G: \"1025M\" is no whole number of such pages; the next are 1024M and "
			"2048M"},
		{"resource", "'hugetlb':{'2M':0,'2048K':0}", "resource: :hugetlb: pages of 2048K are there twice"},
		{"resource", "'grow':{'ceiling':'64M'}", "resource: :grow: needs :memory, the limit that it raises"},
		{"resource", "'grow':{'step':'64M'},'memory':'64M'",
			"resource: :grow: needs :ceiling, how high it may go"},
		{"resource", "'grow':{'ceiling':'32M'},'memory':'64M'",
			"resource: :grow: the ceiling, 32M, is below :memory, 64M"},
		{"resource", "'grow':{'ceiling':'99M','step':1},'memory':'64M'",
			"resource: :grow: the step, 1, is below the smallest, 1M"},
		{"resource", "'grow':{'ceiling':'1Q'},'memory':'64M'",
			"resource: :grow: ceiling: \"1Q\" is not a size (bytes, or a number with K, M, G or T)"},
		{"resource", "'grow':{'at':'101%','ceiling':'1G'},'memory':'64M'",
			"resource: :grow: at: \"101%\" is not a share like \"90%\""},
		{"resource", "'grow':{'at':90,'ceiling':'1G'},'memory':'64M'",
			"resource: :grow: at: 90 is not a share like \"90%\""},
		{"resource", "'grow':{'stall':'off','ceiling':'1G'},'memory':'64M'",
			"resource: :grow: stall: \"off\" is neither a share like \"10%\" nor \"none\""},
		{"resource", "'grow':{'cooldown':-1,'ceiling':'1G'},'memory':'64M'",
			"resource: :grow: cooldown: -1 is outside 0..86400"},
		{"resource", "'grow':{'celing':'1G'},'memory':'64M'",
			"resource: :grow: unknown key :celing (did you mean :ceiling?)"},
		{"resource", "'grow':'1G','memory':'64M'",
			"resource: :grow: \"1G\" is not a hash like { :step => \"64M\", :ceiling => \"2G\" }"},
		{"resource", "'give_back':{}", "resource: :give_back: needs :memory, the limit that it lowers"},
		{"resource", "'give_back':{},'memory':'64M'", "resource: :give_back: needs :floor, how low it may go"},
		{"resource", "'give_back':{'floor':'128M'},'memory':'64M'",
			"resource: :give_back: the floor, 128M, is above :memory, 64M, so nothing could be given back"},
		{"resource", "'give_back':{'floor':'3G'},'grow':{'ceiling':'2G'},'memory':'64M'",
			"resource: :give_back: the floor, 3G, is above the ceiling of :grow, 2G, so nothing could be "
			"given back"},
		{"resource", "'give_back':{'flor':1},'memory':'64M'",
			"resource: :give_back: unknown key :flor (did you mean :floor?)"},

		{"jail", "'root':'etc'", "jail: :root: \"etc\" is not absolute"},
		{"jail", "'root':'/'",
			"jail: :root: \"/\" is the host's own root: leave it out where there shall be no jail"},
		{"jail", "'root':'/a','bind':['etc']", "jail: :bind: \"etc\" is not absolute"},
		{"jail", "'root':'/a','bind':':/x'", "jail: :bind: \":/x\" contains no source: it is SOURCE[:TARGET]"},
		{"jail", "'root':'/a','bind':'/x:'", "jail: :bind: \"/x:\" contains no target: it is SOURCE[:TARGET]"},
		{"jail", "'root':'/a','bind':'/x:/y:/z'",
			"jail: :bind: \"/x:/y:/z\" contains more than one \":\": a path with a colon in it cannot be "
			"bound"},
		{"jail", "'root':'/a','bind':'/x:/'", "jail: :bind: \"/\" would cover the whole root"},
		{"jail", "'root':'/a','bind':'/x/..'",
			"jail: :bind: \"/x/..\" contains \"..\": give the path that is meant, for a link on the way "
			"would change it"},
		{"jail", "'root':'/a','bind':{}",
			"jail: :bind: a hash is not a text SOURCE[:TARGET] or a list of such"},
		{"jail", "'root':'/a','bind':[null]", "jail: :bind: nil is not a text SOURCE[:TARGET]"},
		{"jail", "'root':'/a','bind':'/x','ro_bind':'/y:/x'",
			"jail: :ro_bind: \"/x\" is the target of two mounts"},
		{"jail", "'root':'/a','bind':'/x','tmpfs':'/x'", "jail: :tmpfs: \"/x\" is the target of two mounts"},
		{"jail", "'bind':'/x'", "jail: :bind: needs :root, the directory that the jail is made of"},
		{"jail", "'read_only':true", "jail: :read_only: needs :root, the directory that the jail is made of"},
		{"jail", "'root':'/a','jailing':false,'tmpfs':'/x'",
			"jail: :tmpfs: is nothing that a plain chroot can do"},
		{"jail", "'jailing':false", "jail: :jailing: needs :root, the directory to change into"},
		{"jail", "'root':'/a','tmpfs':'/tmp:lots'",
			"jail: :tmpfs: \"/tmp\": \"lots\" is not a size (bytes, or a number with K, M, G or T; 0 would "
			"be without end)"},
		{"jail", "'user':''", "jail: :user: \"\" is empty, not a user: NAME, UID or UID:GID"},
		{"jail", "'user':'-1'",
			"jail: :user: \"-1\" is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':-1", "jail: :user: -1 is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':4294967295",
			"jail: :user: 4294967295 is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':'0x0'",
			"jail: :user: \"0x0\" is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':'1 2'",
			"jail: :user: \"1 2\" is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':'1:'",
			"jail: :user: \"1:\" is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':'www:33'",
			"jail: :user: \"www:33\" is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294"},
		{"jail", "'user':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
			"jail: :user: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is not a user: NAME, UID or UID:GID, ids "
			"from 0 to 4294967294"},
		{"jail", "'user':'99999999999999999999'",
			"jail: :user: \"99999999999999999999\" is not a user: NAME, UID or UID:GID, ids from 0 to "
			"4294967294"},
		{"jail", "'filter':'strict'",
			"jail: :filter: \"strict\" is neither \"default\" nor \"none\" nor the absolute path of a "
			"file"},
		{"jail", "'limits':'nofile'", "jail: :limits: \"nofile\" is not NAME=VALUE"},
		{"jail", "'limits':'core=0,core=1'", "jail: :limits: \"core\" is there twice"},
		{"jail", "'limits':{'nofile':true}",
			"jail: :limits: \"nofile\": true is not a number, \"SOFT:HARD\" or \"unlimited\""},
		{"jail", "'limits':7", "jail: :limits: 7 is not a hash like { :nofile => 1024 }"},
		{"jail", "'hostname':'a b'",
			"jail: :hostname: \"a b\" is not a host name: at most 64 letters, digits, \".\", \"-\" and "
			"\"_\""},
		{"jail", "'env':['A']", "jail: :env: \"A\" has no value: it is NAME=VALUE"},
		{"jail", "'env':'=A'", "jail: :env: \"=A\" has no name: it is NAME=VALUE"},
		{"jail", "'env':{'A=B':'C'}", "jail: :env: the name \"A=B\" contains \"=\""},
		{"jail", "'env':{'A':1}", "jail: :env: \"A\": 1 is not a text"},
		{"jail", "'workdir':'sub'", "jail: :workdir: \"sub\" is not absolute"},
		{"jail", "'root':'/a','hostname':'h','share':'net,uts'",
			"jail: :hostname: would be the host's own name, for :share leaves uts shared: give one of "
			"them"},
		{"jail", "'root':'/a','share':'pid,foo'",
			"jail: :share: \"foo\" is not a namespace: pid, ipc, uts, net, or none (not even net)"},
		{"jail", "'cmd':'x'", "jail: unknown key :cmd (did you mean :cmnd?)"},

		{"ip", "'vip':'10.0.0.5'", "ip: :dev is missing: the network device for the address"},
		{"ip", "'dev':'eth0'", "ip: :vip is missing: the address for the device"},
		{"ip", "'vip':'10.0.0.5 ','dev':'eth0'", "ip: :vip: \"10.0.0.5 \" contains a blank"},
		{"ip", "'vip':'10.0.0.5','dev':3", "ip: :dev: 3 is not a text"},

		{"top", "'quiet':'yes'", ":quiet: \"yes\" is neither true nor false"},
		{"top", "'stop_timeout':'soon'", ":stop_timeout: \"soon\" is not a number of seconds"},
		{"top", "'stop_timeout':-1", ":stop_timeout: -1 is outside 0..1000000 seconds"},
		{"top", "'stop_timeout':'1.2.3'", ":stop_timeout: \"1.2.3\" is not a number of seconds"},
		{"top", "'deadline':1e9", ":deadline: 1000000000.0 is outside 0..1000000 seconds"},
		{"top", "'resourc':{}", "unknown key :resourc (did you mean :resource?)"},
		{"top", "'memory':1", "unknown key :memory (it belongs under :resource)"},
		{"top", "'ip':[]", "ip: a list is not a hash of keys"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512], lines[2048];
		json_t *document, *jail;

		if (strcmp(cases[i].section, "top") == 0)
			snprintf(text, sizeof text, "{%s}", cases[i].pair);
		else
			snprintf(text, sizeof text, "{'%s':{%s}}", cases[i].section, cases[i].pair);
		document = json_of(text);
		if (!json_object_get(document, "jail"))
			json_object_set_new(document, "jail", json_object());
		jail = json_object_get(document, "jail");
		json_object_set_new(jail, "cmnd", json_string("true"));
		if (strcmp(faults_of(document, "httpd", lines, sizeof lines), cases[i].fault) != 0)
			fail_msg("%s:\n%s\nnot:\n%s", cases[i].pair, lines, cases[i].fault);
		json_decref(document);
	}
}

static void every_fault_is_reported_in_the_order_of_the_file(void **state)
{
	json_t *document =
		json_of("{'ip':{'vip':1},'resource':{'memroy':1,'cpu':'x'},'jail':{'root':'etc','bind':'/x'}}");
	char lines[2048];

	assert_string_equal(faults_of(document, "httpd", lines, sizeof lines),
		"ip: :vip: 1 is not a text\n"
		"resource: unknown key :memroy (did you mean :memory?)\n"
		"resource: :cpu: \"x\" is not a share of CPU like \"30%\", \"1.5\" (CPUs) or \"max\"\n"
		"jail: :root: \"etc\" is not absolute\n" /* and not that :bind had no :root */
		"jail: :cmnd is missing: what shall be run?");
	json_decref(document);
}

static void what_is_missing_is_said_once(void **state)
{
	static const struct {
		const char *document, *name, *faults;
	} cases[] = {
		{"{}", "x", "jail: :cmnd is missing: what shall be run?"},
		{"{'jail':3}", "x", "jail: 3 is not a hash of keys"},
		{"{'jail':{'cmnd':''}}", "x", "jail: :cmnd: \"\" is empty, not a command: a text, or a list of texts"},
		{"{'jail':{'cmnd':'  '}}", "x", "jail: :cmnd: \"  \" is empty: there is nothing to run"},
		{"{'jail':{'cmnd':[]}}", "x", "jail: :cmnd: [] is empty: there is nothing to run"},
		{"{'jail':{'cmnd':['']}}", "x", "jail: :cmnd: word 1, \"\", is not a program"},
		{"{'jail':{'cmnd':['a',7]}}", "x", "jail: :cmnd: word 2, 7, is not a text"},
		{"{'jail':{'cmnd':'a'}}", NULL, "resource: :name is missing"},
		{"{'jail':{'cmnd':'a'}}", "my file",
			"resource: :name: \"my file\" is not a name: only letters, digits, \".\", \"_\" and \"-\" may "
			"be in it"},
		{"[]", "x", "the description is a list, not a hash"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *document = json_of(cases[i].document);
		char lines[2048];

		assert_string_equal(faults_of(document, cases[i].name, lines, sizeof lines), cases[i].faults);
		json_decref(document);
	}
}

static void a_nul_byte_is_refused_everywhere(void **state)
{
	static const char *const keys[][2] = {{"resource", "name"}, {"resource", "group"}, {"jail", "root"},
		{"jail", "bind"}, {"jail", "user"}, {"jail", "hostname"}, {"jail", "workdir"}, {"jail", "env"},
		{"jail", "filter"}, {"jail", "caps"}, {"jail", "share"}, {"jail", "tmpfs"}, {"jail", "cmnd"},
		{"ip", "vip"}};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *document = json_pack("{s:{s:s%}}", keys[i][0], keys[i][1], "/a\0b", (size_t)4);
		char lines[2048];

		if (!strstr(faults_of(document, "x", lines, sizeof lines), "contains a NUL byte"))
			fail_msg("%s: %s", keys[i][1], lines);
		json_decref(document);
	}
}

static void lists_and_texts_have_an_end(void **state)
{
	json_t *document = json_of("{'jail':{'root':'/r','cmnd':'x'}}"), *jail = json_object_get(document, "jail");
	char *text = malloc(200000), lines[2048];

	memset(text, 'x', 200000);
	text[199999] = '\0';
	text[0] = '/';
	json_object_set_new(jail, "workdir", json_string(text));
	assert_non_null(strstr(
		faults_of(document, "x", lines, sizeof lines), "...\" is longer than a path can be (4095 bytes)"));
	json_object_del(jail, "workdir");
	json_object_set_new(jail, "cmnd", json_pack("[s,s]", "x", text));
	assert_non_null(strstr(faults_of(document, "x", lines, sizeof lines), "is longer than one argument can be"));
	json_object_set_new(jail, "cmnd", json_string("x"));
	json_object_set_new(jail, "tmpfs", json_array());
	for (int i = 0; i < 4097; i++) {
		snprintf(text, 32, "/%d", i);
		json_array_append_new(json_object_get(jail, "tmpfs"), json_string(text));
	}
	assert_string_equal(
		faults_of(document, "x", lines, sizeof lines), "jail: :tmpfs: there are more than 4096 of them");
	free(text);
	json_decref(document);
}

/* ---- writing ---- */

static const char *const documents[] = {
	seed,
	"{'jail':{'cmnd':'true'}}",
	"{'jail':{'cmnd':'a | b','env':['A=1','B=x,y=z'],'clear_env':true,'user':'www-data','workdir':'/tmp'}}",
	"{'jail':{'cmnd':['\xe2\x82\xac',''],'user':0,'limits':{'nofile':1024,'core':'0:unlimited','as':'unlimited'}}}",
	"{'resource':{'group':'/a/b','name':'c'},'jail':{'cmnd':'true'}}",
	"{'resource':{'group':'/a/b'},'jail':{'cmnd':'true'}}",
	"{'resource':{'cpu':'12.345%','swap':0,'memory':'max','memory_high':'1.5K','pids':1},'jail':{'cmnd':'true'}}",
	"{'resource':{'cpu':10000,'memory':9223372036854775807,'cpu_weight':1,'cpus':7},'jail':{'cmnd':'true'}}",
	"{'resource':{'cpu':'max','pids':'max','oom':false,'oom_group':false},'jail':{'cmnd':'true'}}",
	"{'resource':{'io':{'/':{'read':'max','write':1,'riops':2,'wiops':'max'},'8:16':{'riops':1}},"
	"'hugetlb':{'2M':0,'1G':'2G','1024T':0}},'jail':{'cmnd':'true'}}",
	"{'jail':{'cmnd':'x','root':'/r','bind':['/a','/b:/c','/d:/a/b'],'ro_bind':['/a:/z','/a:/a/b/c/d'],"
	"'tmpfs':['/t:1M','/"
	"u'],'read_only':true,'dev':false,'proc':false,'init':false,'share':'none,ipc','hostname':'h'}}",
	"{'jail':{'cmnd':'x','root':'/r','jailing':false,'caps':'all','filter':'none'}}",
	"{'jail':{'cmnd':'x','root':'/r','caps':'none','filter':'/f'},'ip':{'vip':'10.0.0.5/24','dev':'eth0'}}",
	"{'jail':{'cmnd':'x','caps':'keep=sys_admin,chown'},'ip':{'vip':'fd00::5','dev':'d','announce':false}}",
	"{'jail':{'cmnd':'x'},'stop_timeout':0,'deadline':0.001,'quiet':true}",
	"{'jail':{'cmnd':'x'},'stop_timeout':1000000,'deadline':999999.999}",
};

static void what_is_written_reads_as_the_same(void **state)
{
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		struct faults f = FAULTS_NONE;
		struct spec *first = read_good(documents[i]), *second;
		json_t *once = spec_json(first), *twice;

		second = spec_read(once, NULL, &f, NULL, NULL); /* it is complete: no name has to be given */
		if (!second)
			fail_msg("%s: %s", documents[i], f.list[0].text);
		twice = spec_json(second);
		if (!json_equal(once, twice))
			fail_msg("%s\n%s\n%s", documents[i], json_dumps(once, 0), json_dumps(twice, 0));
		json_decref(once);
		json_decref(twice);
		spec_drop(&first);
		spec_drop(&second);
	}
}

static void only_todays_words_are_written(void **state)
{
	struct spec *s = read_good(seed);
	json_t *written = spec_json(s);
	json_t *wanted = json_of(
		"{'resource':{'name':'httpd-jail','cpu':'30%','memory':536870912,'oom':true,"
		"'io':{'202:0':{'read':10485760,'write':10485760}}},"
		"'jail':{'cmnd':['/usr/local/apache/bin/httpd','-X'],'root':'/chroot/apache','bind':['/usr/local'],"
		"'ro_bind':['/usr/local/lib'],'tmpfs':[],'read_only':false,"
		"'caps':'keep=chown,dac_override,kill,setgid,setuid,net_bind_service','filter':'default','limits':{},"
		"'env':[],'clear_env':false,'share':['net'],'dev':true,'proc':true,'init':true,'jailing':true},"
		"'ip':{'vip':'192.168.0.30','dev':'eth0','announce':true},"
		"'stop_timeout':10,'deadline':30,'quiet':false}");

	if (!json_equal(written, wanted))
		fail_msg("%s", json_dumps(written, 0));
	json_decref(written);
	json_decref(wanted);
	spec_drop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seed_is_read_to_the_letter),
		cmocka_unit_test(the_command_alone_is_enough),
		cmocka_unit_test(todays_words_are_read),
		cmocka_unit_test(cpu_may_be_a_number_too),
		cmocka_unit_test(a_group_gives_the_name),
		cmocka_unit_test(binds_go_from_the_outside_in),
		cmocka_unit_test(a_plain_chroot_is_jailing_false),
		cmocka_unit_test(share_adds_to_the_net_unless_none_comes_first),
		cmocka_unit_test(a_text_follows_rubys_exec),
		cmocka_unit_test(a_list_is_run_as_it_is),
		cmocka_unit_test(every_fault_has_its_words),
		cmocka_unit_test(every_fault_is_reported_in_the_order_of_the_file),
		cmocka_unit_test(what_is_missing_is_said_once),
		cmocka_unit_test(a_nul_byte_is_refused_everywhere),
		cmocka_unit_test(lists_and_texts_have_an_end),
		cmocka_unit_test(what_is_written_reads_as_the_same),
		cmocka_unit_test(only_todays_words_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
