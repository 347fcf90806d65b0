/* The page of the configuration file: every key with what it takes, its default and its option. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/manual/page.h"
#include "cli/manual/prose.h"
#include "cli/manual/scd.h"
#include "spec/spec.h"

/* What a description without a key has there: read from one that has nothing but what must be. */
static json_t *defaults(void)
{
	AUTO(faults_drop) struct faults f = FAULTS_NONE;
	json_t *least = json_pack("{s:{s:[s]}}", "jail", "cmnd", "true"), *ret = NULL;
	struct spec *s = spec_read(least, "default", &f, NULL, NULL);

	json_decref(least);
	if (s) {
		ret = spec_json(s);
		json_object_del(json_object_get(ret, "resource"), "name");
		json_object_del(json_object_get(ret, "resource"), "group");
		json_object_del(json_object_get(ret, "jail"), "cmnd");
	}
	spec_drop(&s);
	return ret;
}

static const json_t *default_of(const json_t *all, const struct spec_key *key)
{
	const json_t *section =
		key->section == SPEC_OTHER ? all : json_object_get(all, spec_section_names[key->section]);

	return json_object_get(section, key->key);
}

static void print_default(FILE *out, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (text && strcmp(text, "{}") != 0 && strcmp(text, "[]") != 0) {
		fputs(" Default: ", out);
		scd_text(out, text);
		fputc('.', out);
	}
	free(text);
}

static void print_option(FILE *out, const struct spec_key *key)
{
	if (!*key->option || !(key->use & (USE_RUN | USE_ATTACH)))
		return;
	fprintf(out, " Option: *--%s*", key->option);
	if (key->arg) {
		fputc(' ', out);
		scd_args(out, key->arg);
	}
}

static void print_key(FILE *out, const struct spec_key *key, const json_t *all, const struct prose *notes)
{
	char name[64];

	fprintf(out, "*:%s*", key->key);
	if (key->seed_key)
		fprintf(out, ", *:%s*", key->seed_key);
	fprintf(out, "\n\t%s", key->is_off ? "*false*: " : "");
	if (key->is_off) {
		scd_text(out, key->help);
		fputc('.', out);
	} else {
		scd_sentence(out, key->help);
	}
	fputs("++\nValue: ", out);
	scd_text(out, key->value);
	fputc('.', out);
	print_default(out, default_of(all, key));
	print_option(out, key);
	fputs("\n\n", out);
	snprintf(name, sizeof name, "%s.%s", spec_section_names[key->section], key->key);
	prose_note(out, notes, name, "\t");
	fputc('\n', out);
}

static void print_keys(FILE *out, const json_t *all, const struct prose *notes)
{
	static const char *const titles[SPEC_SECTIONS] = {
		"KEYS OF :RESOURCE", "KEYS OF :JAIL", "KEYS OF :IP", "KEYS BESIDE THEM"};
	struct spec_key key;

	for (unsigned section = 0; section < SPEC_SECTIONS; section++) {
		fprintf(out, "# %s\n\n", titles[section]);
		prose_note(out, notes, spec_section_names[section], "");
		for (size_t i = 0; spec_key_at(i, &key); i++)
			if (key.section == section && key.use & USE_FILE)
				print_key(out, &key, all, notes);
	}
}

static bool is_known(const char *name)
{
	char known[64];
	struct spec_key key;

	for (size_t section = 0; section < SPEC_SECTIONS; section++)
		if (strcmp(name, spec_section_names[section]) == 0)
			return true;
	for (size_t i = 0; spec_key_at(i, &key); i++) {
		snprintf(known, sizeof known, "%s.%s", spec_section_names[key.section], key.key);
		if (strcmp(name, known) == 0)
			return true;
	}
	return false;
}

/* A note about a key that has gone would be lost without a word. */
static int check_notes(const struct prose *notes)
{
	const char *at = notes->description;
	char name[64];

	while (prose_next_note(&at, name, sizeof name))
		if (!is_known(name)) {
			fprintf(stderr, "tables: keys.scd: there is no key \"%s\" (SECTION.KEY, or a section)\n", name);
			return -1;
		}
	return 0;
}

int page_file(FILE *out, const char *prose_directory)
{
	AUTO(prose_drop) struct prose prose = {0};
	AUTO(prose_drop) struct prose notes = {0};
	json_t *all;

	if (prose_read(prose_directory, "file.scd", &prose) < 0 ||
		prose_read(prose_directory, "keys.scd", &notes) < 0 || check_notes(&notes) < 0)
		return -1;
	all = defaults();
	fprintf(out,
		"virtualing(5) \"virtualing " VERSION "\" \"virtualing\"\n\n"
		"# NAME\n\nvirtualing - the files that virtualing(1) runs\n\n"
		"# SYNOPSIS\n\n*virtualing* _FILE.rb_ [_ARG_...]\n\n# DESCRIPTION\n\n%s\n",
		prose.description);
	print_keys(out, all, &notes);
	fprintf(out, "%s\n", prose.sections);
	json_decref(all);
	return 0;
}
