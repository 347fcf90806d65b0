#include "load/burn.h"

#include <time.h>

#include "load/clock.h"

enum { ROUNDS = 20000 }; /* some 10 us between two looks at the clock */

uint64_t burn_cpu(uint64_t for_ms, const atomic_bool *stop)
{
	uint64_t end_us = clock_us(CLOCK_MONOTONIC) + for_ms * 1000;
	uint64_t before_us = clock_us(CLOCK_THREAD_CPUTIME_ID);

	while (clock_us(CLOCK_MONOTONIC) < end_us && !atomic_load(stop))
		for (unsigned i = 0; i < ROUNDS; i++)
			__asm__ volatile("" : : "r"(i)); /* or the loop would be left out */
	return clock_us(CLOCK_THREAD_CPUTIME_ID) - before_us;
}
