/* Any record of the kernel's log: what is taken from it is text that may be printed, and within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cage/kmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
	for (size_t length; *text; text += length) {
		length = text_character(text);
		if (length == 0 || (unsigned char)*text < 0x20)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *record = malloc(size + 1);
	struct kmsg m;

	if (!record)
		return 0;
	memcpy(record, data, size);
	record[size] = '\0';
	if (kmsg_parse(record, &m) != m.kind)
		abort();
	check_text(m.name, sizeof m.name);
	check_text(m.group, sizeof m.group);
	check_text(m.limit_group, sizeof m.limit_group);
	if ((m.kind == KMSG_CHOSEN || m.kind == KMSG_KILLED) && m.pid <= 0)
		abort();
	free(record);
	return 0;
}
