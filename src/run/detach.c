#include "run/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "run/say.h"

enum { EXIT_OWN_FAILURE = 125 };

/* ---- the caller ---- */

static const int ends[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

/* Signals that would end us are for the child to act upon, and to tell of. */
static int open_signals(sigset_t *ret_before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int status_of(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_OWN_FAILURE;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	say(NULL, "the supervisor was killed by signal %d (%s) before anything ran", WTERMSIG(status),
		sigdescr_np(WTERMSIG(status)));
	return EXIT_OWN_FAILURE;
}

/* Copies the news to standard output. True: there were some. */
static bool hear(int news, int signals)
{
	struct pollfd polls[] = {{.fd = news, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	bool heard = false;
	char text[4096];
	ssize_t n = 1;

	while (n != 0) {
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			return heard;
		if (polls[1].revents) {
			shutdown(news, SHUT_WR);
			polls[1].fd = -1;
		}
		if (!polls[0].revents)
			continue;
		n = read(news, text, sizeof text);
		if (n < 0)
			return heard;
		heard = heard || n > 0;
		fwrite(text, 1, (size_t)n, stdout);
	}
	return heard;
}

/* ---- the child ---- */

static bool begin(struct detach *d, int news)
{
	d->news = news;
	d->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (d->null >= 0 && setsid() >= 0 && dup2(d->null, STDIN_FILENO) >= 0)
		return true;
	say(NULL, "go into the background: %s", strerrordesc_np(errno));
	return false;
}

int detach_done(struct detach *d, int out, const char *names, struct err *e)
{
	AUTO(fd_drop) int news = fd_take(&d->news);

	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		return err_sys(e, "let go of standard output");
	return send(news, names, strlen(names), MSG_NOSIGNAL) < 0 ? err_sys(e, "tell who has called") : 0;
}

void detach_drop(struct detach *d)
{
	fd_drop(&d->news);
	fd_drop(&d->null);
}

bool detach_from(struct detach *ret, int *ret_status)
{
	sigset_t before;
	int pair[2], signals;
	pid_t child;

	*ret = DETACH_NONE;
	*ret_status = EXIT_OWN_FAILURE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		pair[0] = pair[1] = -1;
	signals = open_signals(&before);
	child = pair[0] < 0 || signals < 0 ? -1 : fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		close(signals);
		close(pair[0]);
		return !begin(ret, pair[1]);
	}
	if (child < 0) {
		say(NULL, "go into the background: %s", strerrordesc_np(errno));
		return true;
	}
	close(pair[1]);
	*ret_status = hear(pair[0], signals) ? 0 : status_of(child);
	return true;
}
