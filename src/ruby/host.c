#include "ruby/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/text.h"
#include "ruby/where.h"
#include "sys/loop.h"

enum {
	SEND_MS = 30000,  /* a supervisor that takes nothing for so long has been stopped */
	FAULTS_MAX = 200, /* said of one description, so that the message stays below WIRE_MAX */
	SAID_MAX = 8192	  /* bytes of one text */
};

static void json_drop(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

int host_init(struct host *h, int fd, const char *file, struct err *e)
{
	struct stat st;

	*h = (struct host){.file = file, .pid = getpid(), .status = STATUS_NONE};
	wire_init(&h->wire, -1);
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return err_set(e, ENOTSOCK, "is started by virtualing, not by hand: virtualing %s", file);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, "keep the socket to ourselves");
	wire_init(&h->wire, fd);
	h->stem = source_stem(file);
	return h->stem ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* Without a supervisor: the one case in which we write to the terminal ourselves. */
static _Noreturn void lost(const struct host *h, const struct err *e)
{
	fprintf(stderr, "virtualing: %s: the script cannot go on: %s\n", h->file, e->text);
	_exit(STATUS_FAILED);
}

static void must_be_ours(const struct host *h)
{
	struct err e;

	if (getpid() == h->pid)
		return;
	err_set(&e, EPERM, "a fork of it wants to speak for it");
	lost(h, &e);
}

/* Takes the message. */
static void tell(struct host *h, json_t *message)
{
	AUTO(json_drop) json_t *owned = message;
	struct err e;

	must_be_ours(h);
	if (wire_send(&h->wire, owned, SEND_MS, &e) < 0)
		lost(h, &e);
}

/* ---- events ---- */

/* From the first message on the supervisor counts its time: not before, for we may have been busy otherwise. */
static void run_block(struct host *h, const json_t *message)
{
	h->in_block = true;
	tell(h, json_pack("{s:s, s:O, s:O, s:O*, s:O*}", "op", "begins", "name", json_object_get(message, "virtual"),
			"block", json_object_get(message, "block"), "deadline_ms",
			json_object_get(message, "deadline_ms"), "type",
			json_object_get(json_object_get(message, "event"), "type")));
	h->run_block(h, message);
	h->in_block = false;
	tell(h, json_pack("{s:s, s:O, s:O}", "op", "answered", "name", json_object_get(message, "virtual"), "block",
			json_object_get(message, "block")));
}

/* Blocks run one at a time: what comes while one is running is run when it has ended. */
static void take_event(struct host *h, json_t *message)
{
	AUTO(json_drop) json_t *owned = message;

	if (h->in_block) {
		if (!h->waiting)
			h->waiting = json_array();
		json_array_append(h->waiting, owned);
		return;
	}
	run_block(h, owned);
	while (json_array_size(h->waiting) > 0) {
		AUTO(json_drop) json_t *next = json_incref(json_array_get(h->waiting, 0));

		json_array_remove(h->waiting, 0);
		run_block(h, next);
	}
}

/* What comes while we wait for an answer, or for nothing. Takes the message. */
static void take(struct host *h, json_t *message)
{
	char id[24];

	if (json_object_get(message, "event")) {
		take_event(h, message);
		return;
	}
	if (!h->answers)
		h->answers = json_object();
	snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(message, "id")));
	json_object_set_new(h->answers, id, message);
}

/* A block may ask, too, and gets the answer that its caller waits for. */
static json_t *answer_to(struct host *h, json_int_t call)
{
	char id[24];
	json_t *answer;

	snprintf(id, sizeof id, "%lld", (long long)call);
	answer = json_incref(json_object_get(h->answers, id));
	json_object_del(h->answers, id);
	return answer;
}

json_t *host_ask(struct host *h, json_t *request)
{
	AUTO(json_drop) json_t *owned = request;
	json_int_t call = ++h->calls;
	json_t *message;
	struct err e;

	must_be_ours(h);
	json_object_set_new(owned, "id", json_integer(call));
	if (wire_send(&h->wire, owned, SEND_MS, &e) < 0)
		lost(h, &e);
	while (!(message = answer_to(h, call))) {
		if (wire_receive(&h->wire, -1, &message, &e) < 0)
			lost(h, &e);
		take(h, message);
	}
	return message;
}

