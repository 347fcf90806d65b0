/* virtualing-load: an HTTP server that causes load when it is asked to, for trying out limits.
 *
 * It succeeds the Go program of the recipe that virtualing grew out of: /ping and /generate-load/memory answer as
 * there.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "load/listen.h"
#include "load/server.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, END_MS = 2000 };

#define CHUNK_MAX (1ULL << 46) /* what a process can address */

struct options {
	struct listen listen;
	uint64_t chunk_bytes;
	bool help, version;
};

static int read_listen(struct options *o, const char *value, struct err *e)
{
	return listen_parse(value, &o->listen, e);
}

static int read_chunk(struct options *o, const char *value, struct err *e)
{
	int r = parse_size(value, 0, &o->chunk_bytes);

	if (r == 0 && o->chunk_bytes >= 1 && o->chunk_bytes <= CHUNK_MAX)
		return 0;
	return err_set(e, EINVAL, "%s: wanted is a size from 1 to 64T, as 4096, 512K or 20M", value);
}

static int read_help(struct options *o, const char *value, struct err *e)
{
	o->help = true;
	return 0;
}

static int read_version(struct options *o, const char *value, struct err *e)
{
	o->version = true;
	return 0;
}

static const struct option_row {
	const char *name, *arg;
	int (*read)(struct options *o, const char *value, struct err *e);
	const char *help;
} options[] = {
	{"--listen", "ADDRESS:PORT", read_listen,
		"where to listen (localhost:8080); :PORT is every address of this\n"
		"host, a port alone is localhost, IPv6 is written [::1]:8080"},
	{"--chunk", "SIZE", read_chunk, "what a request for memory takes (20M)"},
	{"--help", NULL, read_help, "print this"},
	{"--version", NULL, read_version, "print the version"},
};
enum { OPTIONS = sizeof options / sizeof *options };

static const char requests[] = "Requests:\n"
			       "  GET /ping                                 {\"message\":\"pong\"}\n"
			       "  GET /generate-load/memory                 take a chunk, fill it, keep it\n"
			       "  DELETE /generate-load/memory[?chunks=N]   give back all, or the latest N\n"
			       "  GET /generate-load/cpu?seconds=S          keep one CPU busy for so long\n"
			       "  GET /generate-load/io?bytes=SIZE&path=P   write a file that is not there, remove it\n"
			       "  GET /stats                                what it holds and does\n"
			       "\n"
			       "Whoever can reach it can use up this host's memory, CPUs and disks: leave it on the\n"
			       "loopback, and run it in a cage. virtualing-load(1) says more.\n";

static void print_help(FILE *out)
{
	fputs("Usage: virtualing-load [OPTION...]\n\nAn HTTP server that causes load when it is asked "
	      "to.\n\nOptions:\n",
		out);
	for (size_t i = 0; i < OPTIONS; i++) {
		const char *rest = options[i].help;
		int width = fprintf(out, "  %s %s", options[i].name, options[i].arg ? options[i].arg : "");

		fprintf(out, "%*s", width < 24 ? 24 - width : 0, "");
		for (const char *end; (end = strchr(rest, '\n')); rest = end + 1)
			fprintf(out, "%.*s\n%24s", (int)(end - rest), rest, "");
		fprintf(out, "%s\n", rest);
	}
	fprintf(out, "\n%s", requests);
}

static int unknown(const char *word, struct err *e)
{
	const char *names[OPTIONS + 1] = {NULL};
	const char *near;

	if (word[0] != '-')
		return err_set(e, EINVAL, "%s: no argument is wanted, only options (see virtualing-load --help)", word);
	for (size_t i = 0; i < OPTIONS; i++)
		names[i] = options[i].name;
	near = parse_nearest(word, names);
	return err_set(e, EINVAL, "unknown option %s%s%s%s (see virtualing-load --help)", word,
		near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
}

static const struct option_row *find(const char *word, size_t length)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0)
			return &options[i];
	return NULL;
}

/* "--name value" and "--name=value". */
static int read_options(int argc, char **argv, struct options *o, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		size_t length = strcspn(argv[i], "=");
		const struct option_row *row = find(argv[i], length);
		const char *value = argv[i][length] ? argv[i] + length + 1 : NULL;

		if (!row)
			return unknown(argv[i], e);
		if (!row->arg && value)
			return err_set(e, EINVAL, "%s takes no value", row->name);
		if (row->arg && !value)
			value = argv[++i];
		if (row->arg && !value)
			return err_set(e, EINVAL, "%s needs a value: %s", row->name, row->arg);
		if (row->read(o, value, e) < 0)
			return err_while(e, "%s", row->name);
	}
	return 0;
}

static int fail(const struct err *e, int status)
{
	fprintf(stderr, "virtualing-load: %s\n", e->text);
	return status;
}

/* Those that shall end us, blocked here and so in all threads to come. One that is ignored (nohup) stays so. */
static sigset_t block_signals(void)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction now;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		if (sigaction(ending[i], NULL, &now) == 0 && (ending[i] == SIGTERM || now.sa_handler != SIG_IGN))
			sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a client that went */
	signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files: EFBIG says so */
	return set;
}

static int serve(const struct options *o, struct err *e)
{
	sigset_t ending = block_signals();
	AUTO(listen_close) struct listen_sockets sockets = {.count = 0};
	char where[LISTEN_MAX * LISTEN_TEXT];
	struct server *server;
	int signal_number;

	if (listen_open(&o->listen, &sockets, e) < 0)
		return -e->code;
	listen_print(&sockets, where);
	if (server_start(&sockets, o->chunk_bytes, &server, e) < 0)
		return -e->code;
	printf("virtualing-load: listening on %s\n", where);
	fflush(stdout);
	while (sigwait(&ending, &signal_number) != 0)
		;
	/* What is held up by memory or a disk ends with the process, and leaves nothing behind. */
	if (!server_stop(&server, END_MS))
		_exit(EXIT_SUCCESS);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.chunk_bytes = 20 << 20};
	struct err e;

	if (listen_parse("localhost:8080", &o.listen, &e) < 0 || read_options(argc, argv, &o, &e) < 0)
		return fail(&e, STATUS_USAGE);
	if (o.help)
		print_help(stdout);
	else if (o.version)
		puts("virtualing-load " VERSION);
	else
		return serve(&o, &e) < 0 ? fail(&e, STATUS_FAILED) : EXIT_SUCCESS;
	return fflush(stdout) ? STATUS_FAILED : EXIT_SUCCESS;
}
