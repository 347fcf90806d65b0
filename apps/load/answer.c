/* What each request does. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load/burn.h"
#include "load/clock.h"
#include "load/disk.h"
#include "load/request.h"

static double seconds_since(uint64_t before_us)
{
	return (double)(clock_us(CLOCK_MONOTONIC) - before_us) / 1e6;
}

static void answer_ping(struct request *q, const atomic_bool *stop)
{
	q->status = MHD_HTTP_OK;
	q->response = q->server->pong;
}

static void answer_memory(struct request *q, const atomic_bool *stop)
{
	struct err e;

	if (hold_take(q->server->hold, stop, &e) < 0)
		reply_failed(q, &e);
	else
		reply_empty(q, MHD_HTTP_OK);
}

static void answer_give_back(struct request *q, const atomic_bool *stop)
{
	uint64_t chunks = q->query.given & PARAM(CHUNKS) ? q->query.chunks : UINT64_MAX;
	struct hold_sum given = hold_give_back(q->server->hold, chunks);

	reply_json(q, MHD_HTTP_OK,
		json_pack("{s:I, s:I}", "chunks", (json_int_t)given.chunks, "bytes", (json_int_t)given.bytes));
}

static void answer_cpu(struct request *q, const atomic_bool *stop)
{
	uint64_t before_us = clock_us(CLOCK_MONOTONIC);
	uint64_t cpu_us = burn_cpu(q->query.for_ms, stop);

	reply_json(q, MHD_HTTP_OK,
		json_pack("{s:f, s:f}", "seconds", seconds_since(before_us), "cpu_seconds", (double)cpu_us / 1e6));
}

static void answer_io(struct request *q, const atomic_bool *stop)
{
	uint64_t before_us = clock_us(CLOCK_MONOTONIC);
	struct err e;
	bool direct;

	if (disk_write(q->query.path, q->query.bytes, stop, &direct, &e) < 0)
		reply_failed(q, &e);
	else
		reply_json(q, MHD_HTTP_OK,
			json_pack("{s:I, s:f, s:b}", "bytes", (json_int_t)q->query.bytes, "seconds",
				seconds_since(before_us), "direct", direct));
}

/* Source: proc_pid_statm(5), the second number: pages. */
static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%*u %llu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void answer_stats(struct request *q, const atomic_bool *stop)
{
	struct hold_sum held = hold_count(q->server->hold);
	struct jobs_sum jobs = jobs_count(q->server->jobs), takers = jobs_count(q->server->takers);

	reply_json(q, MHD_HTTP_OK,
		json_pack("{s:i, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pid", (int)getpid(), "uptime_seconds",
			seconds_since(q->server->started_us), "requests", (json_int_t)atomic_load(&q->server->requests),
			"chunk_bytes", (json_int_t)hold_chunk_bytes(q->server->hold), "chunks", (json_int_t)held.chunks,
			"bytes", (json_int_t)held.bytes, "rss_bytes", (json_int_t)resident_bytes(), "running",
			(json_int_t)(jobs.running + takers.running), "waiting",
			(json_int_t)(jobs.waiting + takers.waiting)));
}

/* A health check may append what it likes to /ping. */
static const struct route routes[] = {
	{"/ping", METHOD_GET | METHOD_HEAD, UINT_MAX, 0, LANE_AT_ONCE, answer_ping},
	{"/stats", METHOD_GET | METHOD_HEAD, 0, 0, LANE_AT_ONCE, answer_stats},
	{"/generate-load/memory", METHOD_GET, 0, 0, LANE_TAKER, answer_memory},
	{"/generate-load/memory", METHOD_DELETE, PARAM(CHUNKS), 0, LANE_JOBS, answer_give_back},
	{"/generate-load/cpu", METHOD_GET, PARAM(SECONDS), PARAM(SECONDS), LANE_JOBS, answer_cpu},
	{"/generate-load/io", METHOD_GET, PARAM(BYTES) | PARAM(PATH), PARAM(BYTES) | PARAM(PATH), LANE_JOBS, answer_io},
};

const struct route *route_find(const char *path, unsigned method, unsigned *methods)
{
	*methods = 0;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (strcmp(routes[i].path, path) != 0)
			continue;
		if (routes[i].methods & method)
			return &routes[i];
		*methods |= routes[i].methods;
	}
	return NULL;
}
