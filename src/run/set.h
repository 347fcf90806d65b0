/* Changing limits of a running virtual: all or nothing. */
#pragma once

#include <jansson.h>

#include "cage/cage.h"
#include "run/memory.h"
#include "spec/spec.h"

/* resource: as in a description, limits only. s: what is in force; changed when it returns 0. m: may be NULL.
 * -EINVAL: the values are wrong; -EBUSY: the memory cannot be lowered so far without a kill; -ENOMEM: it would rise
 * into the host's reserve (:grow); others from the kernel.  force: neither of the two is looked at. */
int set_limits(struct cage *c, struct spec *s, struct memory *m, const json_t *resource, bool force, struct err *e);
