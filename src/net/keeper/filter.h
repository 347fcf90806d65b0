/* Short socket filters (classic BPF): each check ends the filter or goes on, so no jump has to be counted.
 *
 * Loads turn big-endian words into the processor's order: a constant in network order needs ntohl(), one that the
 * kernel has put there in the host's order htonl().
 */
#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include "base/err.h"

#define FILTER_WORD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define FILTER_HALF(at) BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (at))
#define FILTER_BYTE(at) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (at))
#define FILTER_PASS BPF_STMT(BPF_RET | BPF_K, 0xffffffff)
#define FILTER_DROP BPF_STMT(BPF_RET | BPF_K, 0)
#define FILTER_PASS_IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), FILTER_PASS
#define FILTER_DROP_IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), FILTER_DROP
#define FILTER_DROP_UNLESS(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), FILTER_DROP

/* Of a netlink message whose attributes begin at `from`: A becomes the place of the first of this type, or 0. */
#define FILTER_FIND_ATTRIBUTE(from, type)                                        \
	BPF_STMT(BPF_LD | BPF_IMM, (from)), BPF_STMT(BPF_LDX | BPF_IMM, (type)), \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_NLATTR))
/* The word `at` bytes after the place in A. */
#define FILTER_WORD_AFTER(at) BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_IND, (at))

#define FILTER_ATTACH(fd, code) filter_attach(fd, code, sizeof(code) / sizeof(code)[0])

static inline int filter_attach(int fd, struct sock_filter *code, size_t length)
{
	struct sock_fprog program = {.len = (unsigned short)length, .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
