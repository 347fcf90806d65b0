/* eat: takes memory in a given way, checks that it has got all of it, and keeps it.
 *
 *     eat WAY MIB [MILLISECONDS]
 *
 * WAY: one of the rows below.  MIB: how much in all.  It is kept for so long, 0 by default.  Prints "ate MIB WAY" and
 * ends with 0 when every call succeeded in full and every byte is what it should be; says what failed and ends with 1
 * when one did not.  Memory is taken in pieces of 1 MiB unless the way says otherwise.
 *
 * Two ways take memory and give it back for so many milliseconds, or until SIGTERM: "breathe" up and down between a
 * quarter of MIB and all of it, at random; "flap" between MIB and 4 MiB more, as often as a pause of 2 ms at both ends
 * allows: it says how often.
 *
 * With EAT_FILLED=MIB in the environment so much of it is taken first, with huge pages where there are any, so that a
 * big limit is reached soon; then the way takes the rest.  With EAT_ROUNDS=N it is taken by N children, one after the
 * other: "ready" is printed before each, a line is waited for, and "ok", or why not, follows.
 *
 * With EAT_STALLS in the environment the way "page" prints each time that it has stood still for more than 200 us: when
 * it began and when it ended, in microseconds since 1970.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20, PAGE = 4096, PARTS = 8, PIPE_BYTES = 1 << 20, STALL_US = 200, FLAP_US = 2000 };

static const char *way;
static long keep_ms;
static volatile sig_atomic_t enough;

static _Noreturn void fail(const char *what)
{
	printf("%s: %s: %s\n", way, what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static char *map(size_t bytes, int flags)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static char mark(size_t i)
{
	return (char)(i * 2654435761U >> 7 | 1);
}

static void touch(char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE)
		p[i] = mark(i);
}

static void check(const char *p, size_t bytes)
{
	errno = EIO;
	for (size_t i = 0; i < bytes; i += PAGE)
		if (p[i] != mark(i))
			fail("a page has lost its content");
}

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void touch_and_watch(char *p, size_t bytes)
{
	static long long stalls[4096][2];
	size_t count = 0;
	long long last = now_us();

	for (size_t i = 0; i < bytes; i += PAGE) {
		long long now;

		p[i] = mark(i);
		now = now_us();
		if (now - last > STALL_US && count < sizeof stalls / sizeof *stalls) {
			stalls[count][0] = last;
			stalls[count++][1] = now;
		}
		last = now;
	}
	for (size_t i = 0; i < count; i++)
		printf("stall %lld %lld\n", stalls[i][0], stalls[i][1]);
}

static void eat_page(size_t bytes)
{
	char *p = map(bytes, MAP_NORESERVE);

	madvise(p, bytes, MADV_NOHUGEPAGE);
	if (getenv("EAT_STALLS"))
		touch_and_watch(p, bytes);
	else
		touch(p, bytes);
	check(p, bytes);
}

static char *take_huge(size_t bytes)
{
	char *p = map(bytes + 2 * MIB, MAP_NORESERVE);

	p = (char *)(((uintptr_t)p + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
	madvise(p, bytes, MADV_HUGEPAGE);
	touch(p, bytes);
	return p;
}

static void eat_huge(size_t bytes)
{
	check(take_huge(bytes), bytes);
}

/* As the program in the recipe does: 20 MiB at a time, filled. */
static void eat_fill(size_t bytes)
{
	for (size_t done = 0; done < bytes; done += 20 * MIB) {
		size_t size = bytes - done < 20 * MIB ? bytes - done : 20 * MIB;
		char *p = malloc(size);

		if (p)
			memset(p, 0x5a, size);
		else
			fail("malloc");
	}
}

static void eat_populate(size_t bytes)
{
	char *p = map(bytes, MAP_POPULATE);
	unsigned char *in = malloc(bytes / PAGE);

	if (!in || mincore(p, bytes, in) < 0)
		fail("mincore");
	errno = ENOMEM;
	for (size_t i = 0; i < bytes / PAGE; i++)
		if (!(in[i] & 1))
			fail("MAP_POPULATE has left pages out");
}

