/* The environment of the command. */
#pragma once

#include "jail/ids.h"
#include "jail/jail.h"

#define ENV_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A new NULL-terminated list, one allocation (free() it), with copies of all its strings; NULL when memory is
 * exhausted. In this order, later ones winning: the caller's (without what steers a loader, when there is a jail; TERM
 * only with clear_env), PATH if there is none, HOME, USER and LOGNAME of a given user, the entries of the description.
 */
char **env_build(const struct jail *j, const struct ids *ids, char *const *caller);

/* The value, or NULL. */
const char *env_value(char *const *env, const char *name);
