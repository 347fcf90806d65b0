/* Asks the supervisors what no file says, and tells them what the user wants.  Nobody is waited for: answers come in
 * through the event loop, and who does not answer in time is noted as silent.
 *
 * A supervisor takes 64 connections for all of its virtuals: a few are used at a time, each for one question; only the
 * virtual that is looked at has one that stays, for its events.
 */
#pragma once

#include "sys/loop.h"
#include "top/model.h"

struct asker;

/* said: what has become of a wish, one line for the user. */
int asker_open(
	struct loop *loop, struct model *m, void (*said)(void *arg, const char *text), void *arg, struct asker **ret);
void asker_drop(struct asker **a); /* before the model and the loop; NULL is fine */

/* After each look: asks whom it is worth asking, most urgent first, and follows the events of the item whose id is
 * `watched` (0: none). */
void asker_turn(struct asker *a, uint64_t watched);

/* Questions that have no answer yet; the followed one counts until it has answered. */
size_t asker_open_questions(const struct asker *a);

/* request: taken over. done: what is said when it has been done. */
void asker_tell(struct asker *a, struct item *i, json_t *request, int timeout_ms, const char *done);
