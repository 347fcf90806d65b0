/* The keys of a jail that mount something into it. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "spec/row.h"

static char *target_copy(struct reader *r, const char *text)
{
	AUTO(free_drop) char *target = path_copy(r, text);
	char *ret = target;

	if (target && strcmp(target, "/") == 0) {
		fault(r, "%s would cover the whole root", shown_text(text).text);
		return NULL;
	}
	target = NULL;
	return ret;
}

/* Splits "A[:B]" in place: returns B, "" when there is nothing behind the colon, NULL when there is none. */
static char *split_at_colon(char *text)
{
	char *colon = strchr(text, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static void add_bind(struct reader *r, const char *text, void *read_only)
{
	struct jail *j = &r->spec->jail;
	AUTO(free_drop) char *source = text_copy(r, text);
	char *target = source ? split_at_colon(source) : NULL;
	struct jail_bind bind = {.read_only = read_only != NULL}, *more;

	if (!source)
		return;
	if (!*source) {
		fault(r, "%s contains no source: it is SOURCE[:TARGET]", shown_text(text).text);
	} else if (target && !*target) {
		fault(r, "%s contains no target: it is SOURCE[:TARGET]", shown_text(text).text);
	} else if (target && strchr(target, ':')) {
		fault(r, "%s contains more than one \":\": a path with a colon in it cannot be bound",
			shown_text(text).text);
	} else {
		bind.source = path_copy(r, source);
		bind.target = bind.source ? target_copy(r, target ? target : source) : NULL;
		more = bind.target ? array_more(r, &j->binds, j->bind_count, sizeof *more) : NULL;
		if (more) {
			*more = bind;
			j->bind_count++;
			return;
		}
		free(bind.source);
		free(bind.target);
	}
}

static bool is_read_only(const struct row *row)
{
	return strcmp(row->key, "ro_bind") == 0;
}

void read_bind(struct reader *r, const struct row *row, const json_t *value)
{
	value_each(r, value, "a text SOURCE[:TARGET]", add_bind, is_read_only(row) ? r : NULL);
}

json_t *write_bind(const struct spec *s, const struct row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->jail.bind_count; i++) {
		const struct jail_bind *bind = &s->jail.binds[i];

		if (bind->read_only != is_read_only(row))
			continue;
		json_array_append_new(list, strcmp(bind->source, bind->target) == 0
						    ? json_string(bind->source)
						    : json_sprintf("%s:%s", bind->source, bind->target));
	}
	return list;
}

static void add_tmpfs(struct reader *r, const char *text, void *unused)
{
	struct jail *j = &r->spec->jail;
	AUTO(free_drop) char *path = text_copy(r, text);
	char *size = path ? split_at_colon(path) : NULL;
	struct jail_tmpfs tmpfs = {0}, *more;

	if (!path)
		return;
	if (size && (parse_size(size, 0, &tmpfs.bytes) < 0 || tmpfs.bytes == 0)) {
		fault(r, "%s: %s is not a size (bytes, or a number with K, M, G or T; 0 would be without end)",
			shown_text(path).text, shown_text(size).text);
		return;
	}
	tmpfs.target = target_copy(r, path);
	more = tmpfs.target ? array_more(r, &j->tmpfs, j->tmpfs_count, sizeof *more) : NULL;
	if (!more) {
		free(tmpfs.target);
		return;
	}
	*more = tmpfs;
	j->tmpfs_count++;
}

void read_tmpfs(struct reader *r, const struct row *row, const json_t *value)
{
	value_each(r, value, "a text TARGET[:SIZE]", add_tmpfs, NULL);
}

json_t *write_tmpfs(const struct spec *s, const struct row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->jail.tmpfs_count; i++) {
		const struct jail_tmpfs *tmpfs = &s->jail.tmpfs[i];

		json_array_append_new(
			list, tmpfs->bytes ? json_sprintf("%s:%llu", tmpfs->target, (unsigned long long)tmpfs->bytes)
					   : json_string(tmpfs->target));
	}
	return list;
}

static unsigned depth(const char *path)
{
	unsigned slashes = 0;

	for (; *path; path++)
		slashes += *path == '/';
	return slashes;
}

/* Whether a has to be mounted before b. */
static bool goes_first(const struct jail_bind *a, const struct jail_bind *b)
{
	if (depth(a->target) != depth(b->target))
		return depth(a->target) < depth(b->target);
	return a->read_only < b->read_only;
}

/* A hash of keys cannot say that one bind goes below another, so their depth does: /usr before /usr/local, whichever
 * of the two is the read-only one.  Stable, so that equals stay in the order in which they were written. */
static void sort_binds(struct jail *j)
{
	for (size_t i = 1; i < j->bind_count; i++)
		for (size_t k = i; k > 0 && goes_first(&j->binds[k], &j->binds[k - 1]); k--) {
			struct jail_bind swapped = j->binds[k];

			j->binds[k] = j->binds[k - 1];
			j->binds[k - 1] = swapped;
		}
}

static const char *target_at(const struct jail *j, size_t index)
{
	return index < j->bind_count ? j->binds[index].target : j->tmpfs[index - j->bind_count].target;
}

static void check_targets(struct reader *r)
{
	const struct jail *j = &r->spec->jail;
	size_t count = j->bind_count + j->tmpfs_count;

	for (size_t i = 1; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(target_at(j, i), target_at(j, k)) == 0) {
				r->key = i >= j->bind_count ? "tmpfs" : j->binds[i].read_only ? "ro_bind" : "bind";
				fault(r, "%s is the target of two mounts", shown_text(target_at(j, i)).text);
				break;
			}
}

void finish_mounts(struct reader *r)
{
	sort_binds(&r->spec->jail);
	check_targets(r);
}
