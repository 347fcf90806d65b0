/* virtualing plot: a recording as a picture or as figures. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/png.h"
#include "cli/remote.h"
#include "plot/plot.h"
#include "run/state.h"

enum form { FORM_SVG, FORM_PNG, FORM_JSON, FORM_CSV, FORMS };

static const struct {
	const char *ending;
	void (*compose)(FILE *out, const struct recording *list, size_t count);
} forms[FORMS] = {{".svg", plot_svg}, {".png", plot_svg}, {".json", plot_json}, {".csv", plot_csv}};

/* ---- what is meant ---- */

static int form_of_name(const char *file)
{
	size_t length = strlen(file);

	for (int i = 0; i < FORMS; i++) {
		size_t ending = strlen(forms[i].ending);

		if (length > ending && strcasecmp(file + length - ending, forms[i].ending) == 0)
			return i;
	}
	return -1;
}

static int choose_form(const struct options_values *own, enum form *ret, struct err *e)
{
	const char *file = options_get(own, "output");
	bool json = options_get(own, "json") != NULL, csv = options_get(own, "csv") != NULL;
	int form = json ? FORM_JSON : csv ? FORM_CSV : file ? form_of_name(file) : FORM_SVG;

	if (json && csv)
		return err_set(e, EINVAL, "plot: --json and --csv: give one of them");
	if (form < 0)
		return err_set(
			e, EINVAL, "plot: -o %s: the name ends neither in .svg nor in .png, .json or .csv", file);
	if (!file && form == FORM_SVG && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "plot: where to? Give -o FILE.svg or -o FILE.png");
	*ret = (enum form)form;
	return 0;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Where the recording of a running virtual is, or NULL. */
static char *recorded_by(const char *name)
{
	struct err ignored;
	json_t *state = state_read(name, &ignored);
	const char *file = json_string_value(json_object_get(json_object_get(state, "description"), "record"));
	char *ret = file ? strdup(file) : NULL;

	json_decref(state);
	return ret;
}

/* A word with a slash, or the name of a file that is there, is a recording; another is a virtual's name. */
static char *find_recording(const char *word, struct err *e)
{
	char *path = NULL;

	if (strchr(word, '/') || is_file(word))
		return strdup(word);
	path = recorded_by(word);
	if (path)
		return path;
	if (asprintf(&path, RECORD_FOLDER "/%s.rec", word) < 0)
		return NULL;
	if (is_there(path))
		return path;
	free(path);
	err_set(e, ENOENT,
		"plot: there is no recording %s: neither a file of this name, nor a running virtual that is recorded, "
		"nor "
		"%s/%s.rec (see `virtualing run --record`)",
		word, RECORD_FOLDER, word);
	return NULL;
}

static int read_one(const char *word, struct recording *ret, struct err *e)
{
	AUTO(free_drop) char *path = NULL;
	int r;

	err_set(e, ENOMEM, "plot: out of memory");
	path = find_recording(word, e);
	if (!path)
		return -e->code;
	r = record_read(path, ret, e);
	if (r == 0 && ret->sample_count == 0) {
		record_free(ret);
		return err_set(e, ENODATA, "plot: %s holds no sample yet: try again when the virtual has run", path);
	}
	return r < 0 ? err_while(e, "plot") : 0;
}

/* ---- where it goes ---- */

static int put_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int fill(int fd, enum form form, const char *bytes, size_t size, const char *file, struct err *e)
{
	int r;

	if (form == FORM_PNG)
		return png_write(fd, bytes, size, e);
	r = put_all(fd, bytes, size);
	errno = -r;
	return r < 0 ? err_sys(e, "write %s", file) : 0;
}

/* A picture is there whole, or not at all: written beside and renamed. */
static int replace_file(const char *file, enum form form, const char *bytes, size_t size, struct err *e)
{
	AUTO(free_drop) char *passing = NULL;
	AUTO(fd_drop) int fd = -1;
	int r;

	if (asprintf(&passing, "%s.%d", file, (int)getpid()) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open(passing, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(e, "write %s", file);
	r = fill(fd, form, bytes, size, file, e);
	if (r == 0 && rename(passing, file) < 0)
		r = err_sys(e, "write %s", file);
	if (r < 0)
		unlink(passing);
	return r;
}

/* /dev/stdout, a pipe: they are not replaced. */
static int write_file(const char *file, enum form form, const char *bytes, size_t size, struct err *e)
{
	AUTO(fd_drop) int fd = -1;
	struct stat st;

	if (lstat(file, &st) < 0 || S_ISREG(st.st_mode))
		return replace_file(file, form, bytes, size, e);
	fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "write %s", file) : fill(fd, form, bytes, size, file, e);
}

static int write_out(const char *file, enum form form, const struct recording *list, size_t count, struct err *e)
{
	AUTO(free_drop) char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);
	bool failed;

	if (!out)
		return err_sys(e, "plot");
	forms[form].compose(out, list, count);
	failed = ferror(out);
	if (fclose(out) == EOF || failed)
		return err_set(e, ENOMEM, "plot: out of memory");
	if (file ? write_file(file, form, bytes, size, e) < 0
		 : fill(STDOUT_FILENO, form, bytes, size, "to standard output", e) < 0)
		return err_while(e, "plot");
	return 0;
}

int cmd_plot(const struct options_values *own, json_t *document)
{
	size_t count = 0, wanted = (size_t)own->arg_count;
	struct recording *list = calloc(wanted, sizeof *list);
	enum form form = FORM_SVG;
	struct err e;
	int r = choose_form(own, &form, &e);

	if (!list)
		abort();
	signal(SIGXFSZ, SIG_IGN); /* EFBIG says so, and then what is written in part goes */
	while (r == 0 && count < wanted) {
		r = read_one(own->args[count], &list[count], &e);
		count += r == 0;
	}
	if (r == 0)
		r = write_out(options_get(own, "output"), form, list, count, &e);
	while (count > 0)
		record_free(&list[--count]);
	free(list);
	return r < 0 ? cli_fail(&e) : 0;
}
