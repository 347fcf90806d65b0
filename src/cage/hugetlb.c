#include "cage/hugetlb.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cage/form.h"

enum { PAGES_MAX = 16 };

size_t hugetlb_pages(int sys, uint64_t *pages, size_t max)
{
	int fd = openat(sys, "kernel/mm/hugepages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t count = 0;
	unsigned long long kilobytes;

	while (dir && (entry = readdir(dir)) && count < max)
		if (sscanf(entry->d_name, "hugepages-%llukB", &kilobytes) == 1)
			pages[count++] = kilobytes << 10;
	if (dir)
		closedir(dir);
	return count;
}

char *hugetlb_file(char *buffer, size_t size, const char *pattern, uint64_t page_bytes)
{
	static const char *const units[] = {"KB", "MB", "GB"};
	const char *place = strstr(pattern, "%s");
	uint64_t number = page_bytes >> 10;
	int unit = 0;

	for (; unit < 2 && number >= 1024; unit++)
		number >>= 10;
	snprintf(buffer, size, "%.*s%llu%s%s", (int)(place - pattern), pattern, (unsigned long long)number, units[unit],
		place + 2);
	return buffer;
}

/* "2M, 1G" */
static void list_pages(const uint64_t *pages, size_t count, char *text, size_t size)
{
	char number[24];
	size_t used = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", i ? ", " : "", print_size(number, sizeof number, pages[i]));
}

static void check_one(const struct limit_check *k, size_t i, const uint64_t *pages, size_t count)
{
	uint64_t page = k->limits->hugetlb[i].page_bytes;
	char number[24], known[128];

	print_size(number, sizeof number, page);
	for (size_t j = 0; j < i; j++)
		if (k->limits->hugetlb[j].page_bytes == page)
			faults_add(k->faults, "resource", "hugetlb", "pages of %s are limited twice", number);
	for (size_t j = 0; j < count; j++)
		if (pages[j] == page)
			return;
	list_pages(pages, count, known, sizeof known);
	faults_add(k->faults, "resource", "hugetlb", "this host has no huge pages of %s; its sizes are: %s", number,
		known);
}

static void check_pages(const struct limit_check *k)
{
	AUTO(fd_drop) int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t pages[PAGES_MAX];
	size_t count = hugetlb_pages(sys, pages, PAGES_MAX);

	for (size_t i = 0; i < k->limits->hugetlb_count; i++)
		check_one(k, i, pages, count);
}

static int apply_pages(struct cage *c, enum limit which, const struct limit_file *file, const struct cage_group *g,
	const struct limits *l, struct err *e)
{
	char name[64], text[32];

	for (size_t i = 0; i < l->hugetlb_count; i++) {
		struct limit_write w = {
			.which = which,
			.group = g,
			.file = hugetlb_file(name, sizeof name, file->file, l->hugetlb[i].page_bytes),
			.text = text,
			.device = "",
			.holds = file->form->holds,
		};
		int r;

		file->form->print(text, sizeof text, l->hugetlb[i].limit_bytes, l);
		r = apply_write(c, &w, e);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct limit_form form_hugetlb_v1 = {
	.print = print_bytes_v1, .holds = holds_bytes, .apply = apply_pages, .check = check_pages};
const struct limit_form form_hugetlb_v2 = {
	.print = print_number, .holds = holds_bytes, .apply = apply_pages, .check = check_pages};
