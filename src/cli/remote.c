#include "cli/remote.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/commands.h"
#include "run/state.h"
#include "sys/wire.h"

enum { SHOW_TIMEOUT_MS = 5000 };

int remote_call(const char *name, json_t *request, int timeout_ms, json_t **ret, struct err *e)
{
	AUTO(wire_drop) struct wire wire = {.fd = -1};
	int fd = state_connect(name, e), r;

	*ret = NULL;
	if (fd < 0) {
		json_decref(request);
		return fd;
	}
	wire_init(&wire, fd);
	r = wire_call(&wire, request, timeout_ms, ret, e);
	json_decref(request);
	if (r < 0) {
		json_decref(*ret);
		*ret = NULL;
		return err_while(e, "%s", name);
	}
	return 0;
}

json_t *remote_show(const char *name, struct err *e)
{
	json_t *answer, *virtual;

	if (remote_call(name, json_pack("{s:s}", "op", "show"), SHOW_TIMEOUT_MS, &answer, e) < 0)
		return NULL;
	virtual = json_incref(json_object_get(answer, "virtual"));
	json_decref(answer);
	if (!virtual)
		err_set(e, EPROTO, "%s: its supervisor answers without a virtual: is it of another version?", name);
	return virtual;
}

int cli_fail(const struct err *e)
{
	fprintf(stderr, "virtualing: %s\n", e->text);
	return CLI_FAILED;
}

int cli_need_root(void)
{
	if (geteuid() == 0)
		return 0;
	fputs("virtualing: needs root: run it with sudo\n", stderr);
	return -EPERM;
}
