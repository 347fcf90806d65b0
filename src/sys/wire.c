#include "sys/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "sys/loop.h"

void wire_init(struct wire *w, int fd)
{
	*w = (struct wire){.fd = fd};
}

void wire_drop(struct wire *w)
{
	fd_drop(&w->fd);
	free(w->buffer);
	w->buffer = NULL;
	w->used = w->size = w->seen = 0;
}

static int wait_for(int fd, short events, int timeout_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r;

	while ((r = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_sys(e, "wait for the other side");
	if (r == 0)
		return err_set(e, ETIMEDOUT, "the other side does not answer");
	return 0;
}

/* A local socket whose other end was closed with something unread in it says ECONNRESET once, and EPIPE only then. */
static int lost(struct err *e, const char *what)
{
	if (errno == ECONNRESET || errno == EPIPE)
		return err_set(e, EPIPE, "the other side has closed the connection");
	return err_sys(e, "%s a message", what);
}

int wire_send(struct wire *w, const json_t *message, int timeout_ms, struct err *e)
{
	AUTO(free_drop) char *text = json_dumps(message, JSON_COMPACT);
	int64_t end = (int64_t)loop_now_ms() + timeout_ms;
	size_t length, sent = 0;

	if (!text)
		return err_set(e, ENOMEM, "encode a message: out of memory");
	length = strlen(text);
	if (length >= WIRE_MAX)
		return err_set(e, EMSGSIZE, "message longer than %d bytes", WIRE_MAX);
	text[length++] = '\n'; /* in the place of its NUL */
	while (sent < length) {
		ssize_t n = send(w->fd, text + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			int64_t left = end - (int64_t)loop_now_ms();
			int r = wait_for(w->fd, POLLOUT, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0, e);
			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return lost(e, "send");
		}
	}
	return 0;
}

static int grow(struct wire *w, struct err *e)
{
	size_t size = w->size ? w->size * 2 : 4096;
	char *buffer;

	if (size > WIRE_MAX)
		return err_set(e, EMSGSIZE, "message longer than %d bytes", WIRE_MAX);
	buffer = realloc(w->buffer, size);
	if (!buffer)
		return err_set(e, ENOMEM, "receive a message: out of memory");
	w->buffer = buffer;
	w->size = size;
	return 0;
}

int wire_fill(struct wire *w, struct err *e)
{
	ssize_t n;

	if (w->used == w->size) {
		int r = grow(w, e);
		if (r < 0)
			return r;
	}
	n = recv(w->fd, w->buffer + w->used, w->size - w->used, MSG_DONTWAIT);
	if (n > 0) {
		w->used += (size_t)n;
		return 1;
	}
	if (n == 0)
		return err_set(e, EPIPE, "the other side has closed the connection");
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return lost(e, "receive");
}

int wire_next(struct wire *w, json_t **ret, struct err *e)
{
	char *end;
	json_t *message;
	json_error_t why;
	size_t length;

	if (w->used == w->seen)
		return 0;
	end = memchr(w->buffer + w->seen, '\n', w->used - w->seen);
	if (!end) {
		w->seen = w->used;
		return 0;
	}
	length = (size_t)(end - w->buffer);
	message = json_loadb(w->buffer, length, JSON_REJECT_DUPLICATES, &why);
	w->used -= length + 1;
	w->seen = 0;
	memmove(w->buffer, end + 1, w->used);
	if (!message)
		return err_set(e, EPROTO, "message is not JSON: %s", why.text);
	if (!json_is_object(message)) {
		json_decref(message);
		return err_set(e, EPROTO, "message is not a JSON object");
	}
	*ret = message;
	return 1;
}

int wire_receive(struct wire *w, int timeout_ms, json_t **ret, struct err *e)
{
	for (;;) {
		int r = wire_next(w, ret, e);

		if (r != 0)
			return r < 0 ? r : 0;
		r = wait_for(w->fd, POLLIN, timeout_ms, e);
		if (r < 0)
			return r;
		r = wire_fill(w, e);
		if (r < 0)
			return r;
	}
}

int wire_call(struct wire *w, const json_t *request, int timeout_ms, json_t **ret, struct err *e)
{
	const char *text;
	int r;

	*ret = NULL;
	r = wire_send(w, request, timeout_ms, e);
	if (r == 0)
		r = wire_receive(w, timeout_ms, ret, e);
	if (r < 0)
		return r;
	if (json_is_true(json_object_get(*ret, "ok")))
		return 0;
	text = json_string_value(json_object_get(*ret, "error"));
	return err_set(e, EREMOTEIO, "%s", text ? text : "refused without a reason");
}
