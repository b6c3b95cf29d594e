/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/diag.h"

#include "base/limits.h"

#include <stdio.h>

void diag_init(struct diag_list *list, const struct alloc *alloc)
{
    *list = (struct diag_list){0};
    arena_init(&list->arena, alloc);
    list->last = &list->first;
}

void diag_deinit(struct diag_list *list)
{
    arena_deinit(&list->arena);
    list->first = NULL;
    list->last = &list->first;
}

static void diag_keep(struct diag_list *list, enum severity severity, struct place place,
                      const char *mend, const char *text)
{
    struct diag *diag = text ? arena_new(&list->arena, sizeof(*diag)) : NULL;
    if (!diag) {
        list->lost++;
        return;
    }
    *diag = (struct diag){
        .severity = severity,
        .place = place,
        .text = text,
        .mend = mend ? arena_text(&list->arena, mend) : NULL,
    };
    if (place.file) {
        diag->place.file = arena_text(&list->arena, place.file);
    }
    *list->last = diag;
    list->last = &diag->next;
}

void diag_add(struct diag_list *list, enum severity severity, struct place place, const char *mend,
              const char *format, ...)
{
    uint32_t *count = severity == SEVERITY_ERROR ? &list->errors : &list->warnings;
    (*count)++;
    if (*count > LIMIT_DIAGS) {
        list->lost++;
        return;
    }
    va_list args;
    va_start(args, format);
    diag_keep(list, severity, place, mend, arena_format_args(&list->arena, format, args));
    va_end(args);
}

void diag_move(struct diag_list *to, const struct diag_list *from)
{
    for (const struct diag *diag = from->first; diag; diag = diag->next) {
        diag_add(to, diag->severity, diag->place, diag->mend, "%s", diag->text);
    }
    to->lost += from->lost;
    uint32_t kept_errors = 0, kept_warnings = 0;
    for (const struct diag *diag = from->first; diag; diag = diag->next) {
        *(diag->severity == SEVERITY_ERROR ? &kept_errors : &kept_warnings) += 1;
    }
    to->errors += from->errors - kept_errors;
    to->warnings += from->warnings - kept_warnings;
}

size_t diag_format(const struct diag *diag, char *out, size_t size)
{
    char where[512] = "";
    const char *file = diag->place.file ? diag->place.file : "command line";
    if (diag->place.line && diag->place.column) {
        snprintf(where, sizeof(where), "%s:%u:%u", file, diag->place.line, diag->place.column);
    } else if (diag->place.line) {
        snprintf(where, sizeof(where), "%s:%u", file, diag->place.line);
    } else {
        snprintf(where, sizeof(where), "%s", file);
    }
    const char *kind = diag->severity == SEVERITY_ERROR ? "error" : "warning";
    int len = snprintf(out, size, "%s: %s: %s%s%s", where, kind, diag->text, diag->mend ? "; " : "",
                       diag->mend ? diag->mend : "");
    return len < 0 ? 0 : (size_t)len;
}
