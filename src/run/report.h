/* What init tells the supervisor: one struct report a message, on a SOCK_SEQPACKET socket. */
#pragma once

enum report_kind {
	REPORT_COMMAND, /* from init's predecessor, once: the command has been executed; its pidfd comes along */
	REPORT_STOPPED, /* the command was stopped by signal `value` */
	REPORT_ENDED,	/* the command ended with wait status `value` */
};

struct report {
	enum report_kind kind;
	int value;
};
