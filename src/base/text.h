/* Text from outside (paths, names, values) on its way to a terminal, a log or a JSON string. */
#pragma once

#include <stddef.h>

/* Length in bytes of the well-formed UTF-8 character at `text`, 0 for the end of the text and for a byte that does
 * not begin one.  Source: RFC 3629, section 4. */
size_t text_character(const char *text);

/* Puts "?" for every byte that is no UTF-8 and for control characters, so that the text is one line, cannot steer a
 * terminal, and can always be encoded as JSON.  Changes it in place; no allocation. */
void text_tidy(char *text);
