#include "load/gate.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/own.h"
#include "load/clock.h"

enum { STACK = 256 << 10, PAUSE_US = 100000 };

struct gate {
	struct listen_sockets sockets;
	void (*hand_on)(void *with, int fd, const struct sockaddr *from, socklen_t length);
	void *with;
	int closing; /* eventfd */
	pthread_t thread;
};

static void take_one(const struct gate *g, int socket)
{
	union listen_address from;
	socklen_t length = sizeof from;
	int fd = accept4(socket, &from.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		g->hand_on(g->with, fd, &from.any, length);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		usleep(PAUSE_US); /* it stays ready: others must end first */
}

static void *take_all(void *argument)
{
	const struct gate *g = argument;
	struct pollfd wanted[LISTEN_MAX + 1] = {{.fd = g->closing, .events = POLLIN}};
	nfds_t count = 1;

	for (size_t i = 0; i < g->sockets.count; i++)
		wanted[count++] = (struct pollfd){.fd = g->sockets.fds[i], .events = POLLIN};
	while (!wanted[0].revents) {
		if (poll(wanted, count, -1) < 0)
			continue;
		for (nfds_t i = 1; i < count; i++)
			if (wanted[i].revents)
				take_one(g, wanted[i].fd);
	}
	return NULL;
}

int gate_open(struct listen_sockets *sockets,
	void (*hand_on)(void *with, int fd, const struct sockaddr *from, socklen_t length), void *with,
	struct gate **ret, struct err *e)
{
	AUTO(free_drop) struct gate *g = calloc(1, sizeof *g);
	AUTO(fd_drop) int closing = eventfd(0, EFD_CLOEXEC);
	pthread_attr_t attributes;
	int r;

	if (!g || closing < 0)
		return err_sys(e, "prepare to take connections");
	*g = (struct gate){.sockets = *sockets, .hand_on = hand_on, .with = with, .closing = closing};
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	r = pthread_create(&g->thread, &attributes, take_all, g);
	pthread_attr_destroy(&attributes);
	errno = r;
	if (r)
		return err_sys(e, "start a thread that takes connections");
	fd_take(&closing);
	sockets->count = 0;
	*ret = g;
	g = NULL; /* the caller's */
	return 0;
}

bool gate_close(struct gate **g, unsigned timeout_ms)
{
	struct timespec until = clock_after(CLOCK_REALTIME, timeout_ms); /* the only clock that it knows */

	if (!*g)
		return true;
	eventfd_write((*g)->closing, 1);
	if (pthread_timedjoin_np((*g)->thread, NULL, &until) != 0)
		return false;
	fd_drop(&(*g)->closing);
	listen_close(&(*g)->sockets);
	free_drop(g);
	return true;
}
