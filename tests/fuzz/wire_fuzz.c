/* Any bytes from the other end of a control socket, in pieces whose lengths are the input's first bytes. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LENGTHS = 4 };

/* Takes whatever is complete; -EPROTO for a line is no reason to stop. */
static void take_messages(struct wire *w)
{
	json_t *message;
	struct err e;
	int r;

	while ((r = wire_next(w, &message, &e)) != 0) {
		if (r > 0 && !json_is_object(message))
			abort();
		if (r < 0 && (r != -EPROTO || !*e.text))
			abort();
		if (r > 0)
			json_decref(message);
	}
	if (w->used > w->size || w->size > WIRE_MAX || w->seen != w->used)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire w;
	struct err e;
	int fds[2];
	int r;

	if (size <= LENGTHS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	wire_init(&w, fds[0]);
	for (size_t at = LENGTHS, piece = 0; at < size; piece++) {
		size_t length = (size_t)data[piece % LENGTHS] + 1;

		if (length > size - at)
			length = size - at;
		if (write(fds[1], data + at, length) != (ssize_t)length)
			abort();
		at += length;
		while ((r = wire_fill(&w, &e)) == 1)
			take_messages(&w);
		if (r < 0)
			abort();
	}
	close(fds[1]);
	while ((r = wire_fill(&w, &e)) >= 0) /* 0: a signal of the fuzzer's clock came in between, here or above */
		take_messages(&w);
	if (r != -EPIPE)
		abort();
	wire_drop(&w);
	return 0;
}
