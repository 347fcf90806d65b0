#include "top/figure.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/parse.h"

const char *figure_size(char *buffer, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	int unit = 0;

	if (bytes == UINT64_MAX) {
		snprintf(buffer, FIGURE_TEXT, "-");
		return buffer;
	}
	while (value >= 999.5) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(buffer, FIGURE_TEXT, bytes ? "%.0fB" : "0", value);
	else if (value < 99.95 && (uint64_t)(value * 10 + 0.5) % 10)
		snprintf(buffer, FIGURE_TEXT, "%.1f%c", value, units[unit]);
	else
		snprintf(buffer, FIGURE_TEXT, "%.0f%c", value, units[unit]);
	return buffer;
}

const char *figure_percent(char *buffer, double percent)
{
	if (percent < 0)
		snprintf(buffer, FIGURE_TEXT, "-");
	else if (percent < 0.05)
		snprintf(buffer, FIGURE_TEXT, "0");
	else
		snprintf(buffer, FIGURE_TEXT, percent < 99.95 ? "%.1f" : "%.0f", percent);
	return buffer;
}

const char *figure_rate(char *buffer, double bytes_per_second)
{
	return figure_size(buffer, bytes_per_second < 0 ? UINT64_MAX : (uint64_t)bytes_per_second);
}

const char *figure_count(char *buffer, uint64_t count)
{
	if (count == UINT64_MAX)
		snprintf(buffer, FIGURE_TEXT, "-");
	else
		snprintf(buffer, FIGURE_TEXT, "%" PRIu64, count);
	return buffer;
}

const char *figure_time(char *buffer, uint64_t ms)
{
	if (ms != UINT64_MAX)
		return print_time(buffer, FIGURE_TEXT, ms);
	snprintf(buffer, FIGURE_TEXT, "-");
	return buffer;
}

const char *figure_pressure(char *buffer, uint64_t hundredths)
{
	return figure_percent(buffer, hundredths == UINT64_MAX ? -1 : (double)hundredths / 100);
}
