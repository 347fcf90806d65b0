#include "spec/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "spec/row.h"

enum { ROWS_MAX = 80, NAME_MAX_LENGTH = 64, DEADLINE_MS = 30000, STOP_TIMEOUT_MS = 10000 };

/* ---- names ---- */

/* Files that the kernel puts into every group, so that no group can be called like them. */
static bool is_kernel_name(const char *name)
{
	static const char *const files[] = {"tasks", "notify_on_release", "release_agent", NULL};
	static const char *const prefixes[] = {"cgroup.", "cpu.", "cpuacct.", "cpuset.", "memory.", "blkio.", "io.",
		"pids.", "hugetlb.", "freezer.", "devices.", "rdma.", "misc.", "irq.", "net_cls.", "net_prio.", NULL};

	for (const char *const *f = files; *f; f++)
		if (strcmp(*f, name) == 0)
			return true;
	for (const char *const *p = prefixes; *p; p++)
		if (strncmp(*p, name, strlen(*p)) == 0)
			return true;
	return false;
}

static bool is_name(struct reader *r, const char *name)
{
	size_t length = strlen(name);

	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) {
			fault(r, "%s is not a name: only letters, digits, \".\", \"_\" and \"-\" may be in it",
				shown_text(name).text);
			return false;
		}
	if (length == 0 || *name == '.' || *name == '-')
		fault(r, "%s is not a name: it begins with a letter, a digit or \"_\"", shown_text(name).text);
	else if (length > NAME_MAX_LENGTH)
		fault(r, "%s is longer than %d characters", shown_text(name).text, NAME_MAX_LENGTH);
	else if (is_kernel_name(name))
		fault(r, "%s is what the kernel calls a file of its own in each group", shown_text(name).text);
	else
		return true;
	return false;
}

void read_name(struct reader *r, const struct row *row, const json_t *value)
{
	const char *name = value_text(r, value, "a name");

	if (name && is_name(r, name))
		r->spec->name = text_copy(r, name);
}

/* A plain word is stored as the group as well; finish_name() sees whether a name of its own stands beside it. */
void read_group(struct reader *r, const struct row *row, const json_t *value)
{
	const char *group = value_text(r, value, "a name or a path");

	if (!group)
		return;
	if (group[0] != '/') {
		if (is_name(r, group))
			r->spec->group = text_copy(r, group);
		return;
	}
	r->spec->group = path_copy(r, group);
	if (r->spec->group && strcmp(r->spec->group, "/") == 0)
		fault(r, "\"/\" is the group of the whole host");
}

static void finish_name(struct reader *r, const char *default_name)
{
	struct spec *s = r->spec;
	const char *name = default_name;

	r->section = spec_section_names[SPEC_RESOURCE];
	r->key = "name";
	if (is_faulty(r, "name") || is_faulty(r, "group"))
		return;
	if (s->name && s->group && s->group[0] != '/' && strcmp(s->name, s->group) != 0) {
		fault(r, ":name and :group are different names for one thing: give one of them");
		return;
	}
	if (!s->name) {
		if (s->group) {
			r->key = "group";
			name = s->group[0] == '/' ? strrchr(s->group, '/') + 1 : s->group;
		}
		if (!name)
			fault(r, ":name is missing");
		else if (is_name(r, name))
			s->name = text_copy(r, name);
	}
	if (s->name && !s->group)
		s->group = text_copy(r, s->name);
}

json_t *write_name(const struct spec *s, const struct row *row)
{
	return json_string(s->name);
}

json_t *write_group(const struct spec *s, const struct row *row)
{
	return s->group[0] == '/' ? json_string(s->group) : NULL;
}

/* ---- keys without effect ---- */

void read_no_effect(struct reader *r, const struct row *row, const json_t *value)
{
	char text[160];

	snprintf(text, sizeof text, "%s: :%s has no effect: %s", r->section, r->key, row->why);
	if (r->note)
		r->note(r->note_arg, text);
}

/* ---- reading ---- */

/* The row of a key in either spelling; its index, or -1. */
static int find(enum spec_section section, const char *key, struct row *ret)
{
	for (size_t i = 0; row_at(i, ret); i++)
		if (ret->section == section && strcmp(ret->key, key) == 0)
			return (int)i;
	for (size_t i = 0; row_at(i, ret); i++)
		if (ret->section == section && ret->seed_key && strcmp(ret->seed_key, key) == 0)
			return (int)i;
	return -1;
}

/* The section that has a key, for one that was put into the wrong one. */
static const char *home_of(const char *key)
{
	struct row row;

	for (int section = 0; section < SPEC_SECTIONS; section++)
		if (find((enum spec_section)section, key, &row) >= 0)
			return section == SPEC_OTHER ? "" : spec_section_names[section];
	return NULL;
}

static void unknown_key(struct reader *r, enum spec_section section, const char *key)
{
	const char *words[2 * ROWS_MAX + SPEC_SECTIONS + 1];
	const char *home = home_of(key);
	size_t count = 0;
	struct row row;

	for (size_t i = 0; row_at(i, &row); i++)
		if (row.section == section) {
			words[count++] = row.key;
			if (row.seed_key)
				words[count++] = row.seed_key;
		}
	for (int i = 0; section == SPEC_OTHER && i < SPEC_OTHER; i++)
		words[count++] = spec_section_names[i];
	words[count] = NULL;
	if (home)
		fault(r, "unknown key :%.48s (it belongs %s%s)", key,
			*home ? "under :" : "to the top, beside the sections", home);
	else
		fault(r, "unknown key :%.48s%s", key, nearest(key, words).text);
}

