#include "jail/env.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What makes the dynamic loader or libc of the command load code or data from a place that its caller names.  A name
 * that ends with "*" stands for all that begin so.  Source: ld.so(8), and the list that libc itself clears for
 * set-user-id programs. */
static const char *const loader_variables[] = {
	"LD_*",
	"MALLOC_*",
	"GCONV_PATH",
	"GETCONF_DIR",
	"GLIBC_TUNABLES",
	"HOSTALIASES",
	"LOCALDOMAIN",
	"LOCPATH",
	"NIS_PATH",
	"NLSPATH",
	"RESOLV_HOST_CONF",
	"RES_OPTIONS",
	"TZDIR",
};

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t length = name_length(a);

	return name_length(b) == length && memcmp(a, b, length) == 0;
}

static bool steers_loader(const char *entry)
{
	size_t length = name_length(entry);

	for (size_t i = 0; i < sizeof loader_variables / sizeof *loader_variables; i++) {
		const char *name = loader_variables[i];
		size_t fixed = strcspn(name, "*");

		if (name[fixed] ? length >= fixed && strncmp(entry, name, fixed) == 0 : same_name(entry, name))
			return true;
	}
	return false;
}

const char *env_value(char *const *env, const char *name)
{
	for (; *env; env++)
		if (same_name(*env, name))
			return (*env)[name_length(*env)] ? *env + name_length(*env) + 1 : "";
	return NULL;
}

static void put(const char **list, size_t *count, const char *entry)
{
	for (size_t i = 0; i < *count; i++)
		if (same_name(list[i], entry)) {
			list[i] = entry;
			return;
		}
	list[(*count)++] = entry;
}

static bool passes(const struct jail *j, const char *entry)
{
	if (!strchr(entry, '='))
		return false;
	if (j->clear_env)
		return same_name(entry, "TERM");
	return !j->root || !steers_loader(entry);
}

/* The list and behind it its strings, in one piece. */
static char **pack(const char *const *list, size_t count)
{
	size_t bytes = (count + 1) * sizeof(char *);
	char **ret, *to;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(list[i]) + 1;
	ret = malloc(bytes);
	if (!ret)
		return NULL;
	to = (char *)(ret + count + 1);
	for (size_t i = 0; i < count; i++) {
		ret[i] = to;
		to = stpcpy(to, list[i]) + 1;
	}
	ret[count] = NULL;
	return ret;
}

char **env_build(const struct jail *j, const struct ids *ids, char *const *caller)
{
	static const char *const words[] = {"HOME", "USER", "LOGNAME"};
	char *made[3] = {0};
	const char **list;
	char **ret = NULL;
	size_t callers = 0, count = 0;
	bool whole = true;

	while (caller[callers])
		callers++;
	list = malloc((callers + j->env_count + 8) * sizeof *list);
	if (!list)
		return NULL;
	for (size_t i = 0; i < callers; i++)
		if (passes(j, caller[i]))
			list[count++] = caller[i];
	list[count] = NULL;
	if (!env_value((char *const *)list, "PATH"))
		list[count++] = "PATH=" ENV_PATH_DEFAULT;
	for (size_t i = 0; ids->given && i < 3; i++) {
		whole &= asprintf(&made[i], "%s=%s", words[i], i == 0 ? ids->home : ids->name) >= 0;
		if (whole)
			put(list, &count, made[i]);
	}
	for (size_t i = 0; i < j->env_count; i++)
		put(list, &count, j->env[i]);
	if (whole)
		ret = pack(list, count);
	for (size_t i = 0; i < 3; i++)
		free(made[i]);
	free(list);
	return ret;
}
