/* The table of state and event: no holes where something must happen, and the documentation shows it as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/virtual.h"

static const char *cell(enum virtual_state s, enum virtual_event e)
{
	return virtual_table_cell(s, e);
}

static void a_virtual_with_a_child_reacts_to_its_end(void **state)
{
	for (enum virtual_state s = VIRTUAL_STARTING; s <= VIRTUAL_CLEARING; s++)
		if (!*cell(s, EVENT_ENDED))
			fail_msg("nothing happens when the child ends while %s", virtual_state_names[s]);
}

static void a_virtual_can_be_stopped_as_long_as_it_is_not_being_cleared(void **state)
{
	for (enum virtual_state s = VIRTUAL_ADDRESSING; s <= VIRTUAL_STOPPING; s++)
		if (!*cell(s, EVENT_STOP))
			fail_msg("a stop is lost while %s", virtual_state_names[s]);
}

static void a_virtual_that_is_gone_does_nothing(void **state)
{
	for (int e = 0; e < VIRTUAL_EVENTS; e++)
		assert_string_equal(cell(VIRTUAL_GONE, (enum virtual_event)e), "");
}

static void every_state_and_event_has_a_name(void **state)
{
	for (int s = 0; s < VIRTUAL_STATES; s++)
		assert_non_null(virtual_state_names[s]);
	for (int e = 0; e < VIRTUAL_EVENTS; e++)
		assert_non_null(virtual_event_names[e]);
}

/* The table as HACKING.md has it. */
static void print_table(FILE *out)
{
	fputs("| |", out);
	for (int e = 0; e < VIRTUAL_EVENTS; e++)
		fprintf(out, " %s |", virtual_event_names[e]);
	fputs("\n|---|", out);
	for (int e = 0; e < VIRTUAL_EVENTS; e++)
		fputs("---|", out);
	for (int s = 0; s < VIRTUAL_STATES; s++) {
		fprintf(out, "\n| %s |", virtual_state_names[s]);
		for (int e = 0; e < VIRTUAL_EVENTS; e++)
			fprintf(out, " %s |", cell((enum virtual_state)s, (enum virtual_event)e));
	}
	fputc('\n', out);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!f || !text)
		fail_msg("cannot read %s", path);
	if (fread(text, 1, (1 << 20) - 1, f) == 0)
		fail_msg("%s is empty", path);
	fclose(f);
	return text;
}

static void the_documentation_shows_the_table_as_it_is(void **state)
{
	char *documentation = read_file(SOURCE_ROOT "/HACKING.md");
	char *table = NULL;
	size_t size;
	FILE *out = open_memstream(&table, &size);

	print_table(out);
	fclose(out);
	if (!strstr(documentation, table))
		fail_msg("HACKING.md lacks this table:\n%s", table);
	free(table);
	free(documentation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_virtual_with_a_child_reacts_to_its_end),
		cmocka_unit_test(a_virtual_can_be_stopped_as_long_as_it_is_not_being_cleared),
		cmocka_unit_test(a_virtual_that_is_gone_does_nothing),
		cmocka_unit_test(every_state_and_event_has_a_name),
		cmocka_unit_test(the_documentation_shows_the_table_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
