/* The description of a virtual: plain data, read from one JSON document whatever wrote it (a Ruby file, the command
 * line, a control message), checked against one table of keys.
 *
 *     { "resource": { "name": "web", "cpu": "30%", "memory": "512M", "io": { "/srv": { "read": "10M" } } },
 *       "jail":     { "root": "/chroot/web", "bind": ["/srv:/data"], "cmnd": ["httpd", "-X"] },
 *       "ip":       { "vip": "10.0.0.5", "dev": "eth0" } }
 *
 * Both the seeds' keys (mem, cpu_quota, blk_dvnd ...) and today's are read; only today's are written.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/faults.h"
#include "cage/grow.h"
#include "cage/guard/kind.h"
#include "cage/limit.h"
#include "jail/jail.h"
#include "net/vip.h"

enum { SPEC_PID_MAX = 4194304 }; /* proc_sys_kernel(5), pid_max */

struct spec {
	char *name;    /* of the virtual: letters, digits, ".", "_", "-"; at most 64, not beginning with "." or "-" */
	char *group;   /* where its groups are: the name, or an absolute path below each hierarchy */
	char **argv;   /* the command, NULL-terminated */
	pid_t *attach; /* round these running processes, instead of a command */
	size_t attach_count;
	bool attach_tree; /* with all that they have started */
	struct limits limits;
	struct grow grow;
	struct give_back give_back;
	enum guard_kind guard;
	struct jail jail;
	struct vip vip;
	unsigned deadline_ms;	  /* of blocks */
	unsigned stop_timeout_ms; /* between SIGTERM and SIGKILL, 10 s */
	char *report;		  /* file for a summary of its life, absolute; NULL: none */
	char *record;		  /* file for a recording of it, absolute; NULL: none */
	char *log;		  /* file that output is appended to, absolute; NULL: none */
	bool quiet;
};

/* Reads and checks a document; no system calls.  Every fault is reported, not only the first; then NULL is returned.
 * A value of null is a fault like any wrong type: what a script looked up in vain must not lift a limit.
 * default_name: for a description without one, or NULL.  note: called with one line for each key that is accepted and
 * has no effect ("resource: :root has no effect: ..."), or NULL. */
struct spec *spec_read(const json_t *document, const char *default_name, struct faults *f,
	void (*note)(void *arg, const char *text), void *arg);
void spec_drop(struct spec **s); /* NULL is fine */

/* The whole resolved description in today's words, defaults filled in; spec_read() of it gives the same again.  A new
 * reference. */
json_t *spec_json(const struct spec *s);

/* ---- the table of keys ---- */

enum spec_section { SPEC_RESOURCE, SPEC_JAIL, SPEC_IP, SPEC_OTHER, SPEC_SECTIONS };

/* "resource", "jail", "ip", "other", NULL. The keys of "other" stand at the top of the document; faults about them
 * have the section "". */
extern const char *const spec_section_names[SPEC_SECTIONS + 1];

enum spec_use {		/* where a key may stand */
	USE_FILE = 1,	/* the language */
	USE_RUN = 2,	/* virtualing run */
	USE_ATTACH = 4, /* virtualing attach */
	USE_SET = 8	/* virtualing set */
};

struct spec_key {
	enum spec_section section;
	const char *key;      /* "memory_high" */
	const char *seed_key; /* older spelling of the same, or NULL */
	char option[24];      /* "memory-high", "no-init", without the dashes; "" when there is none */
	const char *arg;      /* of the option: "SIZE"; NULL: a switch */
	const char *help;     /* one line, no full stop; about the option where there is one */
	const char *value;    /* what the language takes: "a size, or :max" */
	unsigned use;	      /* USE_... */
	bool is_off;	      /* the option is a switch that says false */
	bool repeats;	      /* the option may be given more than once and makes a list */
};

/* All keys in the order of the manual. index from 0; false after the last, and *ret is untouched. */
bool spec_key_at(size_t index, struct spec_key *ret);

/* Whether a key of "resource", in either spelling, is a limit of the cage: then it may change while it runs. */
bool spec_is_limit(const char *key);

/* Puts an option's text into a document where the key's value belongs: "PATH:read=10M,write=10M" for --io,
 * "nofile=1024,core=0", "ADDR@DEV", "SRC:DST" ...  Only the form is looked at here; spec_read() checks the values.
 * key->key may be the seeds' spelling: then the value is put there, for it may mean something else (:cpu_quota, :cpu).
 * text: copied; of a switch NULL, or in KEY=VALUE "true" or "false".  0 or -EINVAL with a text that does not
 * name the option. */
int spec_option(json_t *document, const struct spec_key *key, const char *text, struct err *e);

/* Puts a command into a document: argv, NULL-terminated, copied. 0, or -EINVAL when an argument is not UTF-8. */
int spec_command(json_t *document, char *const *argv, struct err *e);

/* For a document that was made from options: the fault's key becomes the option ("jailing" is "plain-chroot", and ""
 * where there is none), and so do the keys in its text (":root" is "--root"). Then fault_format() without a file. */
void spec_fault_as_option(struct fault *fault);