/* Signals that do not end us do not end it. */
void host_sleep(struct host *h, double seconds)
{
	uint64_t end = loop_now_ms() + (uint64_t)ceil(seconds * 1e3), now;
	struct err e;

	must_be_ours(h);
	while ((now = loop_now_ms()) < end) {
		int left = end - now < INT_MAX ? (int)(end - now) : INT_MAX, r;
		json_t *message;

		r = wire_receive(&h->wire, left, &message, &e);
		if (r < 0 && r != -ETIMEDOUT)
			lost(h, &e);
		if (r >= 0)
			take(h, message);
	}
}

/* ---- what is wrong ---- */

/* JSON is UTF-8 and a message is one line; the lines of a text become one. */
static json_t *clean_text(const char *text, size_t length)
{
	char clean[SAID_MAX + 1];

	if (length > SAID_MAX)
		length = SAID_MAX;
	for (size_t i = 0; i < length; i++)
		clean[i] = text[i] == '\n' || text[i] == '\t' ? ' ' : text[i] ? text[i] : '?';
	clean[length] = '\0';
	text_tidy(clean);
	return json_string(clean);
}

static json_t *complaint(
	const struct host *h, int line, const char *section, const char *key, const char *text, size_t length)
{
	json_t *c = json_object();

	json_object_set_new(c, "file", clean_text(h->file, strlen(h->file)));
	json_object_set_new(c, "line", json_integer(line));
	if (*section)
		json_object_set_new(c, "section", clean_text(section, strlen(section)));
	if (*key)
		json_object_set_new(c, "key", clean_text(key, strlen(key)));
	json_object_set_new(c, "text", clean_text(text, length));
	return c;
}

/* Takes the list. */
static void tell_faults(struct host *h, json_t *list)
{
	h->wrong = true;
	tell(h, json_pack("{s:s, s:o}", "op", "faults", "list", list));
}

void host_say(
	struct host *h, int line, const char *section, const char *key, const char *text, size_t length, json_t *trace)
{
	json_t *c = complaint(h, line, section, key, text, length);

	if (trace)
		json_object_set(c, "trace", trace);
	tell_faults(h, json_pack("[o]", c));
}

void host_faults(struct host *h, int at, const struct faults *f)
{
	json_t *list = json_array();
	size_t said = f->count < FAULTS_MAX ? f->count : FAULTS_MAX;
	char more[64];

	for (size_t i = 0; i < said; i++) {
		const struct fault *one = &f->list[i];
		int line = where_line(h->source.text, h->source.length, at, one->section, one->key);

		json_array_append_new(list, complaint(h, line, one->section, one->key, one->text, strlen(one->text)));
	}
	if (said < f->count) {
		snprintf(more, sizeof more, "%zu more faults of the same description", f->count - said);
		json_array_append_new(list, complaint(h, at, "", "", more, strlen(more)));
	}
	tell_faults(h, list);
}

/* ---- descriptions ---- */

static void note(void *arg, const char *text)
{
	const struct host *h = arg;

	fprintf(stderr, "virtualing: %s: %s\n", h->file, text);
}

static bool is_known(const struct faults *known, const struct fault *f)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->list[i].section, f->section) == 0 && strcmp(known->list[i].key, f->key) == 0)
			return true;
	return false;
}

/* A value that could not be taken over is missing in the document, which is no second fault. */
static void add_new(struct faults *all, const struct faults *more)
{
	size_t known = all->count;

	for (size_t i = 0; i < more->count; i++) {
		const struct fault *f = &more->list[i];

		if (!is_known(&(struct faults){all->list, known}, f))
			faults_add(all, f->section, f->key, "%s", f->text);
	}
}

struct spec *host_describe(struct host *h, int at, const json_t *document, const struct faults *found)
{
	AUTO(faults_drop) struct faults all = FAULTS_NONE, more = FAULTS_NONE;
	AUTO(spec_drop) struct spec *s = NULL;
	struct spec *read;

	add_new(&all, found);
	if (document)
		s = spec_read(document, h->stem, &more, note, h);
	add_new(&all, &more);
	if (all.count || !s) {
		host_faults(h, at, &all);
		return NULL;
	}
	read = s;
	s = NULL;
	return read;
}

