/* The keys of a jail: who runs in it, and what that may do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "base/own.h"
#include "spec/row.h"

/* ---- who ---- */

static bool is_id(const char *text, size_t length)
{
	char digits[12];
	uint64_t id;

	if (length >= sizeof digits)
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return parse_number(digits, UINT32_MAX - 1, &id) == 0; /* the last one means "unchanged" to the kernel */
}

static bool is_user_name(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return length > 0 && length <= 32 && !text[length] && text[0] != '-' && text[0] != '.';
}

void read_user(struct reader *r, const struct row *row, const json_t *value)
{
	char number[24];
	const char *text = number;
	size_t length;
	bool good;

	if (json_is_integer(value))
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
	else
		text = value_text(r, value, "a user: NAME, UID or UID:GID");
	if (!text)
		return;
	length = strcspn(text, ":");
	if (text[0] >= '0' && text[0] <= '9')
		good = is_id(text, length) && (!text[length] || is_id(text + length + 1, strlen(text + length + 1)));
	else
		good = is_user_name(text);
	if (!good)
		fault(r, "%s is not a user: NAME, UID or UID:GID, ids from 0 to 4294967294", shown(value).text);
	else
		r->spec->jail.user = text_copy(r, text);
}

void read_hostname(struct reader *r, const struct row *row, const json_t *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const char *text = value_text(r, value, "a text");

	if (!text)
		return;
	if (strlen(text) > 64 || strspn(text, allowed) != strlen(text))
		fault(r, "%s is not a host name: at most 64 letters, digits, \".\", \"-\" and \"_\"",
			shown(value).text);
	else
		r->spec->jail.hostname = text_copy(r, text);
}

/* ---- what they may do ---- */

struct joined {
	char text[1024];
	size_t used;
	bool full;
};

static void join(struct reader *r, const char *text, void *arg)
{
	struct joined *j = arg;
	size_t room = sizeof j->text - j->used;
	int n = snprintf(j->text + j->used, room, "%s%s", j->used ? "," : "", text);

	if ((size_t)n >= room)
		j->full = true;
	else
		j->used += (size_t)n;
}

void read_caps(struct reader *r, const struct row *row, const json_t *value)
{
	struct joined names = {.used = 0};
	char joined[sizeof names.text + 8];
	const char *text = joined;
	struct err e = {0};

	if (json_is_array(value)) {
		value_each(r, value, "the name of a capability", join, &names);
		if (names.full)
			fault(r, "there are not that many capabilities");
		snprintf(joined, sizeof joined, names.used ? "keep=%s" : "none", names.text);
	} else {
		text = value_text(r, value, "a text \"keep=NAME,NAME\", \"none\" or \"all\", or a list of names");
	}
	if (text && jail_caps_parse(text, &r->spec->jail.caps, &e) < 0)
		fault(r, "%s", e.text);
}

json_t *write_caps(const struct spec *s, const struct row *row)
{
	char text[64 * 32] = "keep=";
	size_t used = strlen(text);

	if (s->jail.caps == JAIL_CAPS_ALL)
		return json_string("all");
	if (s->jail.caps == 0)
		return json_string("none");
	for (int cap = 0; cap < 64; cap++) {
		char *name = s->jail.caps & 1ULL << cap ? cap_to_name(cap) : NULL;

		if (!name)
			continue;
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", text[used - 1] == '=' ? "" : ",",
			strncmp(name, "cap_", 4) == 0 ? name + 4 : name);
		cap_free(name);
	}
	return json_string(text);
}

static const char *const filter_words[] = {[FILTER_DEFAULT] = "default", [FILTER_NONE] = "none"};

void read_filter(struct reader *r, const struct row *row, const json_t *value)
{
	struct jail *j = &r->spec->jail;
	const char *text = value_text(r, value, "a filter: \"default\", \"none\" or a file");

	if (!text)
		return;
	if (strcmp(text, filter_words[FILTER_DEFAULT]) == 0) {
		j->filter = FILTER_DEFAULT;
	} else if (strcmp(text, filter_words[FILTER_NONE]) == 0) {
		j->filter = FILTER_NONE;
	} else if (text[0] != '/') {
		fault(r, "%s is neither \"default\" nor \"none\" nor the absolute path of a file", shown(value).text);
	} else {
		j->filter = FILTER_FILE;
		j->filter_file = path_copy(r, text);
	}
}

json_t *write_filter(const struct spec *s, const struct row *row)
{
	return json_string(s->jail.filter == FILTER_FILE ? s->jail.filter_file : filter_words[s->jail.filter]);
}

/* ---- limits of resources ---- */

static void read_rlimit(struct reader *r, const char *name, const json_t *value)
{
	struct jail *j = &r->spec->jail;
	char number[24];
	const char *text = json_string_value(value);
	struct jail_rlimit limit, *more;
	struct err e = {0};

	if (json_is_integer(value)) {
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
		text = number;
	}
	if (!text) {
		fault(r, "%s: %s is not a number, \"SOFT:HARD\" or \"unlimited\"", shown_text(name).text,
			shown(value).text);
		return;
	}
	if (jail_rlimit_parse(name, text, &limit, &e) < 0) {
		fault(r, "%s", e.text);
		return;
	}
	for (size_t i = 0; i < j->rlimit_count; i++)
		if (j->rlimits[i].resource == limit.resource) {
			fault(r, "%s is there twice", shown_text(name).text);
			return;
		}
	more = array_more(r, &j->rlimits, j->rlimit_count, sizeof *more);
	if (more) {
		*more = limit;
		j->rlimit_count++;
	}
}

