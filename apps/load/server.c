/* Who runs: main waits for signals.  The gate takes connections; one thread of libmicrohttpd speaks HTTP on all of them
 * and answers what is quick.  What takes long is a job for another thread, and its connection sleeps meanwhile: one
 * thread takes memory, one chunk after the other (hold.h says why), and WORKERS do the rest.
 *
 * Why not a thread for each connection, or several for all: a request for memory may be held in a page fault for
 * seconds, by a guard or by the kernel's reclaim.  A thread that served others beside it would be held with it, and a
 * new thread would need memory first.  So the thread of HTTP takes no new memory: what it allocates comes from RESERVE,
 * which is there and touched from the beginning.  Then connections that are there are answered, and may give memory
 * back, while the cage is full; a new one waits at the gate, since the kernel charges its socket to the same cage.
 */
#include "load/server.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "load/clock.h"
#include "load/gate.h"
#include "load/request.h"

enum {
	WORKERS = 32,
	CONNECTIONS = 900, /* below 1024, the usual limit of descriptors */
	IDLE_S = 60,
	CONNECTION_BYTES = 16 << 10, /* its buffers; a longer head is refused */
	STACK = 256 << 10,
	RESERVE = 2 << 20,
};

/* ---- requests ---- */

/* Called with the first line, before anything is decoded. */
static void *begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct request *q = calloc(1, sizeof *q);
	const char *zero = strstr(uri, "%00");

	if (!q)
		return NULL;
	q->server = cls;
	q->connection = connection;
	q->zero_byte = zero && zero < uri + strcspn(uri, "?");
	atomic_fetch_add(&q->server->requests, 1);
	return q;
}

/* The two that are always there are the server's. */
static void drop_response(struct request *q)
{
	if (q->response && q->response != q->server->pong && q->response != q->server->exhausted)
		MHD_destroy_response(q->response);
	q->response = NULL;
}

static void end(void *cls, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
	struct request *q = *request;

	if (!q)
		return;
	drop_response(q);
	query_drop(&q->query);
	free(q);
	*request = NULL;
}

static enum MHD_Result send_reply(struct request *q)
{
	enum MHD_Result r = MHD_queue_response(q->connection, q->status, q->response);

	drop_response(q);
	return r;
}

static unsigned method_of(const char *name)
{
	if (strcmp(name, MHD_HTTP_METHOD_GET) == 0)
		return METHOD_GET;
	if (strcmp(name, MHD_HTTP_METHOD_HEAD) == 0)
		return METHOD_HEAD;
	return strcmp(name, MHD_HTTP_METHOD_DELETE) == 0 ? METHOD_DELETE : 0;
}

static void refuse_method(struct request *q, const char *path, const char *method, unsigned methods)
{
	char allowed[32];
	struct err e;

	snprintf(allowed, sizeof allowed, "%s%s%s", methods & METHOD_GET ? "GET" : "",
		methods & METHOD_HEAD ? ", HEAD" : "", methods & METHOD_DELETE ? ", DELETE" : "");
	err_set(&e, EINVAL, "%.40s is not for %s: it knows %s", method, path, allowed);
	reply_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, e.text);
	if (q->response != q->server->exhausted)
		MHD_add_response_header(q->response, MHD_HTTP_HEADER_ALLOW, allowed);
}

static enum MHD_Result read_parameter(
	void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value, size_t value_size)
{
	struct request *q = cls;

	return query_add(&q->query, q->route->allowed, name, name_size, value, value_size, &q->wrong) < 0 ? MHD_NO
													  : MHD_YES;
}

static void read_query(struct request *q)
{
	if (q->route->allowed == UINT_MAX)
		return;
	MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, read_parameter, q);
	if (q->wrong.code == 0)
		query_check(&q->query, q->route->needed, &q->wrong);
	if (q->wrong.code)
		reply_failed(q, &q->wrong);
}

static void understand(struct request *q, const char *path, const char *method)
{
	struct err e;
	unsigned methods;

	q->route = q->zero_byte ? NULL : route_find(path, method_of(method), &methods);
	if (q->zero_byte)
		reply_error(q, MHD_HTTP_BAD_REQUEST, "a zero byte is in the path");
	else if (q->route)
		read_query(q);
	else if (methods)
		refuse_method(q, path, method, methods);
	else {
		err_set(&e, ENOENT, "there is no %.200s here: see virtualing-load(1)", path);
		reply_error(q, MHD_HTTP_NOT_FOUND, e.text);
	}
}

static_assert(offsetof(struct request, job) == 0, "a job is the begin of its request");

