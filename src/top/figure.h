/* Figures in few columns. All return the buffer, which takes FIGURE_TEXT bytes; "-" for what is not known. */
#pragma once

#include <stdint.h>

enum { FIGURE_TEXT = 32 };

/* At most five columns: "262K", "63.9M", "64M", "1.2G". */
const char *figure_size(char *buffer, uint64_t bytes);
/* "0", "0.3", "99.9", "1600"; negative: not known */
const char *figure_percent(char *buffer, double percent);
const char *figure_rate(char *buffer, double bytes_per_second); /* as figure_size */
const char *figure_count(char *buffer, uint64_t count);
const char *figure_time(char *buffer, uint64_t ms);		/* "1h02m", "3m07s", "12s"; at most six columns */
const char *figure_pressure(char *buffer, uint64_t hundredths); /* of a percent */