/* seen: per row, the spelling that was read. */
static void read_key(
	struct reader *r, enum spec_section section, const char *key, const json_t *value, const char **seen)
{
	struct row row;
	int index = find(section, key, &row);

	r->key = key;
	if (index < 0) {
		unknown_key(r, section, key);
		return;
	}
	if (seen[index]) {
		fault(r, ":%s and :%s say the same: give one of them", seen[index], key);
		return;
	}
	seen[index] = key;
	r->by_seed_key = strcmp(row.key, key) != 0;
	row.read(r, &row, value);
}

static void read_section(struct reader *r, enum spec_section section, const json_t *hash, const char **seen)
{
	const char *key;
	json_t *value;

	r->section = spec_section_names[section];
	r->key = "";
	if (!json_is_object(hash)) {
		fault(r, "%s is not a hash of keys", shown(hash).text);
		return;
	}
	json_object_foreach ((json_t *)hash, key, value)
		read_key(r, section, key, value, seen);
}

static int section_named(const char *name)
{
	for (int i = 0; i < SPEC_OTHER; i++)
		if (strcmp(spec_section_names[i], name) == 0)
			return i;
	return SPEC_OTHER;
}

static void read_document(struct reader *r, const json_t *document)
{
	const char *seen[ROWS_MAX] = {NULL};
	const char *key;
	json_t *value;

	if (!json_is_object(document)) {
		fault(r, "the description is %s, not a hash", shown(document).text);
		return;
	}
	json_object_foreach ((json_t *)document, key, value) {
		int section = section_named(key);

		r->section = "";
		if (section == SPEC_OTHER)
			read_key(r, SPEC_OTHER, key, value, seen);
		else
			read_section(r, (enum spec_section)section, value, seen);
	}
}

/* ---- what only the whole can tell ---- */

static void finish_command(struct reader *r)
{
	const struct spec *s = r->spec;

	r->section = spec_section_names[SPEC_JAIL];
	r->key = "cmnd";
	if (s->attach_count && s->argv)
		fault(r,
			":attach is given, too: either a command is started, or a cage is put round what runs already");
	r->key = "root";
	if (s->attach_count && s->jail.root)
		fault(r, "no jail can be built round what runs already (:attach): only a cage");
	r->key = "cmnd";
	if (!s->argv && !s->attach_count && !is_faulty(r, "cmnd") && !is_faulty(r, ""))
		fault(r, ":cmnd is missing: what shall be run?");
}

static void finish_vip(struct reader *r)
{
	const struct vip *v = &r->spec->vip;

	r->section = spec_section_names[SPEC_IP];
	r->key = "vip";
	if (r->spec->attach_count && v->address)
		fault(r, "no address can be given to what runs already (:attach): only a cage");
	if (is_faulty(r, "vip") || is_faulty(r, "dev") || !v->address == !v->device)
		return;
	r->key = v->address ? "dev" : "vip";
	fault(r, v->address ? ":dev is missing: the network device for the address"
			    : ":vip is missing: the address for the device");
}

/* ---- the calls ---- */

struct spec *spec_read(const json_t *document, const char *default_name, struct faults *f,
	void (*note)(void *arg, const char *text), void *arg)
{
	struct reader r = {.faults = f, .note = note, .note_arg = arg, .section = "", .key = ""};
	size_t before = f->count;
	struct spec *s = calloc(1, sizeof *s);

	if (!s) {
		faults_add(f, "", "", "out of memory");
		return NULL;
	}
	r.spec = s;
	jail_defaults(&s->jail);
	s->vip.announce = true;
	s->deadline_ms = DEADLINE_MS;
	s->stop_timeout_ms = STOP_TIMEOUT_MS;
	read_document(&r, document);
	if (json_is_object(document)) {
		finish_name(&r, default_name);
		finish_blk(&r);
		finish_grow(&r);
		finish_record(&r);
		finish_command(&r);
		finish_jail(&r);
		finish_vip(&r);
	}
	free(r.blk_device);
	if (f->count > before)
		spec_drop(&s);
	return s;
}

void spec_drop(struct spec **s)
{
	if (!*s)
		return;
	for (char **word = (*s)->argv; word && *word; word++)
		free(*word);
	free((*s)->argv);
	limits_drop(&(*s)->limits);
	jail_clear(&(*s)->jail);
	vip_clear(&(*s)->vip);
	free((*s)->report);
	free((*s)->attach);
	free((*s)->record);
	free((*s)->log);
	free((*s)->name);
	free((*s)->group);
	free(*s);
	*s = NULL;
}

static bool is_default_vip(const struct spec *s, const struct row *row)
{
	return row->section == SPEC_IP && !s->vip.address;
}

json_t *spec_json(const struct spec *s)
{
	json_t *document = json_object();
	struct row row;

	for (size_t i = 0; row_at(i, &row); i++) {
		json_t *value = row.write && !is_default_vip(s, &row) ? row.write(s, &row) : NULL;
		const char *section = spec_section_names[row.section];
		json_t *parent = document;

		if (!value)
			continue;
		if (row.section != SPEC_OTHER) {
			parent = json_object_get(document, section);
			if (!parent) {
				json_object_set_new(document, section, json_object());
				parent = json_object_get(document, section);
			}
		}
		json_object_set_new(parent, row.key, value);
	}
	return document;
}
