/* clone3(2) for a child that borrows its parent's memory, as after vfork(2).
 *
 * Copying page tables is the dearest step of starting a process, and each page that is written afterwards is copied as
 * well; a child that soon executes something else needs none of that.  What it writes into its parent's memory its
 * parent finds there: an error comes back like that of any function.
 *
 * The caller sleeps until the child has executed a program or is gone, and only SIGKILL wakes it before.  Meanwhile the
 * child must not allocate, nor take locks of libc; its descriptors, signal dispositions and working directory are its
 * own.  The kernel's OOM killer does not choose it (mm/oom_kill.c, in_vfork), but whoever kills all of a group kills
 * its parent with it: nobody else may be in the child's group, and nothing that could trace it may run, before it
 * executes.
 */
#pragma once

#include <linux/sched.h>
#include <stddef.h>
#include <sys/types.h>

/* args: flags and what belongs to them; CLONE_VM, CLONE_VFORK and the stack are filled in.  run: does not return.
 * stack: its lowest byte, aligned to 16.  Returns the child's pid, or -1 and errno. */
pid_t borrow_clone(struct clone_args *args, void *stack, size_t size, void (*run)(void *arg), void *arg);
