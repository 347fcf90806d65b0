/* How the value of a limit becomes the text of a kernel file, and what the kernel may answer for it to hold. */
#pragma once

#include "base/faults.h"
#include "cage/inner.h"

/* A question to a limit before anything is made. */
struct limit_check {
	const struct cage_host *host;
	const struct limits *limits;
	enum limit which;
	const struct limit_file *file;
	struct faults *faults;
	void (*warn)(void *arg, const char *text); /* may be NULL */
	void *arg;
};

struct limit_form {
	/* The text to write for a value. */
	void (*print)(char *text, size_t size, uint64_t value, const struct limits *l);
	/* Does the text that was read (for a disk: its line, without the number of the disk) say what was written? */
	bool (*holds)(const char *wanted, const char *got, const struct limit_write *w);
	uint64_t (*slack)(void); /* bytes that rounding may cost; NULL: none */
	/* Lists: writes all of it; NULL: one value, one file, by print and holds. */
	int (*apply)(struct cage *c, enum limit which, const struct limit_file *file, const struct cage_group *g,
		const struct limits *l, struct err *e);
	/* What else can be wrong; may be NULL. */
	void (*check)(const struct limit_check *k);
};

/* scalars (form.c) */
extern const struct limit_form form_number;	 /* "5", "max" */
extern const struct limit_form form_quota_v1;	 /* "30000", "-1" */
extern const struct limit_form form_quota_v2;	 /* "30000 100000", "max 100000" */
extern const struct limit_form form_shares;	 /* weight 100 is 1024 shares */
extern const struct limit_form form_size_v1;	 /* bytes, "-1" */
extern const struct limit_form form_size_v2;	 /* bytes, "max" */
extern const struct limit_form form_memory_swap; /* v1: memory and swap together */
extern const struct limit_form form_cpus;

/* lists */
extern const struct limit_form form_io_v1, form_io_v2;		 /* io.c */
extern const struct limit_form form_hugetlb_v1, form_hugetlb_v2; /* hugetlb.c */

void print_bytes_v1(char *text, size_t size, uint64_t value, const struct limits *l);
void print_number(char *text, size_t size, uint64_t value, const struct limits *l);
bool holds_bytes(const char *wanted, const char *got, const struct limit_write *w);
