/* The system-call filter. */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

#include "base/err.h"

/* The default one, composed while building (filter_gen.c). Static. */
const struct sock_filter *filter_standard(size_t *ret_count);

/* Reads struct sock_filter[] from a file: a multiple of 8 bytes, at most 4096 instructions. *ret: from malloc. */
int filter_read(const char *path, struct sock_filter **ret, size_t *ret_count, struct err *e);

/* Puts it over the calling thread, for good. Needs no_new_privs. */
int filter_install(const struct sock_filter *code, size_t count, struct err *e);
