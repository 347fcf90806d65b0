#include "load/hold.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/own.h"
#include "base/parse.h"
#include "load/fill.h"

enum { PIECE = 1 << 20 }; /* between two looks at *stop */

struct chunk {
	struct chunk *next;
	void *bytes;
};

struct hold {
	size_t chunk_bytes;
	pthread_mutex_t lock; /* for the two below; never held while memory is touched, given back or waited for */
	struct chunk *chunks;
	uint64_t count;
};

struct hold *hold_new(size_t chunk_bytes)
{
	struct hold *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->chunk_bytes = chunk_bytes;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void hold_drop(struct hold **h)
{
	if (!*h)
		return;
	hold_give_back(*h, UINT64_MAX);
	pthread_mutex_destroy(&(*h)->lock);
	free_drop(h);
}

/* Has the kernel make the pages in one go, which is some times faster than a fault for each; where it does not do that
 * (before Linux 5.14, or when it is interrupted) they come by faults. */
static void make_pages(void *at, size_t length)
{
	madvise(at, length, MADV_POPULATE_WRITE);
}

static int fill_chunk(unsigned char *bytes, size_t length, const atomic_bool *stop, struct err *e)
{
	struct fill f;
	int r = fill_seed(&f, e);

	for (size_t done = 0; r == 0 && done < length; done += PIECE) {
		size_t piece = length - done < PIECE ? length - done : PIECE;

		make_pages(bytes + done, piece);
		fill_bytes(&f, bytes + done, piece);
		if (atomic_load(stop))
			r = err_set(e, ECANCELED, "the program is ending");
	}
	return r;
}

int hold_take(struct hold *h, const atomic_bool *stop, struct err *e)
{
	AUTO(free_drop) struct chunk *chunk = malloc(sizeof *chunk);
	void *bytes = MAP_FAILED;
	char size[16];
	int r;

	if (chunk)
		bytes = mmap(NULL, h->chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return err_sys(e, "take %s of memory", print_size(size, sizeof size, h->chunk_bytes));
	r = fill_chunk(bytes, h->chunk_bytes, stop, e);
	if (r < 0) {
		munmap(bytes, h->chunk_bytes);
		return r;
	}
	chunk->bytes = bytes;
	pthread_mutex_lock(&h->lock);
	chunk->next = h->chunks;
	h->chunks = chunk;
	h->count++;
	pthread_mutex_unlock(&h->lock);
	chunk = NULL; /* the list's */
	return 0;
}

static struct chunk *take_latest(struct hold *h)
{
	struct chunk *chunk;

	pthread_mutex_lock(&h->lock);
	chunk = h->chunks;
	if (chunk) {
		h->chunks = chunk->next;
		h->count--;
	}
	pthread_mutex_unlock(&h->lock);
	return chunk;
}

/* The memory first, and then the mapping: munmap() has to wait for a hold_take() that is held up for want of memory,
 * and madvise() has not. */
static void give_back(void *bytes, size_t length)
{
	madvise(bytes, length, MADV_DONTNEED);
	munmap(bytes, length);
}

struct hold_sum hold_give_back(struct hold *h, uint64_t chunks)
{
	struct hold_sum given = {0};
	struct chunk *chunk;

	while (given.chunks < chunks && (chunk = take_latest(h))) {
		give_back(chunk->bytes, h->chunk_bytes);
		free(chunk);
		given.chunks++;
		given.bytes += h->chunk_bytes;
	}
	return given;
}

struct hold_sum hold_count(struct hold *h)
{
	struct hold_sum sum;

	pthread_mutex_lock(&h->lock);
	sum = (struct hold_sum){h->count, h->count * h->chunk_bytes};
	pthread_mutex_unlock(&h->lock);
	return sum;
}

size_t hold_chunk_bytes(const struct hold *h)
{
	return h->chunk_bytes;
}
