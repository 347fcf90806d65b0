/* Changing limits of a running virtual: all or nothing. */
#pragma once

#include <jansson.h>

#include "cage/cage.h"
#include "run/memory.h"
#include "spec/spec.h"

/* resource: as in a description, limits only. s: what is in force; changed when it returns 0. m: may be NULL.
 * -EINVAL: the values are wrong; -EBUSY: the memory cannot be lowered so far without a kill; others from the kernel. */
int set_limits(struct cage *c, struct spec *s, struct memory *m, const json_t *resource, struct err *e);
