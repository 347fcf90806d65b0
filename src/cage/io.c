/* Limits of disks. v1 has a file for each kind, one device a line; v2 one file, one device a line, all kinds in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cage/disk.h"
#include "cage/form.h"

static const char *const v1_files[IO_KINDS] = {
	[IO_READ] = "blkio.throttle.read_bps_device",
	[IO_WRITE] = "blkio.throttle.write_bps_device",
	[IO_RIOPS] = "blkio.throttle.read_iops_device",
	[IO_WIOPS] = "blkio.throttle.write_iops_device",
};
static const char *const v2_words[IO_KINDS] = {
	[IO_READ] = "rbps",
	[IO_WRITE] = "wbps",
	[IO_RIOPS] = "riops",
	[IO_WIOPS] = "wiops",
};

/* ---- before ---- */

static const char *same_disk(const struct limits *l, const struct disk *disks, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (disks[j].major == disks[i].major && disks[j].minor == disks[i].minor)
			return l->io[j].path;
	return NULL;
}

static void check_disks(const struct limit_check *k)
{
	const struct limits *l = k->limits;
	AUTO(fd_drop) int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(free_drop) struct disk *disks = calloc(l->io_count, sizeof *disks);
	struct err e;

	if (!disks)
		abort();
	for (size_t i = 0; i < l->io_count; i++) {
		const char *twin;

		if (disk_find(sys, k->host->mountinfo, l->io[i].path, &disks[i], &e) < 0) {
			faults_add(k->faults, "resource", "io", "%s", e.text);
			continue;
		}
		twin = same_disk(l, disks, i);
		if (twin)
			faults_add(k->faults, "resource", "io",
				"%s and %s are on the same disk, %u:%u, which can have only one set of limits", twin,
				l->io[i].path, disks[i].major, disks[i].minor);
	}
}

static void check_v1(const struct limit_check *k)
{
	char text[320];

	check_disks(k);
	for (size_t i = 0; k->warn && i < k->limits->io_count; i++) {
		const uint64_t *value = k->limits->io[i].value;

		if ((value[IO_WRITE] == 0 || value[IO_WRITE] == SIZE_NO_LIMIT) &&
			(value[IO_WIOPS] == 0 || value[IO_WIOPS] == SIZE_NO_LIMIT))
			continue;
		snprintf(text, sizeof text,
			"io: %.80s: on cgroup v1 the write limit holds for direct and synchronous writes only; "
			"buffered writes go "
			"to the page cache at full speed, and when the kernel flushes them they are not counted for "
			"this cage",
			k->limits->io[i].path);
		k->warn(k->arg, text);
	}
}

/* ---- v1 ---- */

/* "254:0 1000" was written; the line of 254:0 says "1000". 0 takes the line away. */
static bool holds_v1(const char *wanted, const char *got, const struct limit_write *w)
{
	const char *value = strchr(wanted, ' ') + 1;

	return strcmp(value, got) == 0 || (strcmp(value, "0") == 0 && !got[0]);
}

static int apply_v1_disk(struct cage *c, struct limit_write *w, const uint64_t value[IO_KINDS], struct err *e)
{
	char text[64];

	for (int kind = 0; kind < IO_KINDS; kind++) {
		int r;

		if (value[kind] == 0)
			continue;
		snprintf(text, sizeof text, "%s %llu", w->device,
			value[kind] == SIZE_NO_LIMIT ? 0ULL : (unsigned long long)value[kind]);
		w->file = v1_files[kind];
		w->text = text;
		r = apply_write(c, w, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- v2 ---- */

/* Is the word "rbps=1000" among the words of got? No line at all means that everything is "max". */
static bool has_word(const char *got, const char *word, size_t length)
{
	if (!got[0])
		return length > 4 && strncmp(word + length - 4, "=max", 4) == 0;
	for (;;) {
		size_t end = strcspn(got, " ");

		if (end == length && strncmp(got, word, length) == 0)
			return true;
		if (!got[end])
			return false;
		got += end + 1;
	}
}

static bool holds_v2(const char *wanted, const char *got, const struct limit_write *w)
{
	const char *word = strchr(wanted, ' ');

	while (word) {
		size_t length = strcspn(++word, " ");

		if (!has_word(got, word, length))
			return false;
		word = strchr(word, ' ');
	}
	return true;
}

static int apply_v2_disk(struct cage *c, struct limit_write *w, const uint64_t value[IO_KINDS], struct err *e)
{
	char text[160], number[24];
	size_t used = (size_t)snprintf(text, sizeof text, "%s", w->device);

	for (int kind = 0; kind < IO_KINDS; kind++) {
		if (value[kind] == 0)
			continue;
		print_number(number, sizeof number, value[kind], NULL);
		used += (size_t)snprintf(text + used, sizeof text - used, " %s=%s", v2_words[kind], number);
	}
	w->file = "io.max";
	w->text = text;
	return apply_write(c, w, e);
}

/* ---- both ---- */

static int apply_disks(struct cage *c, struct limit_write *w, const struct limits *l,
	int (*apply)(struct cage *, struct limit_write *, const uint64_t[IO_KINDS], struct err *), struct err *e)
{
	AUTO(fd_drop) int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < l->io_count; i++) {
		char device[24];
		struct disk disk;
		int r = disk_find(sys, c->host->mountinfo, l->io[i].path, &disk, e);

		if (r < 0)
			return r;
		snprintf(device, sizeof device, "%u:%u", disk.major, disk.minor);
		w->device = device;
		r = apply(c, w, l->io[i].value, e);
		if (r < 0)
			return err_while(e, "%s", l->io[i].path);
	}
	return 0;
}

static int apply_v1(struct cage *c, enum limit which, const struct limit_file *file, const struct cage_group *g,
	const struct limits *l, struct err *e)
{
	struct limit_write w = {.which = which, .group = g, .holds = file->form->holds, .lacking = file->lacking};

	return apply_disks(c, &w, l, apply_v1_disk, e);
}

static int apply_v2(struct cage *c, enum limit which, const struct limit_file *file, const struct cage_group *g,
	const struct limits *l, struct err *e)
{
	struct limit_write w = {.which = which, .group = g, .holds = file->form->holds, .lacking = file->lacking};

	return apply_disks(c, &w, l, apply_v2_disk, e);
}

const struct limit_form form_io_v1 = {.holds = holds_v1, .apply = apply_v1, .check = check_v1};
const struct limit_form form_io_v2 = {.holds = holds_v2, .apply = apply_v2, .check = check_disks};
