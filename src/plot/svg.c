#include "plot/svg.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* Greys of the areas differ too, for print without colour. */
static const char style[] =
	".page{fill:#fff}"
	"text{fill:#1b1f24;font:12px 'DejaVu Sans',Verdana,system-ui,sans-serif}"
	".title{font-size:18px;font-weight:bold}.name{font-size:14px;font-weight:bold}.soft{fill:#56606b}"
	".halo{stroke:#fff;stroke-width:3.5px;stroke-linejoin:round;paint-order:stroke}"
	".grid{stroke:#dde2e8}.axis{stroke:#8a939e}"
	".rest{fill:#c6dcf2}.held{fill:#5f97d3}.usage{fill:none;stroke:#1b4a80;stroke-width:1.5}"
	".limit{fill:none;stroke:#b3261e;stroke-width:2}.limit-text{fill:#b3261e}"
	".a{fill:#3d7a5a}.b{fill:#e3a94f}"
	".a-line{fill:none;stroke:#1f6fb5;stroke-width:1.6}"
	".b-line{fill:none;stroke:#c4561d;stroke-width:1.6;stroke-dasharray:5 2}"
	".c-line{fill:none;stroke:#5a3d8a;stroke-width:1.6;stroke-dasharray:1.5 2}"
	".most{opacity:.28}.a-most{fill:#1f6fb5;opacity:.22}.b-most{fill:#c4561d;opacity:.22}"
	".c-most{fill:#5a3d8a;opacity:.22}"
	".mark{stroke:#7b8591;stroke-dasharray:2 3}"
	".dot{fill:#fff;stroke:#1b4a80;stroke-width:1.5}"
	".good-dot{stroke:#11703f}.bad-dot{stroke:#b3261e}"
	".good{fill:#11703f}.bad{fill:#b3261e}.bad-mark{stroke:#b3261e}.good-mark{stroke:#11703f;stroke-dasharray:2 3}"
	"@media (prefers-color-scheme:dark){"
	".page{fill:#14171c}text{fill:#e6e9ee}.soft{fill:#a3adb9}.halo{stroke:#14171c}"
	".grid{stroke:#2b313a}.axis{stroke:#66707c}"
	".rest{fill:#27486b}.held{fill:#3f7fc4}.usage{stroke:#a9d0fa}"
	".limit{stroke:#ff8a80}.limit-text{fill:#ff8a80}"
	".a{fill:#4fa77c}.b{fill:#d99a3a}"
	".a-line{stroke:#6cb6ff}.b-line{stroke:#ffa366}.c-line{stroke:#c3a6ff}"
	".a-most{fill:#6cb6ff}.b-most{fill:#ffa366}.c-most{fill:#c3a6ff}"
	".mark{stroke:#8b95a1}.dot{fill:#14171c;stroke:#a9d0fa}"
	".good-dot{stroke:#62d59b}.bad-dot{stroke:#ff8a80}"
	".good{fill:#62d59b}.bad{fill:#ff8a80}.bad-mark{stroke:#ff8a80}.good-mark{stroke:#62d59b}"
	"}";

double frame_x(const struct frame *f, double x)
{
	return f->left + (x - f->x_low) / (f->x_high - f->x_low) * f->width;
}

double frame_y(const struct frame *f, double y)
{
	double share = (y - f->y_low) / (f->y_high - f->y_low);

	return f->top + f->height * (1 - fmin(fmax(share, 0), 1));
}

/* Not every character of UTF-8 may stand in XML, not even escaped (XML 1.0, 2.2). */
static bool is_character(const char *text, size_t length)
{
	if (length == 1)
		return (unsigned char)*text >= 0x20 && *text != 0x7f;
	return length != 3 || (memcmp(text, "\xef\xbf\xbe", 3) != 0 && memcmp(text, "\xef\xbf\xbf", 3) != 0);
}

void svg_escape(FILE *out, const char *text)
{
	while (*text) {
		size_t length = text_character(text);

		if (length == 0 || !is_character(text, length)) {
			fputc('?', out);
			text += length ? length : 1;
			continue;
		}
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fwrite(text, 1, length, out);
		text += length;
	}
}

/* Of DejaVu Sans, which is among the widest, in thousandths of its size. */
static const struct {
	const char *characters;
	int width;
} widths[] = {{"ijl", 278}, {" .,:;'|!", 335}, {"frtI()[]-/\"", 400}, {"cszkvxyJL", 570}, {"w", 820}, {"mMW%@", 960},
	{"ABCDEFGHKNOPQRSTUVXYZ&", 740}};

