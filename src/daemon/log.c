/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One line, in one write: other writers to the same stream do not come between. */
__attribute__((format(printf, 3, 0))) static void log_line(int level, const char *word,
                                                           const char *format, va_list args)
{
    char text[8192], line[8300];
    vsnprintf(text, sizeof(text), format, args);
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' ';
        }
    }
    const char *journal = getenv("JOURNAL_STREAM");
    if (journal && *journal) {
        snprintf(line, sizeof(line), "<%d>horizon: %s%s\n", level, word, text);
    } else {
        snprintf(line, sizeof(line), "horizon: %s%s\n", word, text);
    }
    fputs(line, stderr);
    fflush(stderr);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(6, "", format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(4, "warning: ", format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(3, "error: ", format, args);
    va_end(args);
}

static void log_diag(const struct diag *diag)
{
    char where[4200];
    const char *file = diag->place.file ? diag->place.file : "command line";
    if (diag->place.line && diag->place.column) {
        snprintf(where, sizeof(where), "%s:%" PRIu32 ":%" PRIu32, file, diag->place.line,
                 diag->place.column);
    } else if (diag->place.line) {
        snprintf(where, sizeof(where), "%s:%" PRIu32, file, diag->place.line);
    } else {
        snprintf(where, sizeof(where), "%s", file);
    }
    const char *semicolon = diag->mend ? "; " : "", *mend = diag->mend ? diag->mend : "";
    if (diag->severity == SEVERITY_ERROR) {
        log_error("%s: %s%s%s", where, diag->text, semicolon, mend);
    } else {
        log_warning("%s: %s%s%s", where, diag->text, semicolon, mend);
    }
}

void log_diags(const struct diag_list *diags)
{
    for (const struct diag *diag = diags->first; diag; diag = diag->next) {
        log_diag(diag);
    }
    if (diags->lost && !diags->first) {
        log_error("no memory to say what is wrong");
    } else if (diags->lost) {
        log_warning("%" PRIu32 " more findings; 'horizon check' counts them", diags->lost);
    }
}
