#include "load/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/own.h"
#include "load/clock.h"

enum { STACK = 256 << 10 };

struct jobs {
	pthread_mutex_t lock; /* for all below but stop */
	pthread_cond_t changed;
	struct job *first, **last; /* waiting, in the order in which they came */
	struct jobs_sum sum;
	bool over; /* workers with nothing to do end */
	atomic_bool stop;
	size_t workers;
	pthread_t threads[];
};

static struct job *take_first(struct jobs *j)
{
	struct job *job = j->first;

	j->first = job->next;
	if (!j->first)
		j->last = &j->first;
	j->sum.waiting--;
	j->sum.running++;
	return job;
}

static void *work(void *argument)
{
	struct jobs *j = argument;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		while (!j->first && !j->over)
			pthread_cond_wait(&j->changed, &j->lock);
		if (!j->first)
			break;
		struct job *job = take_first(j);
		pthread_mutex_unlock(&j->lock);
		job->run(job, &j->stop);
		pthread_mutex_lock(&j->lock);
		j->sum.running--;
		if (atomic_load(&j->stop))
			pthread_cond_broadcast(&j->changed); /* jobs_end waits */
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static int start_workers(struct jobs *j, size_t workers, struct err *e)
{
	pthread_attr_t attributes;
	int r = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	while (r == 0 && j->workers < workers) {
		r = pthread_create(&j->threads[j->workers], &attributes, work, j);
		j->workers += r == 0;
	}
	pthread_attr_destroy(&attributes);
	errno = r;
	return r ? err_sys(e, "start thread %zu of %zu", j->workers + 1, workers) : 0;
}

int jobs_new(size_t workers, struct jobs **ret, struct err *e)
{
	struct jobs *j = calloc(1, sizeof *j + workers * sizeof *j->threads);
	pthread_condattr_t attributes;
	int r;

	if (!j)
		return err_sys(e, "prepare %zu threads", workers);
	j->last = &j->first;
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&j->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	r = start_workers(j, workers, e);
	if (r < 0)
		jobs_drop(&j);
	else
		*ret = j;
	return r;
}

int jobs_add(struct jobs *j, struct job *job)
{
	int r = -ECANCELED;

	job->next = NULL;
	pthread_mutex_lock(&j->lock);
	if (!atomic_load(&j->stop)) {
		*j->last = job;
		j->last = &job->next;
		j->sum.waiting++;
		pthread_cond_signal(&j->changed);
		r = 0;
	}
	pthread_mutex_unlock(&j->lock);
	return r;
}

struct jobs_sum jobs_count(struct jobs *j)
{
	struct jobs_sum sum;

	pthread_mutex_lock(&j->lock);
	sum = j->sum;
	pthread_mutex_unlock(&j->lock);
	return sum;
}

bool jobs_end(struct jobs *j, unsigned timeout_ms)
{
	struct timespec until = clock_after(CLOCK_MONOTONIC, timeout_ms);
	bool ended;

	pthread_mutex_lock(&j->lock);
	atomic_store(&j->stop, true);
	while (j->sum.running + j->sum.waiting > 0 && pthread_cond_timedwait(&j->changed, &j->lock, &until) == 0)
		;
	ended = j->sum.running + j->sum.waiting == 0;
	pthread_mutex_unlock(&j->lock);
	return ended;
}

void jobs_drop(struct jobs **j)
{
	if (!*j)
		return;
	pthread_mutex_lock(&(*j)->lock);
	(*j)->over = true;
	pthread_cond_broadcast(&(*j)->changed);
	pthread_mutex_unlock(&(*j)->lock);
	for (size_t i = 0; i < (*j)->workers; i++)
		pthread_join((*j)->threads[i], NULL);
	pthread_cond_destroy(&(*j)->changed);
	pthread_mutex_destroy(&(*j)->lock);
	free_drop(j);
}