void read_rlimits(struct reader *r, const struct row *row, const json_t *value)
{
	const char *name;
	json_t *limit, *hash = json_is_object(value) ? json_incref((json_t *)value) : json_object();
	struct err e;

	if (json_is_string(value) && pairs_parse(hash, json_string_value(value), '=', &e) < 0)
		fault(r, "%s", e.text);
	else if (!json_is_string(value) && !json_is_object(value))
		fault(r, "%s is not a hash like { :nofile => 1024 }", shown(value).text);
	else
		json_object_foreach (hash, name, limit)
			read_rlimit(r, name, limit);
	json_decref(hash);
}

static const char *rlimit_word(char *buffer, size_t length, uint64_t value)
{
	if (value == UINT64_MAX)
		return "unlimited";
	snprintf(buffer, length, "%llu", (unsigned long long)value);
	return buffer;
}

json_t *write_rlimits(const struct spec *s, const struct row *row)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->jail.rlimit_count; i++) {
		const struct jail_rlimit *limit = &s->jail.rlimits[i];
		char soft[24], hard[24];

		json_object_set_new(all, jail_rlimit_name(limit->resource),
			json_sprintf("%s:%s", rlimit_word(soft, sizeof soft, limit->soft),
				rlimit_word(hard, sizeof hard, limit->hard)));
	}
	return all;
}

/* ---- namespaces that stay shared ---- */

static const struct {
	const char *word;
	unsigned bit;
} shares[] = {{"pid", SHARE_PID}, {"ipc", SHARE_IPC}, {"uts", SHARE_UTS}, {"net", SHARE_NET}};
enum { SHARE_COUNT = sizeof shares / sizeof *shares };

static void add_share(struct reader *r, const char *word)
{
	for (int i = 0; i < SHARE_COUNT; i++)
		if (strcmp(shares[i].word, word) == 0) {
			r->spec->jail.share |= shares[i].bit;
			return;
		}
	if (strcmp(word, "none") == 0)
		r->spec->jail.share = 0;
	else
		fault(r, "%s is not a namespace: pid, ipc, uts, net, or none (not even net)", shown_text(word).text);
}

static void add_shares(struct reader *r, const char *text, void *unused)
{
	AUTO(free_drop) char *copy = text_copy(r, text);
	char *rest = copy;

	for (char *word; (word = strsep(&rest, ","));)
		add_share(r, word);
}

/* The words add to the net, which is shared unless "none" stands before them. */
void read_share(struct reader *r, const struct row *row, const json_t *value)
{
	value_each(r, value, "a text like \"pid,ipc\"", add_shares, NULL);
}

json_t *write_share(const struct spec *s, const struct row *row)
{
	json_t *list = json_array();

	if (!(s->jail.share & SHARE_NET))
		json_array_append_new(list, json_string("none"));
	for (int i = 0; i < SHARE_COUNT; i++)
		if (s->jail.share & shares[i].bit)
			json_array_append_new(list, json_string(shares[i].word));
	return list;
}

/* ---- the whole ---- */

/* What only a jail can do must not be dropped silently where there is none. */
static void check_needs(struct reader *r)
{
	const struct jail *j = &r->spec->jail;
	bool ro = false, rw = false;

	for (size_t i = 0; i < j->bind_count; i++)
		*(j->binds[i].read_only ? &ro : &rw) = true;

	const struct {
		const char *key;
		bool given;
	} needs[] = {
		{"bind", rw},
		{"ro_bind", ro},
		{"tmpfs", j->tmpfs_count > 0},
		{"read_only", j->read_only},
		{"hostname", j->hostname != NULL},
		{"share", j->share != SHARE_NET},
	};

	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		r->key = needs[i].key;
		if (!needs[i].given)
			continue;
		if (!j->root)
			fault(r, "needs :root, the directory that the jail is made of");
		else if (j->plain_chroot)
			fault(r, "is nothing that a plain chroot can do");
	}
	r->key = "hostname";
	if (j->hostname && (j->share & SHARE_UTS))
		fault(r, "would be the host's own name, for :share leaves uts shared: give one of them");
	r->key = "jailing";
	if (j->plain_chroot && !j->root)
		fault(r, "needs :root, the directory to change into");
}

void finish_jail(struct reader *r)
{
	struct jail *j = &r->spec->jail;

	r->section = spec_section_names[SPEC_JAIL];
	finish_mounts(r);
	if (!is_faulty(r, "root"))
		check_needs(r);
	if (j->root && strcmp(j->root, "/") == 0) {
		r->key = "root";
		fault(r, "\"/\" is the host's own root: leave it out where there shall be no jail");
	}
}
