/* Any text as a number, a size, a share of CPU and a misspelt word; and what is read survives being printed. */
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_size(const char *text)
{
	uint64_t bytes, again;
	char printed[16];

	/* What is within half of a tenth of a T of 2^63 is printed as that, which does not fit in 63 bits. */
	if (parse_size(text, 1, &bytes) < 0 || bytes >= (1ULL << 63) - (1ULL << 40) / 20)
		return;
	if (parse_size(print_size(printed, sizeof printed, bytes), 1, &again) < 0)
		abort();
	if ((again > bytes ? again - bytes : bytes - again) > bytes / 20)
		abort(); /* half of a tenth, of at least one */
}

static void check_nearest(const char *text)
{
	static const char *const words[] = {"memory", "memory_high", "cpu", "io", "", NULL};
	const char *near = parse_nearest(text, words);

	for (const char *const *w = words; near && *w; w++)
		if (near == *w)
			return;
	if (near)
		abort();
}

static void check_tidy(char *text)
{
	text_tidy(text);
	for (size_t length; *text; text += length) {
		length = text_character(text);
		if (length == 0 || (unsigned char)*text < 0x20)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint64_t value = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (parse_number(text, 1000, &value) == 0 && value > 1000)
		abort();
	if (parse_cpu(text, &value) == 0 && value != SIZE_NO_LIMIT && (value < CPU_MIN_US || value > CPU_MAX_US))
		abort();
	check_size(text);
	check_nearest(text);
	check_tidy(text);
	free(text);
	return 0;
}