/* ---- virtuals ---- */

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The key in which the user may have written it: the supervisor knows only today's words. */
static const char *older_word(const char *section, const char *key, const struct host *h, int at)
{
	int otherwise = where_line(h->source.text, h->source.length, at, section, "");
	struct spec_key k;

	if (where_line(h->source.text, h->source.length, at, section, key) != otherwise)
		return key;
	for (size_t i = 0; spec_key_at(i, &k); i++)
		if (k.seed_key && strcmp(k.key, key) == 0 && strcmp(spec_section_names[k.section], section) == 0 &&
			where_line(h->source.text, h->source.length, at, section, k.seed_key) != otherwise)
			return k.seed_key;
	return key;
}

static void refused(struct host *h, int at, const json_t *list)
{
	AUTO(faults_drop) struct faults f = FAULTS_NONE;
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one) {
		const char *section = text_in(one, "section");
		const char *key = older_word(section, text_in(one, "key"), h, at);

		faults_add(&f, section, key, "%s", text_in(one, "text"));
	}
	host_faults(h, at, &f);
}

/* The exit status of a start that failed, after its reason has been said by one of us. */
static int start_failed(struct host *h, int at, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "faults"), *status = json_object_get(answer, "status");
	const char *text = text_in(answer, "error");
	int line = where_line(h->source.text, h->source.length, at, "", "");

	if (json_array_size(list) > 0) {
		bool wrong = h->wrong;

		refused(h, at, list);
		/* Only the command is not there: that is its own status, and no fault of the file. */
		if (json_integer_value(status) != STATUS_NOT_FOUND)
			return STATUS_FAILED;
		h->wrong = wrong;
		return STATUS_NOT_FOUND;
	}
	if (!json_is_true(json_object_get(answer, "printed"))) {
		bool wrong = h->wrong; /* the file is right: what follows may be started */

		host_say(h, line, "", "", text, strlen(text), NULL);
		h->wrong = wrong;
	}
	return json_is_integer(status) ? (int)json_integer_value(status) & 255 : STATUS_FAILED;
}

int host_start(struct host *h, int at, const struct spec *s, const json_t *blocks, int *ret_pid)
{
	AUTO(json_drop) json_t *answer = NULL;
	json_t *description, *request;

	description = spec_json(s);
	if (json_dumpb(description, NULL, 0, JSON_COMPACT) > WIRE_MAX - 256) {
		static const char text[] = "the description is longer than 1 MiB";

		json_decref(description);
		host_say(h, where_line(h->source.text, h->source.length, at, "", ""), "", "", text, sizeof text - 1,
			NULL);
		return STATUS_FAILED;
	}
	/* After a fault nothing is started any more, but all that is wrong with the file shall be said. */
	request = json_pack("{s:s, s:o}", "op", h->wrong ? "check" : "start", "spec", description);
	if (blocks) {
		json_object_set(request, "blocks", (json_t *)blocks);
		h->watching = true;
	}
	answer = host_ask(h, request);
	if (h->wrong) {
		if (json_array_size(json_object_get(answer, "faults")) > 0)
			refused(h, at, json_object_get(answer, "faults"));
		return STATUS_FAILED;
	}
	if (!json_is_true(json_object_get(answer, "ok")))
		return h->status = start_failed(h, at, answer);
	h->started++;
	h->status = STATUS_NONE;
	*ret_pid = (int)json_integer_value(json_object_get(answer, "pid"));
	return 0;
}

int host_wait(struct host *h, const char *name)
{
	AUTO(json_drop) json_t *answer = NULL;
	json_t *request = json_pack("{s:s}", "op", "wait");
	const json_t *status;

	if (name)
		json_object_set_new(request, "name", json_string(name));
	answer = host_ask(h, request);
	status = json_object_get(answer, "status");
	return json_is_integer(status) ? (int)json_integer_value(status) & 255 : STATUS_FAILED;
}

void host_finish(struct host *h, int status)
{
	json_t *message = json_pack("{s:s}", "op", "finish");

	if (h->wrong)
		status = STATUS_FAILED;
	if (status == STATUS_NONE)
		status = h->status;
	if (status != STATUS_NONE)
		json_object_set_new(message, "status", json_integer(status & 255));
	fflush(NULL);
	if (getpid() == h->pid)
		tell(h, message);
	_exit(status == STATUS_NONE ? 0 : status);
}
