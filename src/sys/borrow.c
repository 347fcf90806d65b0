#include "sys/borrow.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "sys/raw.h"

pid_t borrow_clone(struct clone_args *args, void *stack, size_t size, void (*run)(void *arg), void *arg)
{
	long result;

	args->flags |= CLONE_VM | CLONE_VFORK;
	args->stack = (uintptr_t)stack;
	args->stack_size = size;
	result = raw_borrow(SYS_clone3, (long)args, sizeof *args, 0, run, arg);
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return (pid_t)result;
}
