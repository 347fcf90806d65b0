/* virtualing-top: shows the virtuals of this host, on a terminal or once as text.
 *
 * A program of its own, because it needs a library that the main program shall not carry; `virtualing top` executes it.
 * Everything is read from the kernel's files and from the state folders; supervisors are asked for the rest.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/own.h"
#include "base/parse.h"
#include "run/state.h"
#include "sys/loop.h"
#include "top/ask.h"
#include "top/figure.h"
#include "top/layout.h"
#include "top/look.h"
#include "top/screen.h"

enum { FAILED = 125, INTERVAL_MS = 300, INTERVAL_LEAST_MS = 100, INTERVAL_MOST_MS = 3600000, ONCE_MS = 3000 };

struct top {
	const char *name; /* NULL: all */
	unsigned interval_ms;
	bool once;

	struct loop *loop;
	struct look *look;
	struct asker *asker;
	struct screen *screen;
	struct model model;
	struct ui ui;
	enum glyphs glyphs;
	char clock[16];

	int signals; /* owned */
	struct watch signals_watch, keys_watch;
	struct alarm tick;
	bool done;
	int signal; /* that ends us */
};

#define OWNER_OF(pointer, field) ((struct top *)((char *)(pointer)-offsetof(struct top, field)))

static int complain(const struct err *e)
{
	fprintf(stderr, "virtualing: %s\n", e->text);
	return FAILED;
}

/* ---- turns ---- */

static uint64_t watched(const struct top *t)
{
	return t->ui.view == VIEW_ONE || (t->ui.view == VIEW_HELP && t->ui.before_help == VIEW_ONE) ? t->ui.selected
												    : 0;
}

static void look_round(struct top *t, bool all)
{
	struct look_at at = {watched(t), t->ui.first, watched(t) ? 0 : t->ui.rows, all};
	time_t now = time(NULL);
	struct tm local;

	strftime(t->clock, sizeof t->clock, "%T", localtime_r(&now, &local));
	t->model.clock = t->clock;
	look_turn(t->look, &t->model, &at);
	asker_turn(t->asker, watched(t));
}

static void draw(struct top *t)
{
	struct frame f;
	unsigned width, height;

	screen_size(t->screen, &width, &height);
	frame_open(&f, width, height, t->glyphs);
	ui_settle(&t->ui, &t->model);
	layout(&f, &t->ui, &t->model);
	screen_show(t->screen, &f);
	frame_drop(&f);
}

static void said(void *arg, const char *text)
{
	struct top *t = arg;

	ui_say(&t->ui, &t->model, "%s", text);
	if (t->screen)
		draw(t);
}

static void tick(struct alarm *a)
{
	struct top *t = OWNER_OF(a, tick);

	loop_set_alarm(t->loop, a, t->interval_ms);
	look_round(t, false);
	draw(t);
}

/* ---- wishes ---- */

enum { ANSWER_MS = 10000, SUPERVISOR_MS = 15000 };

static void set_limit(struct top *t, struct item *i, uint64_t bytes)
{
	json_t *value = bytes == UINT64_MAX ? json_string("max") : json_integer((json_int_t)bytes);
	char size[FIGURE_TEXT], done[FIGURE_TEXT + 24];

	snprintf(done, sizeof done, "memory limit %s", bytes == UINT64_MAX ? "max" : figure_size(size, bytes));
	asker_tell(t->asker, i, json_pack("{s:s, s:{s:o}}", "op", "set", "resource", "memory", value), ANSWER_MS, done);
}

