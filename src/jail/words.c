/* The two lists of words of a jail, capabilities and limits of resources, and its defaults. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "base/parse.h"
#include "jail/jail.h"

void jail_defaults(struct jail *j)
{
	*j = (struct jail){.dev = true, .proc = true, .init = true, .share = SHARE_NET, .caps = JAIL_CAPS_DEFAULT};
}

void jail_clear(struct jail *j)
{
	for (size_t i = 0; i < j->bind_count; i++) {
		free(j->binds[i].source);
		free(j->binds[i].target);
	}
	for (size_t i = 0; i < j->tmpfs_count; i++)
		free(j->tmpfs[i].target);
	for (size_t i = 0; i < j->env_count; i++)
		free(j->env[i]);
	free(j->binds);
	free(j->tmpfs);
	free(j->env);
	free(j->rlimits);
	free(j->root);
	free(j->hostname);
	free(j->user);
	free(j->workdir);
	free(j->filter_file);
	*j = (struct jail){0};
}

/* ---- capabilities ---- */

enum { CAP_NAME_MAX = 40, CAP_COUNT_MAX = 64 };

/* libcap's table is the list of names; it is asked both ways. */
static int nearest_cap(const char *word, char ret[CAP_NAME_MAX])
{
	char names[CAP_COUNT_MAX][CAP_NAME_MAX];
	const char *words[CAP_COUNT_MAX + 1] = {0};
	const char *found;
	size_t count = 0;

	for (cap_value_t c = 0; c <= CAP_LAST_CAP && count < CAP_COUNT_MAX; c++) {
		char *name = cap_to_name(c);

		if (name && strncmp(name, "cap_", 4) == 0) {
			snprintf(names[count], sizeof names[count], "%s", name + 4);
			words[count] = names[count];
			count++;
		}
		cap_free(name);
	}
	found = parse_nearest(word, words);
	if (found)
		strcpy(ret, found);
	return found != NULL;
}

static int parse_cap(const char *word, uint64_t *caps, struct err *e)
{
	char name[CAP_NAME_MAX], near[CAP_NAME_MAX];
	cap_value_t value;

	/* libcap reads as far as it understands: numbers too, and what stands before a blank. */
	if (strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != strlen(word))
		return err_set(e, EINVAL, "unknown capability \"%s\"", word);
	if (strncasecmp(word, "cap_", 4) == 0)
		word += 4;
	snprintf(name, sizeof name, "cap_%.32s", word);
	if (*word && strlen(word) < CAP_NAME_MAX - 8 && cap_from_name(name, &value) == 0 && value >= 0 &&
		value < CAP_COUNT_MAX) {
		*caps |= UINT64_C(1) << value;
		return 0;
	}
	if (*word && nearest_cap(word, near))
		return err_set(e, EINVAL, "unknown capability %s (did you mean %s?)", word, near);
	return err_set(e, EINVAL, "unknown capability \"%s\"", word);
}

int jail_caps_parse(const char *text, uint64_t *ret, struct err *e)
{
	uint64_t caps = 0;
	char *copy, *rest, *word;
	int r = 0;

	if (strcmp(text, "none") == 0 || strcmp(text, "all") == 0) {
		*ret = *text == 'n' ? 0 : JAIL_CAPS_ALL;
		return 0;
	}
	if (strncmp(text, "keep=", 5) != 0)
		return err_set(e, EINVAL, "capabilities \"%s\": expected keep=NAME,NAME..., none or all", text);
	rest = copy = strdup(text + 5);
	if (!copy)
		return err_set(e, ENOMEM, "capabilities");
	while (r == 0 && (word = strsep(&rest, ",")))
		r = parse_cap(word, &caps, e);
	free(copy);
	if (r == 0)
		*ret = caps;
	return r;
}

/* ---- limits of resources ---- */

static const char *const rlimit_names[] = {
	[RLIMIT_CPU] = "cpu",
	[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_DATA] = "data",
	[RLIMIT_STACK] = "stack",
	[RLIMIT_CORE] = "core",
	[RLIMIT_RSS] = "rss",
	[RLIMIT_NPROC] = "nproc",
	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_MEMLOCK] = "memlock",
	[RLIMIT_AS] = "as",
	[RLIMIT_LOCKS] = "locks",
	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_MSGQUEUE] = "msgqueue",
	[RLIMIT_NICE] = "nice",
	[RLIMIT_RTPRIO] = "rtprio",
	[RLIMIT_RTTIME] = "rttime",
	[RLIM_NLIMITS] = NULL,
};

const char *jail_rlimit_name(int resource)
{
	return resource >= 0 && resource < (int)RLIM_NLIMITS ? rlimit_names[resource] : NULL;
}

static int parse_value(const char *text, uint64_t *ret)
{
	if (strcmp(text, "unlimited") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_number(text, UINT64_MAX - 1, ret);
}

int jail_rlimit_parse(const char *name, const char *value, struct jail_rlimit *ret, struct err *e)
{
	struct jail_rlimit limit = {.resource = -1};
	const char *colon = strchr(value, ':'), *near;
	char soft[32];
	size_t length = colon ? (size_t)(colon - value) : strlen(value);

	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		if (strcmp(name, rlimit_names[i]) == 0)
			limit.resource = i;
	if (limit.resource < 0) {
		near = parse_nearest(name, rlimit_names);
		return near ? err_set(e, EINVAL, "unknown limit %s (did you mean %s?)", name, near)
			    : err_set(e, EINVAL, "unknown limit \"%s\"", name);
	}
	snprintf(soft, sizeof soft, "%.*s", (int)(length < sizeof soft ? length : 0), value);
	if (parse_value(soft, &limit.soft) < 0 || parse_value(colon ? colon + 1 : soft, &limit.hard) < 0)
		return err_set(e, EINVAL, "limit %s=%s: expected a number, SOFT:HARD or unlimited", name, value);
	if (limit.soft > limit.hard)
		return err_set(e, EINVAL, "limit %s=%s: the soft limit is above the hard one", name, value);
	*ret = limit;
	return 0;
}
