#include "sys/borrow.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>

/* The child begins on an empty stack, where no return address lies: it must be led to its function at once. */
static long clone_and_run(struct clone_args *args, void (*run)(void *arg), void *arg)
{
#if defined __x86_64__
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), [run] "r"(run), [arg] "r"(arg)
			 : "rcx", "r11", "cc", "memory");
	return result;
#elif defined __aarch64__
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof *args;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[run]\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [run] "r"(run), [arg] "r"(arg)
			 : "cc", "memory");
	return x0;
#elif defined __riscv
	register long a7 __asm__("a7") = SYS_clone3;
	register long a0 __asm__("a0") = (long)args;
	register long a1 __asm__("a1") = sizeof *args;

	__asm__ volatile("ecall\n\t"
			 "bnez a0, 1f\n\t"
			 "mv a0, %[arg]\n\t"
			 "jalr %[run]\n\t"
			 "ebreak\n"
			 "1:"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), [run] "r"(run), [arg] "r"(arg)
			 : "memory");
	return a0;
#endif
}

pid_t borrow_clone(struct clone_args *args, void *stack, size_t size, void (*run)(void *arg), void *arg)
{
	long result;

	args->flags |= CLONE_VM | CLONE_VFORK;
	args->stack = (uintptr_t)stack;
	args->stack_size = size;
	result = clone_and_run(args, run, arg);
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return (pid_t)result;
}
