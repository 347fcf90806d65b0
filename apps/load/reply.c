#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load/request.h"

struct MHD_Response *reply_make(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(12));
	struct MHD_Response *response;

	json_decref(body);
	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json; charset=utf-8") !=
		MHD_YES) {
		MHD_destroy_response(response);
		return NULL;
	}
	return response;
}

static void reply(struct request *q, unsigned status, struct MHD_Response *response)
{
	q->status = response ? status : MHD_HTTP_SERVICE_UNAVAILABLE;
	q->response = response ? response : q->server->exhausted;
}

void reply_json(struct request *q, unsigned status, json_t *body)
{
	reply(q, status, reply_make(body));
}

void reply_empty(struct request *q, unsigned status)
{
	reply(q, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

void reply_error(struct request *q, unsigned status, const char *text)
{
	reply_json(q, status, json_pack("{s:s}", "error", text));
}

static unsigned status_of(int code)
{
	switch (code) {
	case ENOMEM:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ECANCELED:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return MHD_HTTP_INSUFFICIENT_STORAGE;
	case EINVAL:
	case ERANGE:
	case EEXIST:
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case EACCES:
	case EPERM:
	case EROFS:
	case ENAMETOOLONG:
		return MHD_HTTP_BAD_REQUEST;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

void reply_failed(struct request *q, const struct err *e)
{
	reply_error(q, status_of(e->code), e->text);
}
