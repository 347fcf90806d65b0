/* Sizes of huge pages. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The sizes in bytes that the kernel has; at most max are written, their number is returned. sys: directory
 * descriptor of a mounted sysfs. */
size_t hugetlb_pages(int sys, uint64_t *pages, size_t max);

/* The name of a limit's file: pattern "hugetlb.%s.max", 2 MiB gives "hugetlb.2MB.max". Returns buffer. */
char *hugetlb_file(char *buffer, size_t size, const char *pattern, uint64_t page_bytes);
