/* What the supervisor tells the person at the terminal: one line on standard error, "virtualing: NAME: TEXT". */
#pragma once

/* name: the virtual's, or NULL. Never blocks for long: a standard error that nobody reads loses the line. */
void say_line(const char *text); /* the same without what comes before it */
void say(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
