/* virtualing-png: an SVG on standard input becomes a PNG on standard output, twice as large in pixels. */
#include <cairo.h>
#include <errno.h>
#include <librsvg/rsvg.h>
#include <stdio.h>
#include <string.h>

enum { FAILED = 125, SCALE = 2, SIDE_MAX = 32767 };

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "virtualing: %s: %s\n", what, why);
	return FAILED;
}

static cairo_status_t put(void *arg, const unsigned char *data, unsigned length)
{
	return fwrite(data, 1, length, stdout) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static RsvgHandle *read_picture(GError **error)
{
	GByteArray *bytes = g_byte_array_new();
	guint8 buffer[65536];
	RsvgHandle *handle;
	size_t n;

	while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		g_byte_array_append(bytes, buffer, (guint)n);
	handle = rsvg_handle_new_from_data(bytes->data, bytes->len, error);
	g_byte_array_unref(bytes);
	return handle;
}

static int draw(RsvgHandle *handle, double width, double height)
{
	RsvgRectangle whole = {0, 0, width * SCALE, height * SCALE};
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)whole.width, (int)whole.height);
	cairo_t *cairo = cairo_create(surface);
	GError *error = NULL;
	cairo_status_t status;

	if (!rsvg_handle_render_document(handle, cairo, &whole, &error))
		return fail("draw the PNG", error->message);
	status = cairo_surface_write_to_png_stream(surface, put, NULL);
	cairo_destroy(cairo);
	cairo_surface_destroy(surface);
	if (status != CAIRO_STATUS_SUCCESS)
		return fail("write the PNG", cairo_status_to_string(status));
	return fflush(stdout) == EOF ? fail("write the PNG", strerrordesc_np(errno)) : 0;
}

int main(void)
{
	GError *error = NULL;
	RsvgHandle *handle = read_picture(&error);
	double width, height;

	if (!handle)
		return fail("read the SVG", error->message);
	if (!rsvg_handle_get_intrinsic_size_in_pixels(handle, &width, &height) || width * SCALE > SIDE_MAX ||
		height * SCALE > SIDE_MAX)
		return fail("draw the PNG", "the picture is too large: draw fewer recordings, or an SVG");
	return draw(handle, width, height);
}
