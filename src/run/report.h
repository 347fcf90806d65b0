/* What the supervisor and init say to each other, on a SOCK_SEQPACKET socket. */
#pragma once

#include <stdint.h>

#include "jail/execute.h"

/* To init, once, before it is there: what it cannot see for itself. */
struct order {
	uint64_t mask; /* the command's blocked signals, a bit each */
	uint64_t deaf; /* 1: signals are not passed on */
};

enum report_kind {
	REPORT_STARTED, /* the command has been executed; its pidfd comes along */
	REPORT_FAILED,	/* it has not: `why` says why, or `value` is the errno of its clone */
	REPORT_STOPPED, /* the command was stopped by signal `value` */
	REPORT_ENDED,	/* the command ended with wait status `value` */
};

struct report { /* from init */
	enum report_kind kind;
	int value;
	struct execution why;
};
