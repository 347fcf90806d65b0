/* System calls without libc: no errno, no thread-local memory, nothing but registers.
 *
 * For code that runs where libc's own state is not its own: init, which is a program without libc, and a process that
 * shares the memory of its running parent.  The result is the kernel's: -errno on failure.
 *
 * Source: syscall(2), "Architecture calling conventions".
 */
#pragma once

#if defined __x86_64__

static inline long raw_call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined __aarch64__

static inline long raw_call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

#elif defined __riscv && __riscv_xlen == 64

static inline long raw_call(long number, long a, long b, long c, long d, long e)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
	return a0;
}

#else
#error "This processor is not known yet: it needs a few lines in sys/raw.h, sys/borrow.c and run/init/main.c"
#endif
