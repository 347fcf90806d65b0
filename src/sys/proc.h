/* Processes, held so that a reused pid can never be mistaken for them. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* When the process started, in clock ticks since boot (/proc/PID/stat, field 22); 0 when there is no such process. */
uint64_t proc_start_time(pid_t pid);

/* The pid that a pidfd stands for, in our pid namespace (/proc/self/fdinfo, "Pid:"); -1 when it has been reaped. */
pid_t proc_pid_of(int pidfd);

/* Bytes that programs could still take without the host swapping (/proc/meminfo, MemAvailable); 0: not known. */
uint64_t proc_memory_available(void);

/* Sends a signal through a pidfd. 0 also when the process is gone already. */
int proc_signal(int pidfd, int signal, struct err *e);

/* Where a program of ours is: beside our own executable, or in LIBEXECDIR. ret: PATH_MAX bytes. */
int proc_find_program(const char *name, char *ret, struct err *e);

/* Number of a signal by name, "TERM", "SIGTERM", "15"; -EINVAL. */
int proc_signal_number(const char *text);
