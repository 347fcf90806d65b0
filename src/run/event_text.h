/* An event of a virtual as people read it. */
#pragma once

#include <jansson.h>
#include <stdio.h>

enum event_stamp { EVENT_DAY, /* "2026-11-27 07:15:39.123 " */ EVENT_CLOCK /* "07:15:39.123 " */ };

/* name: of the virtual, or NULL. "2026-11-27 07:15:39.123 web grew: usage 64.0M, limit 96M, peak 64.0M", no newline.
 * What is foreign in it (names of processes) is as it came: tidy it for a terminal. */
void event_print(FILE *out, const json_t *event, enum event_stamp stamp, const char *name);

/* Of a kill ({"victims", "processes", "cause", "group", "group_limit"}) whom and why: " (eat, pid 123)", before_cause,
 * " by its own limit". What is not known is left out. */
void event_print_kill(FILE *out, const json_t *event, const char *before_cause);
