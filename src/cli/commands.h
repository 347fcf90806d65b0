/* What the commands do once their options are parsed, one file each.  All return the exit status of the program. */
#pragma once

#include "cli/command.h"

enum { CLI_FAILED = 125 }; /* virtualing itself failed */

extern const struct command cli_commands[]; /* table.c; ends with a row without name */

int cmd_run(const struct options_values *own, json_t *document);
int cmd_attach(const struct options_values *own, json_t *document);
int cmd_check(const struct options_values *own, json_t *document);
int cmd_list(const struct options_values *own, json_t *document);
int cmd_show(const struct options_values *own, json_t *document);
int cmd_stop(const struct options_values *own, json_t *document);
int cmd_kill(const struct options_values *own, json_t *document);
int cmd_exec(const struct options_values *own, json_t *document);
int cmd_pause(const struct options_values *own, json_t *document);
int cmd_resume(const struct options_values *own, json_t *document);
int cmd_set(const struct options_values *own, json_t *document);
int cmd_events(const struct options_values *own, json_t *document);
int cmd_plot(const struct options_values *own, json_t *document);
int cmd_top(const struct options_values *own, json_t *document);
int cmd_gc(const struct options_values *own, json_t *document);
int cmd_doctor(const struct options_values *own, json_t *document);

/* `virtualing FILE.rb [ARG...]`: words[0] is the file. */
int cli_run_file(char **words);
bool cli_is_file(const char *word); /* ends in ".rb" */

/* Makes the paths of options that name a file to be written absolute, as a shell means them. */
int cli_absolute_files(json_t *document, struct err *e);

/* 0, or -EPERM, and it has been said: better one sentence now than EACCES from somewhere deep. */
int cli_need_root(void);
