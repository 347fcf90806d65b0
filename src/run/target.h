/* The files that a description names for us to write: a log, a report.
 *
 * They are looked at before anything is made.  A symbolic link is not followed, for the directory may belong to the
 * program, whose link would lead us anywhere.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/faults.h"

/* Why a file of this kind cannot be it ("is a directory"), or NULL. device: a character device can. */
const char *target_wrong_kind(mode_t mode, bool device);

/* What is wrong with it as far as can be seen without making it: faults with this key. path: absolute. */
void target_check(const char *path, const char *key, bool device, struct faults *f);
