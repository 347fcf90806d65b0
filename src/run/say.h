/* What the supervisor tells the person at the terminal: one line on standard error, "virtualing: NAME: TEXT"; and
 * whoever reads the log of that virtual. */
#pragma once

#include <stddef.h>

/* From now on what is said about this virtual goes to fd, too, unless that is where standard error leads.  fd: borrowed
 * until say_log_end(). name: copied; NULL: what is said about none. The latest of one name counts. */
void say_log(const char *name, int fd);
void say_log_end(int fd);

/* name: the virtual's, or NULL. Never blocks for long: a standard error that nobody reads loses the line. */
void say_text(const char *text, size_t length); /* as it is */
void say_line(const char *text);		/* the same without what comes before it */
void say(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
