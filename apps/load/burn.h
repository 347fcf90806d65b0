/* Keeps one CPU busy. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Computes for so long by the clock, or until *stop is true.  Returns how much CPU time the thread got meanwhile, in
 * microseconds: less than the clock says where a limit acts or others are at work. */
uint64_t burn_cpu(uint64_t for_ms, const atomic_bool *stop);
