/* From what a user calls a disk to the disk, and sizes of huge pages, on a fake sysfs. */
#include "cage_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cage/disk.h"
#include "cage/hugetlb.h"

struct sysfs {
	struct fake fake; /* for its temporary directory */
	int fd;
};

static void directory(const struct sysfs *s, const char *path)
{
	char full[256];

	snprintf(full, sizeof full, "%s/%s", s->fake.root, path);
	assert_int_equal(mkdir(full, 0755), 0);
}

static void link_to(const struct sysfs *s, const char *number, const char *target)
{
	char full[256];

	snprintf(full, sizeof full, "%s/dev/block/%s", s->fake.root, number);
	assert_int_equal(symlink(target, full), 0);
}

/* sda 8:0 with sda1 8:1, and an unused loop0 7:0 */
static int set_up(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const directories[] = {"dev", "dev/block", "devices", "devices/sda", "devices/sda/sda1",
		"devices/loop0", "kernel", "kernel/mm", "kernel/mm/hugepages", "kernel/mm/hugepages/hugepages-2048kB",
		"kernel/mm/hugepages/hugepages-1048576kB"};
	static struct sysfs s;

	fake_open(&s.fake, none);
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		directory(&s, directories[i]);
	fake_write(&s.fake, "devices/sda/dev", "8:0\n");
	fake_write(&s.fake, "devices/sda/size", "1000\n");
	fake_write(&s.fake, "devices/sda/sda1/dev", "8:1\n");
	fake_write(&s.fake, "devices/sda/sda1/partition", "1\n");
	fake_write(&s.fake, "devices/loop0/dev", "7:0\n");
	fake_write(&s.fake, "devices/loop0/size", "0\n");
	link_to(&s, "8:0", "../../devices/sda");
	link_to(&s, "8:1", "../../devices/sda/sda1");
	link_to(&s, "7:0", "../../devices/loop0");
	s.fd = open(s.fake.root, O_PATH | O_DIRECTORY);
	*state = &s;
	return s.fd < 0;
}

static int tear_down(void **state)
{
	struct sysfs *s = *state;

	close(s->fd);
	fake_close(&s->fake);
	return 0;
}

static void a_number_is_the_disk_and_a_partition_stands_for_its_disk(void **state)
{
	const struct sysfs *s = *state;
	struct disk disk;
	struct err e;

	assert_int_equal(disk_find(s->fd, "/none", "8:0", &disk, &e), 0);
	assert_int_equal(disk.major * 100 + disk.minor, 800);
	assert_int_equal(disk_find(s->fd, "/none", "8:1", &disk, &e), 0);
	assert_int_equal(disk.major * 100 + disk.minor, 800);
}

static void an_unknown_disk_is_told_those_that_are_there(void **state)
{
	const struct sysfs *s = *state;
	struct disk disk = {1, 2};
	struct err e;

	assert_int_equal(disk_find(s->fd, "/none", "202:0", &disk, &e), -ENOENT);
	assert_string_equal(e.text, "202:0: there is no block device 202:0 on this host; its disks are: sda 8:0");
	assert_int_equal(disk.major, 1); /* untouched */
}

static void what_is_no_number_is_a_path(void **state)
{
	static const char *const odd[] = {"8:0x", " 8:0", "8:", ":0", "8", "-8:0", "99999:0", "8:0:0"};
	const struct sysfs *s = *state;
	struct disk disk;
	struct err e;

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		assert_int_equal(disk_find(s->fd, "/none", odd[i], &disk, &e), -ENOENT);
		assert_non_null(strstr(e.text, "No such file or directory"));
	}
	assert_int_equal(disk_find(s->fd, "/none", "/dev/null", &disk, &e), -ENODEV);
	assert_string_equal(e.text, "/dev/null: it is a character device, not a disk");
}

static void a_file_system_without_a_disk_is_refused_by_its_name(void **state)
{
	const struct sysfs *s = *state;
	struct disk disk;
	struct err e;

	assert_int_equal(disk_find(s->fd, "/proc/self/mountinfo", "/proc/self", &disk, &e), -ENODEV);
	assert_non_null(strstr(e.text, "it lies on proc, which has no disk"));
}

/* /proc has no device number either, so it can play the part of btrfs. */
static void a_file_system_with_a_number_of_its_own_is_on_what_it_was_mounted_from(void **state)
{
	struct sysfs *s = *state;
	struct disk disk;
	struct statx st;
	char line[256];
	struct err e;

	assert_int_equal(statx(AT_FDCWD, "/proc", 0, STATX_MNT_ID, &st), 0);
	snprintf(line, sizeof line, "%llu 1 0:50 /sub /proc rw - btrfs /dev/null rw,subvol=/sub\n",
		(unsigned long long)st.stx_mnt_id);
	fake_write(&s->fake, "mountinfo", line);
	assert_int_equal(disk_find(s->fd, s->fake.mountinfo, "/proc/self", &disk, &e), -ENODEV);
	assert_non_null(strstr(e.text, "it lies on btrfs")); /* /dev/null is no disk */
}

static void pages_and_their_files(void **state)
{
	const struct sysfs *s = *state;
	uint64_t pages[4];
	char name[64];

	assert_int_equal(hugetlb_pages(s->fd, pages, 4), 2);
	assert_true(pages[0] + pages[1] == (2ULL << 20) + (1ULL << 30));
	assert_string_equal(hugetlb_file(name, sizeof name, "hugetlb.%s.max", 2 << 20), "hugetlb.2MB.max");
	assert_string_equal(
		hugetlb_file(name, sizeof name, "hugetlb.%s.limit_in_bytes", 1ULL << 30), "hugetlb.1GB.limit_in_bytes");
	assert_string_equal(hugetlb_file(name, sizeof name, "hugetlb.%s.max", 64 << 10), "hugetlb.64KB.max");
	assert_string_equal(hugetlb_file(name, sizeof name, "hugetlb.%s.max", 16ULL << 30), "hugetlb.16GB.max");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_number_is_the_disk_and_a_partition_stands_for_its_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_disk_is_told_those_that_are_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_number_is_a_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_system_without_a_disk_is_refused_by_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_system_with_a_number_of_its_own_is_on_what_it_was_mounted_from, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_and_their_files, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("cage_disk", tests, NULL, NULL);
}
