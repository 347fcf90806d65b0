/* swing: takes memory and gives it back in turns, as fast as it can, and tells when.
 *
 *     swing LOW HIGH LEVEL SLACK TURNS HIGH_US LOW_US page|huge USAGE_FILE
 *
 * Sizes are MiB.  It takes LOW, reads in USAGE_FILE what its cage has in use then, and in each turn takes all up to
 * HIGH, stays there for so many microseconds, gives it back down to LOW, and stays there.  Memory is taken page by
 * page, or a huge page at a time, and given back 2 MiB at a time.  TURNS 0: without end.
 *
 * At its end it prints for each turn when usage went through LEVEL, when HIGH was reached and left, when usage went
 * through LEVEL - SLACK, and when LOW was reached: in microseconds since 1970.  The first is before the page that does
 * it is touched, the fourth is after the piece that does it has been given back; the kernel charges 64 pages ahead.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, PAGE = 4096, PIECE = 2 * MIB, SETTLE_US = 300000 };
enum moment { START, UP, TOP, LEAVE, DOWN, BOTTOM, MOMENTS };

struct swing {
	char *memory;
	size_t low, high;      /* bytes that it has */
	size_t up_at, down_at; /* with so many usage is at the levels */
	size_t step;	       /* of taking */
	unsigned high_us, low_us;
};

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static size_t read_usage(const char *file)
{
	char text[32] = "";
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		fail(file);
	close(fd);
	return strtoull(text, NULL, 10);
}

static void stay(unsigned us)
{
	if (us)
		usleep(us);
}

static void take(const struct swing *s, size_t from, size_t to, long long *up)
{
	for (size_t i = from; i < to; i += s->step) {
		if (!*up && i + s->step > s->up_at)
			*up = now_us();
		s->memory[i] = 1;
	}
}

static void give(const struct swing *s, long long *down)
{
	for (size_t i = s->high; i > s->low; i -= PIECE) {
		if (madvise(s->memory + i - PIECE, PIECE, MADV_DONTNEED) < 0)
			fail("madvise");
		if (!*down && i - PIECE <= s->down_at)
			*down = now_us();
	}
}

static void turn(const struct swing *s, long long moments[MOMENTS])
{
	moments[START] = now_us();
	take(s, s->low, s->high, &moments[UP]);
	moments[TOP] = now_us();
	stay(s->high_us);
	moments[LEAVE] = now_us();
	give(s, &moments[DOWN]);
	moments[BOTTOM] = now_us();
	stay(s->low_us);
}

static void begin(struct swing *s, size_t level, size_t slack, const char *usage_file)
{
	long long ignored = 1;
	size_t others;

	take(s, 0, s->low, &ignored);
	usleep(SETTLE_US);
	others = read_usage(usage_file) - s->low;
	s->up_at = level - others;
	s->down_at = level - slack - others;
}

int main(int argc, char **argv)
{
	struct swing s = {0};
	size_t turns;
	long long(*moments)[MOMENTS];
	bool huge;

	if (argc != 10) {
		fprintf(stderr, "usage: swing LOW HIGH LEVEL SLACK TURNS HIGH_US LOW_US page|huge USAGE_FILE\n");
		return 2;
	}
	s.low = strtoul(argv[1], NULL, 10) * MIB;
	s.high = strtoul(argv[2], NULL, 10) * MIB;
	turns = strtoul(argv[5], NULL, 10);
	s.high_us = (unsigned)atoi(argv[6]);
	s.low_us = (unsigned)atoi(argv[7]);
	huge = strcmp(argv[8], "huge") == 0;
	s.step = huge ? PIECE : PAGE;
	moments = calloc(turns + 1, sizeof *moments);
	s.memory =
		mmap(NULL, s.high + PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!moments || s.memory == MAP_FAILED)
		fail("mmap");
	s.memory = (char *)(((uintptr_t)s.memory + PIECE - 1) & ~(uintptr_t)(PIECE - 1));
	madvise(s.memory, s.high, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	begin(&s, strtoul(argv[3], NULL, 10) * MIB, strtoul(argv[4], NULL, 10) * MIB, argv[9]);
	for (size_t i = 0; turns == 0 || i < turns; i++)
		turn(&s, moments[turns ? i : 0]);
	for (size_t i = 0; i < turns; i++)
		printf("turn %lld %lld %lld %lld %lld %lld\n", moments[i][START], moments[i][UP], moments[i][TOP],
			moments[i][LEAVE], moments[i][DOWN], moments[i][BOTTOM]);
	return 0;
}
