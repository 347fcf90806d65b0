/* The parts of a frame. */
#pragma once

#include "top/ui.h"

enum { LEAST_WIDTH = 40, LEAST_HEIGHT = 10 };

void layout_all(struct frame *f, struct ui *ui, const struct model *m);
void layout_one(struct frame *f, const struct ui *ui, const struct model *m, const struct item *i);
void layout_help(struct frame *f);

/* How many rows VIEW_ALL needs beside those of the virtuals. */
enum { LAYOUT_AROUND = 3 };

int layout_state_style(enum item_state s);
/* Near its limit, or at it. */
int layout_share_style(uint64_t thousandths);
