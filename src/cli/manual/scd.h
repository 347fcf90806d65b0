/* Text as source of a manual page: scdoc(5). */
#pragma once

#include <stdio.h>

/* A running text: what means something to scdoc is escaped, `this` becomes bold. */
void scd_text(FILE *out, const char *text);

/* The same as a sentence: a capital at the beginning, a full stop at the end. */
void scd_sentence(FILE *out, const char *text);

/* Arguments as a usage line shows them, "NAME KEY=VALUE...": words that begin with a capital are underlined. */
void scd_args(FILE *out, const char *args);
