#include "load/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

enum { PORT_MAX = 65535, BACKLOG = 1024 };

static const char form[] = "wanted is ADDRESS:PORT, as localhost:8080, :8080, 192.0.2.1:8080 or [::1]:8080, or a port";

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static void both(struct listen *l, const struct in_addr v4, const struct in6_addr v6, in_port_t port)
{
	*l = (struct listen){.count = 2};
	l->addresses[0].v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = v4, .sin_port = port};
	l->addresses[1].v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = v6, .sin6_port = port};
}

static int numeric(const char *host, in_port_t port, struct listen *l)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return -EINVAL;
	*l = (struct listen){.count = 1};
	memcpy(&l->addresses[0], found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (l->addresses[0].any.sa_family == AF_INET6)
		l->addresses[0].v6.sin6_port = port;
	else
		l->addresses[0].v4.sin_port = port;
	return 0;
}

/* Parts "[host]:port", "host:port", "port"; brackets are for IPv6, whose addresses have colons of their own. */
static int split(const char *text, char host[LISTEN_TEXT], bool *bracketed, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;

	*bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	*port = colon ? colon + 1 : text;
	if (*bracketed) {
		text++;
		length -= 2;
	}
	if (length >= LISTEN_TEXT)
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (*bracketed != (strchr(host, ':') != NULL))
		return -EINVAL;
	return colon || is_number(text) ? 0 : -EINVAL;
}

int listen_parse(const char *text, struct listen *ret, struct err *e)
{
	char host[LISTEN_TEXT];
	const char *port_text;
	uint64_t number;
	bool bracketed;
	in_port_t port;

	if (split(text, host, &bracketed, &port_text) < 0)
		return err_set(e, EINVAL, "%s: %s", text, form);
	if (parse_number(port_text, PORT_MAX, &number) < 0)
		return err_set(e, EINVAL, "%s: the port is a number from 0 to %d", text, PORT_MAX);
	port = htons((in_port_t)number);
	if (strcmp(host, "localhost") == 0 || port_text == text)
		both(ret, (struct in_addr){htonl(INADDR_LOOPBACK)}, in6addr_loopback, port);
	else if (!*host)
		both(ret, (struct in_addr){htonl(INADDR_ANY)}, in6addr_any, port);
	else if (numeric(host, port, ret) < 0)
		return err_set(e, EINVAL,
			"%s: %s is no address of numbers, and no other name than localhost is looked up", text, host);
	return 0;
}

static socklen_t length_of(const union listen_address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

static in_port_t *port_of(union listen_address *a)
{
	return a->any.sa_family == AF_INET6 ? &a->v6.sin6_port : &a->v4.sin_port;
}

static char *print(const union listen_address *a, char buffer[LISTEN_TEXT])
{
	char host[LISTEN_TEXT - 10], port[8];

	if (getnameinfo(&a->any, length_of(a), host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
		0)
		snprintf(buffer, LISTEN_TEXT, "?");
	else
		snprintf(buffer, LISTEN_TEXT, a->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return buffer;
}

static int explain(union listen_address *a, struct err *e)
{
	char text[LISTEN_TEXT];
	int code = errno;
	unsigned port = ntohs(*port_of(a));

	print(a, text);
	errno = code;
	err_sys(e, "listen on %s", text);
	if (code == EADDRINUSE)
		return err_set(e, code,
			"port %u is in use at %s: choose another one with --listen, or see who has it: ss -ltnp 'sport "
			"= :%u'",
			port, text, port);
	if (code == EADDRNOTAVAIL)
		return err_set(e, code, "this host has no address %s: see `ip address`", text);
	if (code == EACCES)
		return err_set(e, code,
			"port %u is for root or CAP_NET_BIND_SERVICE: choose one above 1023 with --listen", port);
	return -code;
}

static int open_one(union listen_address *a, int *ret, struct err *e)
{
	AUTO(fd_drop) int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = length_of(a);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return explain(a, e);
	/* Each family has its own socket, also where the other one's would take its clients. */
	if (a->any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return explain(a, e);
	if (bind(fd, &a->any, length) < 0 || listen(fd, BACKLOG) < 0)
		return explain(a, e);
	if (getsockname(fd, &a->any, &length) < 0)
		return explain(a, e);
	*ret = fd_take(&fd);
	return 0;
}

static bool is_missing(int r)
{
	return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT;
}

int listen_open(const struct listen *l, struct listen_sockets *ret, struct err *e)
{
	struct listen own = *l;
	int r = 0;

	ret->count = 0;
	for (size_t i = 0; i < own.count; i++) {
		r = open_one(&own.addresses[i], &ret->fds[ret->count], e);
		if (r < 0 && !(is_missing(r) && own.count > 1)) {
			listen_close(ret);
			return r;
		}
		ret->count += r == 0;
		if (r == 0 && i + 1 < own.count) /* the port that the kernel chose, for the other one too */
			*port_of(&own.addresses[i + 1]) = *port_of(&own.addresses[i]);
	}
	return ret->count ? 0 : r;
}

void listen_close(struct listen_sockets *s)
{
	while (s->count)
		fd_drop(&s->fds[--s->count]);
}

char *listen_print(const struct listen_sockets *s, char buffer[LISTEN_MAX * LISTEN_TEXT])
{
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < s->count; i++) {
		union listen_address a = {0};
		socklen_t length = sizeof a;
		char text[LISTEN_TEXT];

		if (getsockname(s->fds[i], &a.any, &length) == 0)
			used += (size_t)snprintf(buffer + used, LISTEN_TEXT, "%s%s", i ? " " : "", print(&a, text));
	}
	return buffer;
}
