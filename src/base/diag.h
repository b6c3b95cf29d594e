/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Diagnostics: what a person must know about a file, with its place and its mend. Parsers, zone
 * checks and guards add findings to a list; `horizon check`, the log and the API print the same
 * list.
 *
 *   example.zone:12: error: CNAME beside other data at www.example.com.; keep one of them
 *
 * The list owns its texts (an arena). Findings beyond LIMIT_DIAGS are counted, not kept. Running
 * out of memory while adding is remembered in `lost`, never fatal.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

enum severity {
    SEVERITY_WARNING,
    SEVERITY_ERROR
};

/* Where something was written. file NULL: on the command line. line and column count from 1; 0:
 * unknown. */
struct place {
    const char *file;
    uint32_t line, column;
};

struct diag {
    struct diag *next;
    enum severity severity;
    struct place place;
    const char *text; /* what is wrong; */
    const char *mend; /* what to do about it, or NULL */
};

struct diag_list {
    struct arena arena;
    struct diag *first, **last;
    uint32_t errors, warnings; /* all findings, kept or not */
    uint32_t lost;             /* findings not kept */
};

void diag_init(struct diag_list *list, const struct alloc *alloc);
void diag_deinit(struct diag_list *list);

/* Adds one finding; texts and place.file are copied. `mend` may be NULL. */
__attribute__((format(printf, 5, 6))) void diag_add(struct diag_list *list, enum severity severity,
                                                    struct place place, const char *mend,
                                                    const char *format, ...);

/* Copies all findings of `from` to the end of `to`. */
void diag_move(struct diag_list *to, const struct diag_list *from);

/* One finding as text, "FILE:LINE:COL: error: TEXT; MEND", always terminated; returns the full
 * length. */
size_t diag_format(const struct diag *diag, char *out, size_t size);
