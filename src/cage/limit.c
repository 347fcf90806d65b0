#include "cage/limit.h"

#include <stdlib.h>

#include "cage/form.h"

#define SINCE(version) "this kernel does not have it; it came with Linux " version
#define NO_SWAP "this kernel does not count swap (boot it with swapaccount=1)"
#define NO_BANDWIDTH "this kernel was built without CONFIG_CFS_BANDWIDTH"
#define NO_THROTTLING "this kernel was built without CONFIG_BLK_DEV_THROTTLING"
#define V2_ONLY                                                                             \
	"exists on cgroup v2 only; the memory controller of this host is on v1 (boot with " \
	"systemd.unified_cgroup_hierarchy=1, or without systemd with cgroup_no_v1=memory, to have it on v2)"

const struct limit_row limit_rows[] = {
	[LIMIT_CPU] = {"cpu", "cpu_quota", "CPU", "CPU time it may use: \"30%\" of one CPU, \"1.5\" CPUs, or max",
		LIMIT_IS_CPU, .max_word = true, .normal = SIZE_NO_LIMIT, .controller = CTRL_CPU,
		.on = {{"cpu.cfs_quota_us", &form_quota_v1, PLACE_WORK, .unit_file = "cpu.cfs_period_us",
			       .unit_text = "100000", .lacking = NO_BANDWIDTH},
			{"cpu.max", &form_quota_v2, PLACE_WORK, .lacking = NO_BANDWIDTH}}},
	[LIMIT_CPU_WEIGHT] = {"cpu_weight", NULL, "N",
		"share of the CPUs when they are busy, 1 to 10000; 100 is ordinary", LIMIT_IS_COUNT, .min = 1,
		.max = 10000, .normal = 100, .controller = CTRL_CPU,
		.on = {{"cpu.shares", &form_shares, PLACE_WORK}, {"cpu.weight", &form_number, PLACE_WORK}}},
	[LIMIT_CPUS] = {"cpus", NULL, "LIST", "the CPUs it may run on: \"0-1,3\"", LIMIT_IS_CPUSET, .fixed = true,
		.controller = CTRL_CPUSET,
		.on = {{"cpuset.cpus", &form_cpus, PLACE_WORK, .effect = "cpuset.effective_cpus"},
			{"cpuset.cpus", &form_cpus, PLACE_WORK, .effect = "cpuset.cpus.effective"}}},
	[LIMIT_MEMORY] = {"memory", "mem", "SIZE", "memory it may use, page cache included", LIMIT_IS_SIZE,
		.max_word = true, .normal = SIZE_NO_LIMIT, .controller = CTRL_MEMORY,
		.on = {{"memory.limit_in_bytes", &form_size_v1, PLACE_CAGE},
			{"memory.max", &form_size_v2, PLACE_CAGE}}},
	[LIMIT_MEMORY_HIGH] = {"memory_high", NULL, "SIZE", "memory above which it is slowed down and reclaimed from",
		LIMIT_IS_SIZE, .max_word = true, .normal = SIZE_NO_LIMIT, .controller = CTRL_MEMORY,
		.on = {{.lacking = V2_ONLY}, {"memory.high", &form_size_v2, PLACE_CAGE}}},
	[LIMIT_SWAP] = {"swap", NULL, "SIZE", "swap it may use beside the memory; 0 for none", LIMIT_IS_SIZE,
		.max_word = true, .normal = SIZE_NO_LIMIT, .controller = CTRL_MEMORY,
		.on = {{"memory.memsw.limit_in_bytes", &form_memory_swap, PLACE_CAGE, .above_memory = true,
			       .in_root = true, .lacking = NO_SWAP},
			{"memory.swap.max", &form_size_v2, PLACE_CAGE, .lacking = NO_SWAP}}},
	[LIMIT_PIDS] = {"pids", NULL, "N", "processes and threads it may have", LIMIT_IS_COUNT, .min = 1,
		.max = 4194304, .max_word = true, .normal = SIZE_NO_LIMIT, .controller = CTRL_PIDS,
		.on = {{"pids.max", &form_number, PLACE_WORK}, {"pids.max", &form_number, PLACE_WORK}}},
	[LIMIT_OOM_GROUP] = {"oom_group", NULL, "BOOL", "when the kernel kills for memory, it kills all of the cage",
		LIMIT_IS_BOOL, .normal = 0, .controller = CTRL_MEMORY,
		.on = {{.lacking = V2_ONLY}, {"memory.oom.group", &form_number, PLACE_WORK, .lacking = SINCE("4.19")}}},
	[LIMIT_OOM] = {"oom", NULL, "BOOL", "false: the kernel may never kill for memory, a full cage waits",
		LIMIT_IS_BOOL, .normal = 1, .fixed = true, .by_guard = true, .controller = CTRL_MEMORY},
	[LIMIT_IO] = {"io", NULL, "PATH:LIST",
		"speed of the disk under PATH: read=10M,write=10M bytes, riops=N,wiops=N operations a second",
		LIMIT_IS_IO, .controller = CTRL_IO,
		.on = {{"blkio.throttle", &form_io_v1, PLACE_WORK, .lacking = NO_THROTTLING},
			{"io.max", &form_io_v2, PLACE_WORK, .lacking = NO_THROTTLING}}},
	[LIMIT_HUGETLB] = {"hugetlb", NULL, "PAGE:SIZE", "huge pages it may use, by size of page: 2M:64M",
		LIMIT_IS_HUGETLB, .fixed = true, .controller = CTRL_HUGETLB,
		.on = {{"hugetlb.%s.limit_in_bytes", &form_hugetlb_v1, PLACE_WORK},
			{"hugetlb.%s.max", &form_hugetlb_v2, PLACE_WORK}}},
};
_Static_assert(sizeof limit_rows / sizeof *limit_rows == LIMIT_COUNT, "one row for each limit");

const char *const io_kind_keys[IO_KINDS + 1] = {"read", "write", "riops", "wiops", NULL};

void limits_drop(struct limits *l)
{
	for (size_t i = 0; i < l->io_count; i++)
		free(l->io[i].path);
	free(l->io);
	free(l->hugetlb);
	free(l->cpus);
	*l = (struct limits){0};
}
