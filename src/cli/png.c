#include "cli/png.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/output.h"
#include "sys/proc.h"

/* In the child: the SVG comes in, the PNG goes out. */
static void become(const char *program, int in, int out)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(program, program, (char *)NULL);
	_exit(127);
}

static int finish(pid_t pid, const char *program, int fed, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fed == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, EIO, "%s was killed by signal %d", program, WTERMSIG(status));
	return err_set(e, EIO, "%s ended with status %d; an SVG needs no other program: -o FILE.svg", program,
		WEXITSTATUS(status));
}

int png_write(int fd, const char *svg, size_t size, struct err *e)
{
	AUTO(fd_drop) int out = -1;
	char program[PATH_MAX];
	int pipes[2], fed;
	pid_t pid;

	if (proc_find_program("virtualing-png", program, e) < 0)
		return err_set(e, ENOENT,
			"there is no virtualing-png here, for it was built without librsvg: give -o FILE.svg, or "
			"install "
			"librsvg's development files and build again");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	out = pipes[1];
	signal(SIGPIPE, SIG_IGN); /* when it fails it says so itself */
	pid = fork();
	if (pid == 0)
		become(program, pipes[0], fd);
	close(pipes[0]);
	if (pid < 0)
		return err_sys(e, "start %s", program);
	fed = output_all(out, svg, size);
	fd_drop(&out);
	return finish(pid, program, fed, e);
}
