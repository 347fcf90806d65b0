/* Recordings as a picture or as figures. All write to `out`, and none looks at whether that works: ferror() does. */
#pragma once

#include <stdio.h>

#include "record/record.h"

/* An SVG of 1000 pixels' width: for each recording its memory against the limit with what happened, then CPU, I/O and
 * pressure, all with the same axes. It brings colours for a white and for a dark page. */
void plot_svg(FILE *out, const struct recording *list, size_t count);

/* One object; of several recordings a list of such. Figures that are not known are missing. */
void plot_json(FILE *out, const struct recording *list, size_t count);

/* One table: a line for each sample and each event, in the order of time. */
void plot_csv(FILE *out, const struct recording *list, size_t count);
