/* Any JSON as a description: read, written, read again.  What was accepted once must be accepted in today's words and
 * must then be written the same. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_faults(struct faults *f)
{
	char line[512];

	for (size_t i = 0; i < f->count; i++) {
		json_t *text;

		fault_format(&f->list[i], "fuzz.rb", 1, line, sizeof line);
		spec_fault_as_option(&f->list[i]);
		fault_format(&f->list[i], NULL, 0, line, sizeof line);
		text = json_string(line);
		if (!text || strpbrk(line, "\n\r\x1b"))
			abort(); /* a fault is one line and can be sent as JSON */
		json_decref(text);
	}
}

static void read_again(struct spec *first)
{
	struct faults f = FAULTS_NONE;
	json_t *once = spec_json(first), *twice;
	struct spec *second = spec_read(once, NULL, &f, NULL, NULL);

	if (!second || f.count)
		abort();
	twice = spec_json(second);
	if (!json_equal(once, twice))
		abort();
	json_decref(once);
	json_decref(twice);
	spec_drop(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults f = FAULTS_NONE;
	json_t *document = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	struct spec *s;

	if (!document)
		return 0;
	s = spec_read(document, "fuzz", &f, NULL, NULL);
	if (!s != (f.count > 0))
		abort();
	look_at_faults(&f);
	if (s)
		read_again(s);
	spec_drop(&s);
	faults_drop(&f);
	json_decref(document);
	return 0;
}
