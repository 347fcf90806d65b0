/* The few elements of SVG that a picture is made of. Texts may hold anything: they are escaped here. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "plot/series.h"

/* Where a panel is, and what it shows: from points to pixels. */
struct frame {
	double left, top, width, height;
	double x_low, x_high, y_low, y_high;
};

double frame_x(const struct frame *f, double x);
double frame_y(const struct frame *f, double y); /* kept inside the panel */

/* Style, with colours for white and for dark pages, and the background. */
void svg_begin(FILE *out, double width, double height, const char *title);
void svg_end(FILE *out);

/* class: of the style in svg.c. anchor: "start", "middle", "end". */
void svg_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *text);
void svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *class);
void svg_rect(FILE *out, double x, double y, double width, double height, const char *class);
void svg_dot(FILE *out, double x, double y, double radius, const char *class);

/* step: a value holds until the next point, and the last one until `until`. */
void svg_area(FILE *out, const struct frame *f, const struct points *p, const char *class);
void svg_path(FILE *out, const struct frame *f, const struct points *p, bool step, double until, const char *class);

/* Parts of equal width as steps; where a value is not known there is nothing. base: NULL: from the bottom up. */
void svg_steps(FILE *out, const struct frame *f, const struct rates *r, const double *values, const double *base,
	bool area, const char *class);

double svg_text_width(const char *text, double font_size); /* about, and rather more */
void svg_escape(FILE *out, const char *text);
