/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/trace.h"

void trace_init(struct trace *trace, const struct alloc *alloc)
{
    arena_init(&trace->arena, alloc);
    trace->first = NULL;
    trace->last = &trace->first;
}

void trace_deinit(struct trace *trace)
{
    arena_deinit(&trace->arena);
    trace->first = NULL;
    trace->last = &trace->first;
}

void trace_add(struct trace *trace, enum trace_step step, const char *format, ...)
{
    if (!trace) {
        return;
    }
    struct trace_entry *entry = arena_new(&trace->arena, sizeof(*entry));
    if (!entry) {
        return;
    }
    va_list args;
    va_start(args, format);
    *entry = (struct trace_entry){.step = step,
                                  .detail = arena_format_args(&trace->arena, format, args)};
    va_end(args);
    *trace->last = entry;
    trace->last = &entry->next;
}

const char *trace_step_name(enum trace_step step)
{
    static const char *const names[] = {
#define X(step, name, text) [step] = name,
        TRACE_STEP_TABLE(X)
#undef X
    };
    return names[step];
}

const char *trace_step_text(enum trace_step step)
{
    static const char *const texts[] = {
#define X(step, name, text) [step] = text,
        TRACE_STEP_TABLE(X)
#undef X
    };
    return texts[step];
}
