/* Inside of vip.c, for tests: the same with the program of the caller's choice. */
#pragma once

#include "net/vip.h"

/* Descriptor 3 of the program is its end of a SOCK_SEQPACKET socket; one message is one line. */
int vip_start_program(const char *program, const struct vip *v, struct undo *u, struct vip_keeper *ret, struct err *e);
int vip_undo_program(const char *program, const char *address, const char *device, struct err *e);
