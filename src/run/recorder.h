/* Records a virtual: looks at its cage ten times a second (four, once it has been still for two seconds) and
 * at each event, and writes what has changed.
 *
 * recorder_open before anything is made, recorder_start once it runs, recorder_drop before its cage is.  All but
 * recorder_open take NULL for a virtual that is not recorded: then there is no look, and no wake-up.
 */
#pragma once

#include <jansson.h>

#include "base/undo.h"
#include "cage/cage.h"
#include "spec/spec.h"
#include "sys/loop.h"

struct recorder;

/* Checks the file that the description names, and takes its room on the disk. *ret stays NULL if it names none. */
int recorder_open(struct loop *l, const struct spec *s, const char *host_kind, struct undo *u, struct recorder **ret,
	struct err *e);

/* The file gets its name. cage: borrowed. */
int recorder_start(struct recorder *r, const struct cage *c, struct err *e);
void recorder_event(struct recorder *r, const json_t *event);
void recorder_drop(struct recorder **r); /* with a last look */
