/* Processes, held so that a reused pid can never be mistaken for them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* When the process started, in clock ticks since boot (/proc/PID/stat, field 22); 0 when there is no such process. */
uint64_t proc_start_time(pid_t pid);

pid_t proc_parent(pid_t pid); /* 0 when there is no such process, or the parent is not to be seen from here */

/* What a process calls itself (/proc/PID/comm), cut to what ret holds; "" when there is none. */
void proc_name(pid_t pid, char *ret, size_t size);
bool proc_is_kernel_thread(pid_t pid);
bool proc_is_zombie(pid_t pid); /* it has ended, and its parent has not asked how */
/* It ends or has ended, or there is none: it starts nobody any more, and what it shows of its groups means nothing. */
bool proc_is_ending(pid_t pid);

/* A number of /proc/PID/status, "RssAnon" (in KiB), "Tgid"; 0 when there is none. */
uint64_t proc_status_number(pid_t pid, const char *word);

/* The pid that a pidfd stands for, in our pid namespace (/proc/self/fdinfo, "Pid:"); -1 when it has been reaped. */
pid_t proc_pid_of(int pidfd);

/* Bytes that programs could still take without the host swapping (/proc/meminfo, MemAvailable); 0: not known. */
uint64_t proc_memory_available(void);

/* Our pages stay in memory from now on, each once it has been touched; not those of our children (mlockall(2)). Best
 * effort: where locked memory is limited nothing is, for a later allocation would fail. */
void proc_stay_in_memory(void);

/* Sends a signal through a pidfd. 0 also when the process is gone already. */
int proc_signal(int pidfd, int signal, struct err *e);

/* Where a program of ours is: beside our own executable, or in LIBEXECDIR. ret: PATH_MAX bytes. */
int proc_find_program(const char *name, char *ret, struct err *e);

/* Number of a signal by name, "TERM", "SIGTERM", "RTMIN+1", "15"; -EINVAL. */
int proc_signal_number(const char *text);