static void eat_tmpfs(size_t bytes)
{
	static char block[MIB];
	int fd = memfd_create("eat", MFD_CLOEXEC);

	if (fd < 0)
		fail("memfd_create");
	for (size_t done = 0; done < bytes; done += sizeof block)
		if (write(fd, block, sizeof block) != sizeof block)
			fail("write to tmpfs");
}

static void eat_read(size_t bytes)
{
	char *p = map(bytes, MAP_NORESERVE);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("open /dev/zero");
	for (size_t done = 0; done < bytes; done += 4 * MIB) {
		size_t size = bytes - done < 4 * MIB ? bytes - done : 4 * MIB;

		if (read(fd, p + done, size) != (ssize_t)size)
			fail("read into fresh memory");
	}
}

static void eat_mlock(size_t bytes)
{
	for (size_t done = 0; done < bytes; done += MIB)
		if (mlock(map(MIB, 0), MIB) < 0)
			fail("mlock");
}

static void *eat_part(void *bytes)
{
	eat_page(*(size_t *)bytes);
	return NULL;
}

static void eat_threads(size_t bytes)
{
	size_t part = bytes / PARTS;
	pthread_t threads[PARTS];

	for (int i = 0; i < PARTS; i++)
		if ((errno = pthread_create(&threads[i], NULL, eat_part, &part)) != 0)
			fail("pthread_create");
	for (int i = 0; i < PARTS; i++)
		pthread_join(threads[i], NULL);
}

static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("wait");
	errno = WIFSIGNALED(status) ? EINTR : ECHILD;
	if (status != 0)
		fail(WIFSIGNALED(status) ? "a process was killed" : "a process has failed");
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	return pid;
}

/* Where children wait for each other: each has its part before any of them goes. */
struct gate {
	int done[2], go[2];
};

static void gate_make(struct gate *g)
{
	if (pipe2(g->done, O_CLOEXEC) < 0 || pipe2(g->go, O_CLOEXEC) < 0)
		fail("make a pipe");
}

static void gate_enter(const struct gate *g)
{
	close(g->go[1]);
}

static _Noreturn void gate_wait(const struct gate *g)
{
	char c;

	close(g->done[1]);
	if (read(g->go[0], &c, 1) != 0)
		fail("wait for the others");
	_exit(0);
}

/* Who is killed is done, too, and has a status that says so. */
static void gate_open(const struct gate *g, const pid_t *pids, size_t count)
{
	char c;

	close(g->done[1]);
	if (read(g->done[0], &c, 1) != 0)
		fail("wait for the children");
	close(g->go[1]);
	for (size_t i = 0; i < count; i++)
		await(pids[i]);
}

static void eat_processes(size_t bytes)
{
	struct gate gate;
	pid_t pids[PARTS];

	gate_make(&gate);
	for (int i = 0; i < PARTS; i++)
		if ((pids[i] = start()) == 0) {
			gate_enter(&gate);
			eat_page(bytes / PARTS);
			gate_wait(&gate);
		}
	gate_open(&gate, pids, PARTS);
}

/* Each child has a copy of its own of a piece of its parent's. */
static void eat_fork(size_t bytes)
{
	char *p = map(4 * MIB, 0);
	struct gate gate;
	pid_t pids[4096];
	size_t count = 0;

	gate_make(&gate);
	touch(p, 4 * MIB);
	for (size_t done = 0; done < bytes && count < sizeof pids / sizeof *pids; done += 4 * MIB)
		if ((pids[count++] = start()) == 0) {
			gate_enter(&gate);
			memset(p, 1, 4 * MIB);
			gate_wait(&gate);
		}
	gate_open(&gate, pids, count);
	check(p, 4 * MIB);
}