static void run(struct job *job, const atomic_bool *stop)
{
	struct request *q = (struct request *)job;

	q->route->answer(q, stop);
	MHD_resume_connection(q->connection); /* from here on it may be gone */
}

/* Suspended before the job is handed over: it could be done before this thread goes on. */
static void hand_over(struct request *q)
{
	q->job.run = run;
	MHD_suspend_connection(q->connection);
	if (jobs_add(q->route->lane == LANE_TAKER ? q->server->takers : q->server->jobs, &q->job) < 0) {
		reply_error(q, MHD_HTTP_SERVICE_UNAVAILABLE, "the program is ending");
		MHD_resume_connection(q->connection);
	}
}

/* Called with the head of a request, with each part of its body, with its end, and after it was suspended. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *body, size_t *body_size, void **request)
{
	struct request *q = *request;

	if (!q)
		return MHD_NO; /* no memory for it: the connection is closed */
	if (!q->seen) {
		q->seen = true;
		understand(q, path, method);
		return MHD_YES;
	}
	if (*body_size) { /* no request has any use for it */
		*body_size = 0;
		return MHD_YES;
	}
	if (!q->status && q->route->lane != LANE_AT_ONCE) {
		hand_over(q);
		return MHD_YES;
	}
	if (!q->status)
		q->route->answer(q, NULL);
	return send_reply(q);
}

/* ---- the server ---- */

/* One heap for all threads, which keeps what it has once had, and has something from the beginning. */
static int keep_reserve(struct err *e)
{
	void *reserve;

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, RESERVE * 2);
	mallopt(M_TRIM_THRESHOLD, RESERVE * 2);
	reserve = malloc(RESERVE);
	if (!reserve)
		return err_sys(e, "take %d bytes as a reserve", (int)RESERVE);
	memset(reserve, 1, RESERVE);
	free(reserve);
	return 0;
}

static void serve_connection(void *with, int fd, const struct sockaddr *from, socklen_t length)
{
	const struct server *s = with;

	MHD_add_connection(s->daemon, fd, from, length); /* closes it when there are too many */
}

static int start_daemon(struct server *s, struct err *e)
{
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0,
		NULL, NULL, handle, s, MHD_OPTION_URI_LOG_CALLBACK, begin, s, MHD_OPTION_NOTIFY_COMPLETED, end, s,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
		(size_t)STACK, MHD_OPTION_END);
	return s->daemon ? 0 : err_sys(e, "start the HTTP server");
}

static void drop(struct server *s)
{
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	jobs_drop(&s->takers);
	jobs_drop(&s->jobs);
	hold_drop(&s->hold);
	if (s->pong)
		MHD_destroy_response(s->pong);
	if (s->exhausted)
		MHD_destroy_response(s->exhausted);
	free(s);
}

static int prepare(struct server *s, size_t chunk_bytes, struct err *e)
{
	s->started_us = clock_us(CLOCK_MONOTONIC);
	s->hold = hold_new(chunk_bytes);
	s->pong = reply_make(json_pack("{s:s}", "message", "pong"));
	s->exhausted = reply_make(json_pack("{s:s}", "error", "memory is exhausted"));
	if (!s->hold || !s->pong || !s->exhausted)
		return err_set(e, ENOMEM, "start the HTTP server: %s", strerrordesc_np(ENOMEM));
	return jobs_new(1, &s->takers, e) < 0 ? -e->code : jobs_new(WORKERS, &s->jobs, e);
}

int server_start(struct listen_sockets *sockets, size_t chunk_bytes, struct server **ret, struct err *e)
{
	struct server *s;
	int r = keep_reserve(e);

	if (r < 0)
		return r;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_sys(e, "start the HTTP server");
	r = prepare(s, chunk_bytes, e);
	if (r == 0)
		r = start_daemon(s, e);
	if (r == 0)
		r = gate_open(sockets, serve_connection, s, &s->gate, e);
	if (r < 0) {
		drop(s);
		return r;
	}
	*ret = s;
	return 0;
}

static unsigned left_ms(uint64_t end_us)
{
	uint64_t now_us = clock_us(CLOCK_MONOTONIC);

	return now_us < end_us ? (unsigned)((end_us - now_us) / 1000) : 0;
}

bool server_stop(struct server **s, unsigned timeout_ms)
{
	uint64_t end_us = clock_us(CLOCK_MONOTONIC) + timeout_ms * 1000ULL;

	if (!gate_close(&(*s)->gate, left_ms(end_us)) || !jobs_end((*s)->jobs, left_ms(end_us)) ||
		!jobs_end((*s)->takers, left_ms(end_us)))
		return false;
	drop(*s);
	*s = NULL;
	return true;
}
