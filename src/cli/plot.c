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
#include "sys/output.h"

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
	int named = file ? form_of_name(file) : -1;
	int form = json ? FORM_JSON : csv ? FORM_CSV : file ? named : FORM_SVG;

	if (json && csv)
		return err_set(e, EINVAL, "plot: --json and --csv: give one of them");
	if (named >= 0 && named != form)
		return err_set(e, EINVAL, "plot: --%s and -o %s, whose ending says %s: give one of them",
			forms[form].ending + 1, file, forms[named].ending + 1);
	if (form < 0)
		return err_set(
			e, EINVAL, "plot: -o %s: the name ends neither in .svg nor in .png, .json or .csv", file);
	if (!file && form == FORM_SVG && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "plot: where to? Give -o FILE.svg or -o FILE.png");
	*ret = (enum form)form;
	return 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Where the recording of a running virtual is; or NULL, and -EACCES in *e if only others may know. */
static char *recorded_by(const char *name, struct err *e)
{
	json_t *state = state_read(name, e);
	const char *file = json_string_value(json_object_get(json_object_get(state, "description"), "record"));
	char *ret = file ? strdup(file) : NULL;

	json_decref(state);
	return ret;
}

/* A word with a slash, or the name of a file that is there, is a recording; another is a virtual's name. */
static char *find_recording(const char *word, struct err *e)
{
	struct err why = {0};
	char *path = NULL;

	if (strchr(word, '/') || is_file(word))
		return strdup(word);
	path = recorded_by(word, &why);
	if (path)
		return path;
	if (asprintf(&path, RECORD_FOLDER "/%s.rec", word) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	if (errno != ENOENT) {
		err_sys(e, "plot: look for the recording of %s, %s", word, path);
		free(path);
		return NULL;
	}
	free(path);
	if (why.code == EACCES) {
		*e = why;
		err_while(e, "plot");
		return NULL;
	}
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

struct picture {
	const char *name; /* for errors */
	enum form form;
	const char *bytes;
	size_t size;
};

static int fill(int fd, void *picture, struct err *e)
{
	const struct picture *p = picture;

	return p->form == FORM_PNG ? png_write(fd, p->bytes, p->size, e)
				   : output_put(fd, p->name, p->bytes, p->size, e);
}

static bool is_stdout(const struct stat *st)
{
	struct stat out;

	return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == st->st_dev && out.st_ino == st->st_ino;
}

/* /dev/stdout, a pipe. A link to a file may be somebody else's, who wants us to write there. */
static int write_through(const char *file, struct picture *p, struct err *e)
{
	AUTO(fd_drop) int fd = open(file, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "write %s", file);
	if (is_stdout(&st))
		return fill(STDOUT_FILENO, p, e);
	if (S_ISREG(st.st_mode))
		return err_set(e, ELOOP,
			"write %s: it is a symbolic link, which is not followed: give the file that it leads to", file);
	return fill(fd, p, e);
}

static int write_file(const char *file, struct picture *p, struct err *e)
{
	AUTO(output_drop) struct output o = OUTPUT_NONE;
	struct stat st;
	int r;

	if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return write_through(file, p, e);
	r = output_open(file, &o, e);
	return r < 0 ? r : output_replace(&o, fill, p, e);
}

static int write_out(const char *file, enum form form, const struct recording *list, size_t count, struct err *e)
{
	AUTO(free_drop) char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);
	struct picture p;
	bool failed;
	int r;

	if (!out)
		return err_sys(e, "plot");
	forms[form].compose(out, list, count);
	failed = ferror(out);
	if (fclose(out) == EOF || failed)
		return err_set(e, ENOMEM, "plot: out of memory");
	p = (struct picture){file ? file : "to standard output", form, bytes, size};
	r = file ? write_file(file, &p, e) : fill(STDOUT_FILENO, &p, e);
	return r < 0 ? err_while(e, "plot") : 0;
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