static int width_of(const char *character, size_t length)
{
	for (size_t i = 0; length == 1 && i < sizeof widths / sizeof *widths; i++)
		if (strchr(widths[i].characters, *character))
			return widths[i].width;
	return length > 2 ? 1000 : 636; /* what is far from ASCII may be as wide as high */
}

double svg_text_width(const char *text, double font_size)
{
	int width = 0;

	for (size_t length; *text; text += length ? length : 1) {
		length = text_character(text);
		width += width_of(text, length);
	}
	return width * font_size / 1000;
}

void svg_begin(FILE *out, double width, double height, const char *title)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
		"role=\"img\">\n<title>",
		width, height, width, height);
	svg_escape(out, title);
	fprintf(out, "</title>\n<style>%s</style>\n", style);
	svg_rect(out, 0, 0, width, height, "page");
}

void svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

void svg_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class, anchor);
	svg_escape(out, text);
	fputs("</text>\n", out);
}

void svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *class)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class);
}

void svg_rect(FILE *out, double x, double y, double width, double height, const char *class)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y, width, height,
		class);
}

void svg_dot(FILE *out, double x, double y, double radius, const char *class)
{
	fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s\"/>\n", x, y, radius, class);
}

static void put_points(FILE *out, const struct frame *f, const struct points *p)
{
	for (size_t i = 0; i < p->count; i++)
		fprintf(out, "%s%.1f %.1f", i ? "L" : "", frame_x(f, p->list[i].x), frame_y(f, p->list[i].y));
}

void svg_area(FILE *out, const struct frame *f, const struct points *p, const char *class)
{
	double bottom = f->top + f->height;

	if (p->count == 0)
		return;
	fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fL", class, frame_x(f, p->list[0].x), bottom);
	put_points(out, f, p);
	fprintf(out, "L%.1f %.1fZ\"/>\n", frame_x(f, p->list[p->count - 1].x), bottom);
}

void svg_path(FILE *out, const struct frame *f, const struct points *p, bool step, double until, const char *class)
{
	if (p->count == 0)
		return;
	fprintf(out, "<path class=\"%s\" d=\"M", class);
	if (!step)
		put_points(out, f, p);
	for (size_t i = 0; step && i < p->count; i++) {
		double x = frame_x(f, p->list[i].x);

		if (i && p->list[i].y == p->list[i - 1].y)
			continue;
		if (i)
			fprintf(out, "L%.1f %.1fL", x, frame_y(f, p->list[i - 1].y));
		fprintf(out, "%.1f %.1f", x, frame_y(f, p->list[i].y));
	}
	if (step)
		fprintf(out, "L%.1f %.1f", frame_x(f, until), frame_y(f, p->list[p->count - 1].y));
	fputs("\"/>\n", out);
}

/* From where to where values are known. */
static size_t run_end(const double *values, size_t count, size_t from)
{
	while (from < count && !isnan(values[from]))
		from++;
	return from;
}

static double base_at(const double *base, size_t i)
{
	return base && !isnan(base[i]) ? base[i] : 0;
}

static void put_run(FILE *out, const struct frame *f, const struct rates *r, const double *values, const double *base,
	bool area, size_t from, size_t to)
{
	fputc('M', out);
	for (size_t i = from; i < to; i++) {
		double y = frame_y(f, values[i] + base_at(base, i));

		fprintf(out, "%s%.1f %.1fL%.1f %.1f", i > from ? "L" : "", frame_x(f, r->low + r->width * (double)i), y,
			frame_x(f, r->low + r->width * (double)(i + 1)), y);
	}
	for (size_t i = to; area && i-- > from;) {
		double y = frame_y(f, base_at(base, i));

		fprintf(out, "L%.1f %.1fL%.1f %.1f", frame_x(f, r->low + r->width * (double)(i + 1)), y,
			frame_x(f, r->low + r->width * (double)i), y);
	}
	if (area)
		fputc('Z', out);
}

void svg_steps(FILE *out, const struct frame *f, const struct rates *r, const double *values, const double *base,
	bool area, const char *class)
{
	fprintf(out, "<path class=\"%s\" d=\"", class);
	for (size_t from = 0; from < r->count;) {
		size_t to = run_end(values, r->count, from);

		if (to > from)
			put_run(out, f, r, values, base, area, from, to);
		from = to > from ? to : from + 1;
	}
	fputs("\"/>\n", out);
}
