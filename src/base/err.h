/* What went wrong, in words, gathered on the way up.
 *
 * Every function that can fail returns 0 or a negative errno and fills the caller's struct err.  The line that
 * saw the call fail writes the text; a caller may put before it what it was trying to do.  Nothing here
 * allocates, prints or exits, so all of it may be used between clone and exec.
 *
 *     if (mount(src, dst, NULL, MS_BIND, NULL) < 0)
 *         return err_sys(e, "bind %s on %s", src, dst);
 *     ...
 *     if (mount_all(plan, e) < 0)
 *         return err_while(e, "build root %s", plan->root);
 */
#pragma once

enum { ERR_TEXT = 480 };

struct err {
	int code;	     /* errno, positive; 0 while nothing went wrong */
	char text[ERR_TEXT]; /* one line of UTF-8 without its newline and control characters; cut short with "..." */
};

/* All three return -e->code, so that `return err_sys(...)` reads well. e may not be NULL. */

/* Sets the text; code is a positive errno. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets the text and appends ": " and the words for errno. */
int err_sys(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "format: " before the text that is there. */
int err_while(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
