/* Inside the server: a request on its way, and what is said in return.  server.c moves it, answer.c does what it asks.
 */
#pragma once

#include <jansson.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "load/hold.h"
#include "load/jobs.h"
#include "load/listen.h"
#include "load/query.h"

/* HEAD is for those that do nothing: a client that only looks shall cause no load. */
enum method { METHOD_GET = 1, METHOD_HEAD = 2, METHOD_DELETE = 4 };

/* Who answers: the thread that speaks HTTP, the one that takes memory, one of several. */
enum lane { LANE_AT_ONCE, LANE_TAKER, LANE_JOBS };

struct server {
	struct MHD_Daemon *daemon;
	struct gate *gate;
	struct jobs *takers; /* one thread that takes memory */
	struct jobs *jobs;
	struct hold *hold;
	struct MHD_Response *pong;	/* always the same, made once */
	struct MHD_Response *exhausted; /* for when there is no memory to make another one */
	uint64_t started_us;
	atomic_uint_fast64_t requests;
};

struct request {
	struct job job;
	struct server *server;
	struct MHD_Connection *connection;
	const struct route *route;
	struct query query;
	struct err wrong; /* with its query; code 0: nothing */
	bool zero_byte;	  /* in its path: what is after it would be overlooked */
	bool seen;	  /* its head has been; now comes its end */
	unsigned status;  /* 0: not answered yet */
	struct MHD_Response *response;
};

struct route {
	const char *path;
	unsigned methods;
	unsigned allowed, needed; /* parameters; UINT_MAX: any, and they are not looked at */
	enum lane lane;
	void (*answer)(struct request *q, const atomic_bool *stop);
};

/* The row for a path and one of the methods; NULL: none, and *methods are those that the path has. */
const struct route *route_find(const char *path, unsigned method, unsigned *methods);

/* Each makes q->response.  Without the memory for it that is `exhausted`. */
void reply_json(struct request *q, unsigned status, json_t *body); /* body: given away; NULL: memory exhausted */
void reply_empty(struct request *q, unsigned status);
void reply_error(struct request *q, unsigned status, const char *text);
void reply_failed(struct request *q, const struct err *e); /* the status is by e->code */

/* What is there all the time; NULL: memory exhausted. */
struct MHD_Response *reply_make(json_t *body);
