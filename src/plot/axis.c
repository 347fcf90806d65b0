#include "plot/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct scale {
	double from; /* the axis' end is at least this */
	double divisor;
	const char *word, *rate_word;
};

static const struct scale byte_scales[] = {{1024.0 * 1024 * 1024 * 1024, 1024.0 * 1024 * 1024 * 1024, "TiB", "TiB/s"},
	{1024.0 * 1024 * 1024, 1024.0 * 1024 * 1024, "GiB", "GiB/s"}, {1024.0 * 1024, 1024.0 * 1024, "MiB", "MiB/s"},
	{1024, 1024, "KiB", "KiB/s"}, {0, 1, "B", "B/s"}};

static const struct scale time_scales[] = {{2 * 86400.0, 86400, "d", ""}, {3 * 3600.0, 3600, "h", ""},
	{180, 60, "min", ""}, {1, 1, "s", ""}, {0, 1e-3, "ms", ""}};

/* In seconds: what reads well on a clock. Beyond: days by 1, 2, 5. */
static const double time_steps[] = {
	1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};

static const struct scale *find_scale(const struct scale *list, double value)
{
	while (list->from > 0 && value < list->from)
		list++;
	return list;
}

/* The least of 1, 2, 5 times a power of ten that is not below. */
static double round_step(double least)
{
	double power = pow(10, floor(log10(least)));

	for (int i = 0; i < 3; i++)
		if (power * (double[]){1, 2, 5}[i] >= least * 0.999999)
			return power * (double[]){1, 2, 5}[i];
	return power * 10;
}

static double time_step(double least)
{
	if (least <= 1)
		return round_step(least);
	for (size_t i = 0; i < sizeof time_steps / sizeof *time_steps; i++)
		if (time_steps[i] >= least * 0.999999)
			return time_steps[i];
	return round_step(least / 86400) * 86400;
}

static int decimals_of(double step)
{
	int n = 0;

	while (n < 3 && fabs(step - round(step)) > 1e-6 * step) {
		step *= 10;
		n++;
	}
	return n;
}

struct axis axis_make(enum axis_unit unit, double low, double high, int ticks, int round_up)
{
	struct axis a = {.unit = unit, .low = low, .high = high > low ? high : low + 1, .divisor = 1, .word = "%"};
	const struct scale *s = NULL;
	double least = (a.high - a.low) / (ticks > 0 ? ticks : 1);

	if (unit == AXIS_SECONDS)
		s = find_scale(time_scales, a.high - a.low);
	else if (unit != AXIS_PERCENT)
		s = find_scale(byte_scales, a.high);
	if (s) {
		a.divisor = s->divisor;
		a.word = unit == AXIS_BYTES_A_SECOND ? s->rate_word : s->word;
	}
	a.step = unit == AXIS_SECONDS ? time_step(least) : round_step(least / a.divisor) * a.divisor;
	a.decimals = decimals_of(a.step / a.divisor);
	if (round_up)
		a.high = ceil(a.high / a.step - 1e-9) * a.step;
	return a;
}

double axis_first_tick(const struct axis *a)
{
	return ceil(a->low / a->step - 1e-9) * a->step;
}

char *axis_label(const struct axis *a, double value, char *buffer, size_t size)
{
	if (fabs(value) < a->step * 1e-6)
		snprintf(buffer, size, "0");
	else
		snprintf(buffer, size, "%.*f %s", a->decimals, value / a->divisor, a->word);
	return buffer;
}

static char *print_time(double seconds, char *buffer, size_t size)
{
	unsigned long long whole = (unsigned long long)(seconds + 0.5);

	if (seconds < 1)
		snprintf(buffer, size, "%.0f ms", seconds * 1000);
	else if (seconds < 100)
		snprintf(buffer, size, "%.1f s", seconds);
	else if (whole < 3600)
		snprintf(buffer, size, "%llu min %llu s", whole / 60, whole % 60);
	else
		snprintf(buffer, size, "%llu h %llu min", whole / 3600, whole % 3600 / 60);
	return buffer;
}

char *axis_amount(enum axis_unit unit, double value, char *buffer, size_t size)
{
	const struct scale *s;

	if (unit == AXIS_SECONDS)
		return print_time(value, buffer, size);
	if (unit == AXIS_PERCENT) {
		snprintf(buffer, size, "%.0f %%", value);
		return buffer;
	}
	s = find_scale(byte_scales, value);
	value /= s->divisor;
	snprintf(buffer, size, "%.*f %s", value < 999.95 && fabs(value - round(value)) >= 0.05 ? 1 : 0, value,
		unit == AXIS_BYTES ? s->word : s->rate_word);
	return buffer;
}
