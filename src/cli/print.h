/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the command line shows: errors with their mend, findings, aligned tables, JSON, and colour
 * where a person looks (a terminal, NO_COLOR not set).
 *
 *   struct table table = {.columns = 3};
 *   table_cell(&table, "..."); ...        row by row
 *   table_print(&table, stdout, "  ");    columns as wide as their widest cell; frees the cells
 */
#pragma once

#include "base/diag.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdio.h>

enum colour {
    COLOUR_NONE,
    COLOUR_BOLD,
    COLOUR_DIM,
    COLOUR_RED,
    COLOUR_YELLOW,
    COLOUR_GREEN
};

/* Starts (or with COLOUR_NONE ends) a colour on a stream that shows colours; else prints nothing.
 */
void print_colour(FILE *out, enum colour colour);

/* From now on errors are documents on standard output ({"error": {"field", "reason", "mend"}}), as
 * --json wants them; false goes back to text. */
void print_errors_as_json(bool wanted);
/* One error: "horizon: error: REASON; MEND" on standard error, or a document. `field` and `mend`
 * may be NULL. Returns `status`. */
__attribute__((format(printf, 4, 5))) int print_fault(int status, const char *field,
                                                      const char *mend, const char *format, ...);
/* Findings that leave nothing to work with: all as text, or the first error as a document. */
void print_diags_as_error(int status, const struct diag_list *diags);

/* "horizon: error: TEXT" on standard error; returns EXIT_NO. */
__attribute__((format(printf, 1, 2))) int print_failure(const char *format, ...);
/* The same, then where to read on; returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int print_usage(const struct command *command,
                                                      const char *format, ...);
/* Findings, one a line, and how many were left out. */
void print_diags(FILE *out, const struct diag_list *diags);
/* One JSON document on standard output; takes over the reference. */
void print_json(json_t *json);

enum {
    TABLE_COLUMNS_MAX = 12
};

struct table {
    unsigned columns;
    uint32_t right; /* bit i: column i is flush right */
    char **cells;
    size_t count, cap;
};
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);
void table_print(struct table *table, FILE *out, const char *indent);
void table_free(struct table *table);

/* "1,234,567". Returns out. */
char *print_number(int64_t value, char out[32]);
/* "3.4 MiB". Returns out. */
char *print_bytes(int64_t value, char out[32]);
/* "2 d 3 h". Returns out. */
char *print_seconds(int64_t seconds, char out[32]);
/* "zone" or "zones". */
const char *print_plural(int64_t count, const char *one, const char *many);
