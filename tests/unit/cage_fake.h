/* A host with control groups, made of ordinary directories and files, and a mountinfo that points at them.
 *
 * The test programs are linked so that mkdirat and rmdir go through here: a new group gets the files that the kernel
 * would give it, and a group without groups below it can be removed although it has files.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cage/cage.h"

struct fake {
	char root[64];	     /* temporary directory */
	char mountinfo[128]; /* path of the file */
	char log[4096];	     /* undo lines ("G PATH", "D ROOT PATH") and groups made ("+ PATH"), one a line, in order */
	struct undo undo;    /* writes to the log; fails when fail_note is reached */
	int fail_note;	     /* the number of the note that fails, from 1; 0: none */
	int notes;
};

/* trees: "v1 memory", "v1 cpu,cpuacct", "v2 memory io", "v1 ro pids", NULL at the end. The tree of "v1 cpu,cpuacct" is
 * ROOT/cpu,cpuacct, that of v2 ROOT/unified. */
void fake_open(struct fake *f, const char *const *trees);
void fake_close(struct fake *f);

struct cage_host *fake_host(struct fake *f); /* the caller drops it */
void fake_write(const struct fake *f, const char *path, const char *text);
void fake_unlink(const struct fake *f, const char *path);
void fake_mkdir(const struct fake *f, const char *path); /* as another process: not logged */
bool fake_has(const struct fake *f, const char *path);
/* Fails with both texts if the file does not hold this. */
#define fake_expect(f, path, text) fake_compare(f, path, text, __FILE__, __LINE__)
void fake_compare(const struct fake *f, const char *path, const char *text, const char *file, int line);
