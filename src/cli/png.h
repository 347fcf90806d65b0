/* PNG pictures, drawn by a program of its own, virtualing-png, which needs librsvg. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* fd: where the PNG goes. -ENOENT: this build has no such program. */
int png_write(int fd, const char *svg, size_t size, struct err *e);
