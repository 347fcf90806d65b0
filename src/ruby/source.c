#include "ruby/source.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"

struct source_caller source_caller_now(void)
{
	struct source_caller c = {geteuid(), getuid()};
	const char *sudo = getenv("SUDO_UID");
	uint64_t uid;

	/* Only when the environment is root's own: of a set-uid program it is the caller's, who may write anything. */
	if (c.uid == 0 && sudo && parse_number(sudo, UINT32_MAX - 1, &uid) == 0)
		c.uid = (uid_t)uid;
	return c;
}

/* Whether the group is the owner's own, with nobody else in it. */
static bool is_private_group(gid_t gid, uid_t owner)
{
	const struct passwd *user = getpwuid(owner);
	AUTO(free_drop) char *name = user ? strdup(user->pw_name) : NULL;
	const struct group *group;

	if (!name || user->pw_gid != gid)
		return false;
	group = getgrgid(gid);
	for (char **member = group ? group->gr_mem : NULL; member && *member; member++)
		if (strcmp(*member, name) != 0)
			return false;
	return true;
}

static int judge_owner(const char *file, const struct stat *st, const struct source_caller *caller, struct err *e)
{
	if (st->st_uid == 0 || st->st_uid == caller->uid)
		return 0;
	return err_set(e, EACCES,
		"belongs to user %u, who could make root run anything; not run with privileges (chown root %s)",
		st->st_uid, file);
}

static int judge_writers(const char *file, const struct stat *st, struct err *e)
{
	if (st->st_mode & S_IWOTH)
		return err_set(e, EACCES,
			"everybody may write to it, and so make root run anything; not run with privileges (chmod go-w "
			"%s)",
			file);
	if ((st->st_mode & S_IWGRP) && !is_private_group(st->st_gid, st->st_uid))
		return err_set(e, EACCES,
			"group %u may write to it, and so make root run anything; not run with privileges (chmod g-w "
			"%s)",
			st->st_gid, file);
	return 0;
}

int source_judge(const char *file, const struct stat *st, const struct source_caller *caller, struct err *e)
{
	int r;

	if (S_ISDIR(st->st_mode))
		return err_set(e, EISDIR, "is a directory, not a Ruby file");
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return err_set(e, EINVAL, "is neither a file nor a pipe");
	if (caller->euid != 0)
		return 0;
	r = judge_owner(file, st, caller, e);
	return r < 0 ? r : judge_writers(file, st, e);
}

/* errno's words alone: the file's name is put before them anyway. */
static int fail(struct err *e)
{
	int code = errno;

	return err_set(e, code, "%s", strerrordesc_np(code));
}

/* All of it; a pipe has no size to ask for. */
static int read_all(int fd, struct source *s, struct err *e)
{
	for (size_t size = 8192;; size *= 2) {
		char *more = realloc(s->text, size + 1);
		ssize_t n = 0;

		if (!more)
			return err_set(e, ENOMEM, "out of memory");
		s->text = more;
		while (s->length < size && (n = read(fd, s->text + s->length, size - s->length)) != 0) {
			if (n < 0 && errno != EINTR)
				return fail(e);
			s->length += n > 0 ? (size_t)n : 0;
		}
		s->text[s->length] = '\0';
		if (s->length < size)
			return 0;
		if (size >= SOURCE_MAX)
			return err_set(e, EFBIG, "is longer than %d KiB, the most that is read", SOURCE_MAX / 1024);
	}
}

static void strip_mark(struct source *s)
{
	if (s->length < 3 || memcmp(s->text, "\xef\xbb\xbf", 3) != 0)
		return;
	s->length -= 3;
	memmove(s->text, s->text + 3, s->length + 1);
}

int source_read(const char *file, const struct source_caller *caller, struct source *ret, struct err *e)
{
	AUTO(fd_drop) int fd = strcmp(file, "-") == 0 ? dup(0) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AUTO(source_drop) struct source s = {NULL, 0};
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e);
	r = source_judge(file, &st, caller, e);
	if (r == 0)
		r = read_all(fd, &s, e);
	if (r < 0)
		return r;
	strip_mark(&s);
	*ret = s;
	s.text = NULL;
	return 0;
}

void source_drop(struct source *s)
{
	free(s->text);
	*s = (struct source){NULL, 0};
}

char *source_stem(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t length = strlen(base);

	if (length > 3 && strcmp(base + length - 3, ".rb") == 0)
		length -= 3;
	return strndup(base, length);
}
