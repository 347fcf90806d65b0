/* The supervisor's end of the keeper.
 *
 * The keeper is our child, so that we hear of its end and reap it, but in a session of its own: the terminal's Ctrl-C
 * and Ctrl-Z are for the command in the virtual, not for its address.  All it has from us is a socket; when our end is
 * closed, by us or by the kernel after our death, it withdraws the address and ends.
 */
#include "net/vip.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/own.h"
#include "base/text.h"
#include "net/ip.h"
#include "net/start.h"
#include "sys/proc.h"

enum {
	KEEPER_SOCKET = 3,
	STOP_MS = 1000,
	UNDO_MS = 5000,
	END_MS = 200, /* from the closing of its socket to the death of a process that exits */
};

static const char program_name[] = "virtualing-vip";

static int plan_descriptors(posix_spawn_file_actions_t *a, int socket)
{
	int r;

	/* The socket first: it may be 0, 1 or 2 in a supervisor that was started without them. */
	r = posix_spawn_file_actions_adddup2(a, socket, KEEPER_SOCKET);
	for (int fd = 0; r == 0 && fd <= 2; fd++)
		r = posix_spawn_file_actions_addopen(a, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(a, KEEPER_SOCKET + 1);
	if (r == 0)
		r = posix_spawn_file_actions_addchdir_np(a, "/");
	return r;
}

/* Nothing of the supervisor's special state: neither its real-time priority nor its masked signals. */
static int plan_process(posix_spawnattr_t *a)
{
	static const struct sched_param ordinary;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	r = posix_spawnattr_setsigmask(a, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(a, &all);
	if (r == 0)
		r = posix_spawnattr_setschedpolicy(a, SCHED_OTHER);
	if (r == 0)
		r = posix_spawnattr_setschedparam(a, &ordinary);
	if (r == 0)
		r = posix_spawnattr_setflags(a,
			POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSCHEDULER);
	return r;
}

static int spawn(const char *program, char *const *argv, int socket, pid_t *ret)
{
	static char *const no_environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return ENOMEM;
	}
	r = plan_descriptors(&actions, socket);
	if (r == 0)
		r = plan_process(&attributes);
	if (r == 0)
		r = posix_spawn(ret, program, &actions, &attributes, argv, no_environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int launch(const char *program, char *const *argv, struct vip_keeper *ret, struct err *e)
{
	struct vip_keeper k = {.fd = -1, .pidfd = -1};
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket for %s", program);
	k.fd = pair[0];
	r = spawn(program, argv, pair[1], &k.pid);
	close(pair[1]);
	if (r != 0) {
		close(k.fd);
		errno = r;
		return err_sys(e, "start %s", program);
	}
	k.pidfd = pidfd_open(k.pid, 0);
	if (k.pidfd < 0) {
		err_sys(e, "hold the process of %s", program);
		kill(k.pid, SIGKILL); /* ours and not reaped yet: the number cannot be another's */
		waitpid(k.pid, NULL, 0);
		close(k.fd);
		return -e->code;
	}
	*ret = k;
	return 0;
}

int vip_start_program(const char *program, const struct vip *v, struct undo *u, struct vip_keeper *ret, struct err *e)
{
	char *argv[5] = {(char *)program_name};
	char text[IP_TEXT];
	struct ip ip;
	int n = 1;

	if (ip_parse(v->address, &ip, e) < 0)
		return -e->code;
	ip_print_full(text, &ip);
	if (!v->announce)
		argv[n++] = (char *)"--no-announce";
	argv[n++] = text;
	argv[n++] = v->device;
	if (undo_note(u, UNDO_ADDRESS, text, v->device, NULL, e) < 0)
		return err_while(e, "note %s on %s for the undo", text, v->device);
	return launch(program, argv, ret, e);
}

int vip_start(const struct vip *v, struct undo *u, struct vip_keeper *ret, struct err *e)
{
	char program[PATH_MAX];

	if (proc_find_program(program_name, program, e) < 0)
		return err_while(e, "keep %s on %s", v->address, v->device);
	return vip_start_program(program, v, u, ret, e);
}

static bool wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

/* Its socket has closed: how did it end? */
static int ended(struct vip_keeper *k, struct err *e)
{
	siginfo_t info = {0};

	k->over = true;
	wait_readable(k->pidfd, END_MS);
	if (waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
		return err_set(e, EPIPE, "%s (process %d) has closed its socket: nobody keeps the address any more",
			program_name, k->pid);
	if (info.si_code != CLD_EXITED)
		return err_set(e, EPIPE, "%s (process %d) was killed by signal %d: the address goes within 10 seconds",
			program_name, k->pid, info.si_status);
	if (info.si_status == 127)
		return err_set(e, EPIPE, "%s does not start: is libmnl installed? `%s --help` shows more", program_name,
			program_name);
	return err_set(e, EPIPE, "%s (process %d) ended with status %d: nobody keeps the address any more",
		program_name, k->pid, info.si_status);
}

/* "ERRNO TEXT", after "error " or "lost ". */
static int take_text(const char *text, struct err *e)
{
	char *rest;
	long code = strtol(text, &rest, 10);

	if (rest == text || *rest != ' ' || code <= 0 || code > 4095)
		return err_set(e, EPROTO, "%s said: %s", program_name, text);
	return err_set(e, (int)code, "%s", rest + 1);
}

static const char *after(const char *line, const char *word)
{
	size_t length = strlen(word);

	return strncmp(line, word, length) == 0 ? line + length : NULL;
}

static int take_line(struct vip_keeper *k, const char *line, struct err *e)
{
	const char *text;

	if (strcmp(line, "ready") == 0 || strcmp(line, "used") == 0 || strcmp(line, "withdrawn") == 0)
		return 1;
	if (after(line, "note "))
		return 0;
	if ((text = after(line, "lost ")))
		return take_text(text, e);
	k->over = true;
	if ((text = after(line, "error ")))
		return take_text(text, e);
	return err_set(e, EPROTO, "%s said: %s", program_name, line);
}

int vip_read(struct vip_keeper *k, struct err *e)
{
	char line[ERR_TEXT + 32];
	ssize_t n = recv(k->fd, line, sizeof line - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, "hear from %s", program_name);
	if (n <= 0)
		return ended(k, e);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	text_tidy(line);
	return take_line(k, line, e);
}

static void stop_within(struct vip_keeper *k, int timeout_ms)
{
	siginfo_t info;

	fd_drop(&k->fd);
	if (k->pidfd < 0)
		return;
	if (!wait_readable(k->pidfd, timeout_ms))
		pidfd_send_signal(k->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	fd_drop(&k->pidfd);
	k->pid = 0;
}

void vip_stop(struct vip_keeper *k)
{
	stop_within(k, STOP_MS);
}

int vip_undo_program(const char *program, const char *address, const char *device, struct err *e)
{
	char *const argv[] = {(char *)program_name, (char *)"--withdraw", (char *)address, (char *)device, NULL};
	struct vip_keeper k;
	int r;

	if (launch(program, argv, &k, e) < 0)
		return err_while(e, "remove %s from %s", address, device);
	r = wait_readable(k.fd, UNDO_MS) ? vip_read(&k, e)
					 : err_set(e, ETIMEDOUT, "no answer within %d s", UNDO_MS / 1000);
	stop_within(&k, r < 0 ? 0 : STOP_MS);
	return r < 0 ? err_while(e, "remove %s from %s", address, device) : 0;
}

int vip_undo(const char *address, const char *device, struct err *e)
{
	char program[PATH_MAX];

	if (proc_find_program(program_name, program, e) < 0)
		return err_while(e, "remove %s from %s", address, device);
	return vip_undo_program(program, address, device, e);
}
