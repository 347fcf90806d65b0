/* The blocks of a script that wait for what happens to a virtual: which, how often it has happened since each was
 * called last, and which of them are being run.
 *
 * A block is called again only when it has answered; what happens meanwhile is counted, and the latest is kept.  So a
 * storm of events costs one message at a time.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct blocks;

/* list: [{"id":1, "type":"oom", "value"?:..., "once"?:true}], as a script has asked for them; NULL: none.
 * send: one message to the script; false when it is gone. message: taken over.  limited: the memory has a limit, of
 * which "80%" may be said.  -EINVAL with a text when one is wrong. */
int blocks_read(const json_t *list, bool limited, bool (*send)(void *arg, json_t *message), void *arg,
	struct blocks **ret, struct err *e);

/* The same for the last of a list only, for who wants to say what is wrong where it was written. */
int blocks_check_last(const json_t *list, bool limited, struct err *e);

void blocks_drop(struct blocks **b); /* NULL is fine, here and below */

bool blocks_want(const struct blocks *b, const char *type);

/* Calls `each` for each block of this type with its value. is_share: that is in percent, and else in bytes. */
void blocks_each(
	struct blocks *b, const char *type, void (*each)(void *arg, int id, uint64_t value, bool is_share), void *arg);

/* Something has happened: event has "type". id: to that block only; 0: to all of its type. Whether anybody is told, now
 * or later. event: borrowed. */
bool blocks_tell(struct blocks *b, const json_t *event, int id);

/* A block has answered. */
void blocks_answered(struct blocks *b, int id);

/* Whether a block of this type is being run, or is to be. */
bool blocks_busy(const struct blocks *b, const char *type);

/* The virtual has ended: blocks that are being run are told now of what has happened meanwhile, for nobody will take
 * their answers. The script runs one after the other. */
void blocks_end(struct blocks *b);
