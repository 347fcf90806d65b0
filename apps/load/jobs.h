/* Threads for what takes long, so that nobody else has to wait for it.
 *
 * All of them are started at the beginning: a new thread needs a stack, and a process whose memory is full, with a
 * guard that holds whoever wants more, can have none.  Order: jobs_new, jobs_add ..., jobs_end, jobs_drop.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct jobs;

/* The caller's, and left alone until run is called; run may free it. */
struct job {
	struct job *next;
	void (*run)(struct job *job, const atomic_bool *stop); /* shall end soon once *stop is true */
};

struct jobs_sum {
	size_t running, waiting;
};

int jobs_new(size_t workers, struct jobs **ret, struct err *e);

/* Runs it as soon as a thread is free. -ECANCELED: no more are taken. */
int jobs_add(struct jobs *j, struct job *job);
struct jobs_sum jobs_count(struct jobs *j);

/* Takes no more, has those that there are end, and waits for them; false: some have not ended in time. */
bool jobs_end(struct jobs *j, unsigned timeout_ms);

/* After jobs_end gave true: joins the threads. */
void jobs_drop(struct jobs **j);
