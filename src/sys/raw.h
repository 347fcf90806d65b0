/* System calls without libc: no errno, no thread-local memory, nothing but registers.
 *
 * For code that runs where libc's own state is not its own: init, which is a program without libc, and a process that
 * shares the memory of its running parent.  The result is the kernel's: -errno on failure.
 *
 * Source: syscall(2), "Architecture calling conventions".
 */
#pragma once

#if defined __x86_64__

static inline long raw_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* A call that starts a process on a stack of its own in our memory, clone(2) or clone3(2): the child runs the function,
 * which does not return.  On its empty stack lies no return address, so it must be led there at once. */
static inline long raw_borrow(long number, long a, long b, long c, void (*run)(void *arg), void *arg)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), [run] "r"(run), [arg] "r"(arg)
			 : "rcx", "r11", "cc", "memory");
	return result;
}

/* The first instructions of a program without libc: its function gets the kernel's first stack, argc and then argv. */
#define RAW_START(function) __asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tcall " #function "\n\tud2\n");

#elif defined __aarch64__

static inline long raw_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}

static inline long raw_borrow(long number, long a, long b, long c, void (*run)(void *arg), void *arg)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[run]\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [run] "r"(run), [arg] "r"(arg)
			 : "cc", "memory");
	return x0;
}

#define RAW_START(function) __asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl " #function "\n\tbrk #1\n");

#elif defined __riscv && __riscv_xlen == 64

static inline long raw_call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
	return a0;
}

static inline long raw_borrow(long number, long a, long b, long c, void (*run)(void *arg), void *arg)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = 0;
	register long a4 __asm__("a4") = 0;

	__asm__ volatile("ecall\n\t"
			 "bnez a0, 1f\n\t"
			 "mv a0, %[arg]\n\t"
			 "jalr %[run]\n\t"
			 "ebreak\n"
			 "1:"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), [run] "r"(run), [arg] "r"(arg)
			 : "memory");
	return a0;
}

#define RAW_START(function) __asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall " #function "\n\tebreak\n");

#else
#error "This processor is not known yet: it needs a few lines in sys/raw.h"
#endif

static inline long raw_call(long number, long a, long b, long c, long d, long e)
{
	return raw_call6(number, a, b, c, d, e, 0);
}