static void act(struct top *t, const struct action *a)
{
	switch (a->kind) {
	case ACTION_NONE:
		return;
	case ACTION_QUIT:
		t->done = true;
		return;
	case ACTION_PAUSE:
		asker_tell(t->asker, a->item, json_pack("{s:s}", "op", "pause"), ANSWER_MS, "paused");
		return;
	case ACTION_RESUME:
		asker_tell(t->asker, a->item, json_pack("{s:s}", "op", "resume"), ANSWER_MS, "resumed");
		return;
	case ACTION_STOP:
		asker_tell(t->asker, a->item, json_pack("{s:s}", "op", "stop"),
			(int)a->item->stop_timeout_ms + SUPERVISOR_MS, "stopped");
		return;
	case ACTION_LIMIT:
		set_limit(t, a->item, a->limit_bytes);
		return;
	}
}

static void keys_ready(struct watch *w, uint32_t events)
{
	struct top *t = OWNER_OF(w, keys_watch);
	uint32_t key;

	while (!t->done && (key = screen_key(t->screen))) {
		struct action a = ui_key(&t->ui, &t->model, key);

		act(t, &a);
		ui_settle(&t->ui, &t->model);
	}
	if (events & (EPOLLHUP | EPOLLERR)) /* the terminal is gone */
		t->done = true;
	if (!t->done)
		draw(t);
}

static void signals_ready(struct watch *w, uint32_t events)
{
	struct top *t = OWNER_OF(w, signals_watch);
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGWINCH) {
			draw(t);
			continue;
		}
		t->done = true;
		if (info.ssi_signo != SIGINT)
			t->signal = (int)info.ssi_signo;
	}
}

/* ---- on a terminal ---- */

static int open_signals(struct top *t, struct err *e)
{
	static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return err_sys(e, "signalfd");
	t->signals_watch = (struct watch){-1, signals_ready};
	return loop_watch(t->loop, &t->signals_watch, t->signals, EPOLLIN, e);
}

static int open_terminal(struct top *t, struct err *e)
{
	const char *no_colour = getenv("NO_COLOR");
	int r = open_signals(t, e);

	if (r == 0)
		r = screen_open(!no_colour || !*no_colour, &t->screen, e);
	if (r < 0)
		return r;
	t->keys_watch = (struct watch){-1, keys_ready};
	t->tick.ring = tick;
	return loop_watch(t->loop, &t->keys_watch, STDIN_FILENO, EPOLLIN, e);
}

static int run_live(struct top *t, struct err *e)
{
	int r = open_terminal(t, e);

	if (r == 0) {
		loop_set_alarm(t->loop, &t->tick, t->interval_ms);
		draw(t);
	}
	while (r == 0 && !t->done)
		r = loop_turn(t->loop, e);
	screen_close(&t->screen);
	return r;
}

/* ---- once ---- */

static void wake(struct alarm *a)
{
}

/* Until everybody has answered, but not longer than it takes to see that somebody does not; and at least the interval,
 * in which what is told per second is counted. */
static int wait_for_answers(struct top *t, struct err *e)
{
	uint64_t begin = loop_now_ms(), now;
	int r = 0;

	t->tick.ring = wake;
	while (r == 0 && (now = loop_now_ms()) < begin + ONCE_MS + t->interval_ms) {
		bool open = asker_open_questions(t->asker) > 0 && now < begin + ONCE_MS;

		if (!open && now >= begin + t->interval_ms)
			break;
		asker_turn(t->asker, watched(t));
		loop_set_alarm(t->loop, &t->tick, open ? 20 : (unsigned)(begin + t->interval_ms - now));
		r = loop_turn(t->loop, e);
	}
	return r;
}

static unsigned size_from(const char *variable, unsigned otherwise)
{
	const char *text = getenv(variable);
	uint64_t value;

	return text && parse_number(text, 1000, &value) == 0 && value ? (unsigned)value : otherwise;
}

