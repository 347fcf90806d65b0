#include "run/undertaker.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_TIMEOUT_MS = 10000 };

/* It keeps nothing of its supervisor's but these two: neither the locks, which must fall with that one, nor pipes. */
static __attribute__((noreturn)) void watch_over(int socket, int cage)
{
	sigset_t all;
	char goodbye;
	ssize_t n;

	setsid();
	prctl(PR_SET_NAME, "virtualing-end");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	dup2(socket, STDIN_FILENO);
	dup2(cage, STDOUT_FILENO);
	close_range(STDERR_FILENO, ~0U, 0);
	while ((n = read(STDIN_FILENO, &goodbye, 1)) < 0 && errno == EINTR)
		;
	if (n != 1)
		cage_kill_holder(STDOUT_FILENO, KILL_TIMEOUT_MS);
	_exit(0);
}

int undertaker_call(struct undertaker *u, const struct cage *c, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make the socket of the cage's watch");
	u->pid = fork();
	if (u->pid == 0) {
		close(pair[0]);
		watch_over(pair[1], cage_holder(c));
	}
	close(pair[1]);
	if (u->pid > 0) {
		u->socket = pair[0];
		return 0;
	}
	err_sys(e, "start the cage's watch");
	close(pair[0]);
	u->pid = 0;
	return -e->code;
}

void undertaker_dismiss(struct undertaker *u)
{
	if (!u->pid)
		return;
	if (send(u->socket, "", 1, MSG_NOSIGNAL) < 0)
		kill(u->pid, SIGKILL);
	close(u->socket);
	while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
		;
	u->pid = 0;
}