/* What is in a pipe is kernel memory. Root may have big ones. */
static void eat_pipes(size_t bytes)
{
	static char block[PIPE_BYTES];

	for (size_t done = 0; done < bytes; done += PIPE_BYTES) {
		int pair[2];

		if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0 || fcntl(pair[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
			fail("make a pipe");
		if (write(pair[1], block, sizeof block) != sizeof block)
			fail("fill a pipe");
	}
}

static char *take(size_t bytes)
{
	char *p = map(bytes, MAP_NORESERVE);

	madvise(p, bytes, MADV_NOHUGEPAGE);
	touch(p, bytes);
	return p;
}

static void give_back(char *p, size_t bytes)
{
	check(p, bytes);
	munmap(p, bytes);
}

static void take_note(int signal)
{
	enough = 1;
}

static bool goes_on(long long end)
{
	signal(SIGTERM, take_note);
	return !enough && now_us() < end;
}

static void eat_breathe(size_t bytes)
{
	size_t most = bytes / MIB, count = 0;
	char **pieces = calloc(most, sizeof *pieces);
	long long end = now_us() + keep_ms * 1000;

	if (!pieces)
		fail("calloc");
	while (goes_on(end)) {
		size_t wanted = most / 4 + (size_t)random() % (most - most / 4 + 1);

		while (count < wanted)
			pieces[count++] = take(MIB);
		while (count > wanted)
			give_back(pieces[--count], MIB);
	}
	while (count > 0)
		give_back(pieces[--count], MIB);
}

static void eat_flap(size_t bytes)
{
	long long end = now_us() + keep_ms * 1000;
	unsigned times = 0;

	take(bytes);
	while (goes_on(end)) {
		char *p = take(4 * MIB);

		usleep(FLAP_US);
		give_back(p, 4 * MIB);
		usleep(FLAP_US);
		times++;
	}
	printf("flapped %u\n", times);
}

static const struct {
	const char *name;
	bool keeps; /* its own time */
	void (*eat)(size_t bytes);
} ways[] = {
	{"page", false, eat_page},
	{"huge", false, eat_huge},
	{"fill", false, eat_fill},
	{"populate", false, eat_populate},
	{"tmpfs", false, eat_tmpfs},
	{"read", false, eat_read},
	{"mlock", false, eat_mlock},
	{"threads", false, eat_threads},
	{"processes", false, eat_processes},
	{"fork", false, eat_fork},
	{"pipes", false, eat_pipes},
	{"breathe", true, eat_breathe},
	{"flap", true, eat_flap},
};

/* One child after the other, each when it is told to by a line on standard input. */
static void eat_in_rounds(void (*eat)(size_t bytes), size_t bytes, unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++) {
		char line[8];
		int status;
		pid_t pid;

		puts("ready");
		fflush(stdout);
		if (!fgets(line, sizeof line, stdin))
			fail("read a line");
		pid = start();
		if (pid == 0) {
			eat(bytes);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (status == 0)
			puts("ok");
		else
			printf("lost: wait status %d\n", status);
		fflush(stdout);
	}
}

/* The part of filled bytes is not the children's. */
static void eat_all(void (*eat)(size_t bytes), size_t bytes, size_t filled)
{
	const char *rounds = getenv("EAT_ROUNDS");
	char *p;

	if (filled == 0 || filled >= bytes) {
		eat(bytes);
		return;
	}
	p = take_huge(filled);
	madvise(p, filled, MADV_DONTFORK);
	if (rounds)
		eat_in_rounds(eat, bytes - filled, strtoul(rounds, NULL, 10));
	else
		eat(bytes - filled);
	check(p, filled);
}

int main(int argc, char **argv)
{
	size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	const char *filled = getenv("EAT_FILLED");
	struct timespec keep;

	if (argc > 3)
		keep_ms = atol(argv[3]);
	keep = (struct timespec){keep_ms / 1000, keep_ms % 1000 * 1000000L};
	for (size_t i = 0; mib && i < sizeof ways / sizeof *ways; i++) {
		way = ways[i].name;
		if (strcmp(argv[1], way) != 0)
			continue;
		eat_all(ways[i].eat, mib * MIB, filled ? strtoul(filled, NULL, 10) * MIB : 0);
		if (ways[i].keeps)
			keep = (struct timespec){0};
		printf("ate %zu %s\n", mib, way);
		fflush(stdout);
		nanosleep(&keep, NULL);
		return 0;
	}
	fprintf(stderr, "usage: eat WAY MIB [MILLISECONDS]\nways:");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		fprintf(stderr, " %s", ways[i].name);
	fputc('\n', stderr);
	return 2;
}