static int run_once(struct top *t, struct err *e)
{
	unsigned width = size_from("COLUMNS", 80), height = size_from("LINES", 24);
	struct frame f;
	int r = wait_for_answers(t, e);

	if (r < 0)
		return r;
	look_round(t, true);
	if (!t->name)
		height = (unsigned)t->model.count + LAYOUT_AROUND + (t->model.count == 0) * 2;
	if (height < LEAST_HEIGHT)
		height = LEAST_HEIGHT;
	if (width < LEAST_WIDTH)
		width = LEAST_WIDTH;
	t->ui.printed = true;
	t->ui.rows = height - LAYOUT_AROUND;
	frame_open(&f, width, height, screen_glyphs());
	ui_settle(&t->ui, &t->model);
	layout(&f, &t->ui, &t->model);
	f.height--; /* of the keys */
	frame_write(&f, stdout);
	frame_drop(&f);
	return fflush(stdout) == EOF || ferror(stdout) ? err_sys(e, "write to standard output") : 0;
}

/* ---- beginning and end ---- */

static int wrong(const char *text, const char *value)
{
	fprintf(stderr, "virtualing: top: %s%s\n", text, value);
	return -EINVAL;
}

static int parse_interval(const char *text, unsigned *ret_ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds * 1000 >= INTERVAL_LEAST_MS) || !(seconds * 1000 <= INTERVAL_MOST_MS))
		return wrong("--interval: not a number of seconds from 0.1 to 3600: ", text);
	*ret_ms = (unsigned)(seconds * 1000 + 0.5);
	return 0;
}

static int parse(struct top *t, int argc, char **argv)
{
	static const struct option options[] = {{"once", no_argument, NULL, 'o'},
		{"interval", required_argument, NULL, 'i'}, {"version", no_argument, NULL, 'v'}, {0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'v')
			return 1;
		if (c == 'o')
			t->once = true;
		else if (c != 'i')
			return wrong("unknown option, or one without its value: ", argv[optind - 1]);
		else if (parse_interval(optarg, &t->interval_ms) < 0)
			return -EINVAL;
	}
	if (argc - optind > 1)
		return wrong("one name at most: ", argv[optind + 1]);
	t->name = argv[optind];
	return 0;
}

/* Each virtual takes some ten descriptors. */
static void raise_descriptors(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) < 0)
		return;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

static int choose(struct top *t, struct err *e)
{
	struct item *i;
	int fd;

	if (!t->name)
		return 0;
	i = model_named(&t->model, t->name);
	if (i) {
		t->ui.view = VIEW_ONE;
		t->ui.selected = i->id;
		return 0;
	}
	fd = state_connect(t->name, e); /* it says why not */
	if (fd < 0)
		return fd;
	close(fd);
	return err_set(e, EAGAIN, "%s is being started: try again", t->name);
}

static int open_top(struct top *t, struct err *e)
{
	int r;

	t->glyphs = screen_glyphs();
	raise_descriptors();
	r = loop_open(&t->loop, e);
	if (r == 0)
		r = look_open(&t->look, e);
	if (r == 0 && asker_open(t->loop, &t->model, said, t, &t->asker) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r < 0)
		return r;
	look_turn(t->look, &t->model, &(struct look_at){.all = true});
	r = choose(t, e);
	if (r == 0)
		look_round(t, true);
	return r;
}

static void close_top(struct top *t)
{
	screen_close(&t->screen);
	asker_drop(&t->asker);
	model_drop(&t->model);
	look_drop(&t->look);
	fd_drop(&t->signals);
	loop_drop(&t->loop);
}

int main(int argc, char **argv)
{
	struct top t = {.interval_ms = INTERVAL_MS, .signals = -1};
	struct err e;
	int r = parse(&t, argc, argv);

	if (r > 0)
		puts("virtualing-top " VERSION);
	if (r)
		return r > 0 ? 0 : FAILED;
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	r = open_top(&t, &e);
	if (r == 0)
		r = t.once ? run_once(&t, &e) : run_live(&t, &e);
	close_top(&t);
	if (r < 0)
		return complain(&e);
	if (t.signal) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, t.signal);
		signal(t.signal, SIG_DFL);
		raise(t.signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	return 0;
}
