/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/counters.h"

#include "base/assert.h"

static const struct {
    const char *name, *text;
    bool per_view;
} table[COUNTER_COUNT] = {
#define X(id, name, per_view, text) [id] = {name, text, per_view},
    COUNTER_TABLE(X)
#undef X
};

const char *counter_name(enum counter counter)
{
    return table[counter].name;
}

const char *counter_text(enum counter counter)
{
    return table[counter].text;
}

bool counter_per_view(enum counter counter)
{
    return table[counter].per_view;
}

uint64_t counters_read(const struct counters *counters, enum counter counter, int view)
{
    ASSERT(view >= -1 && view < COUNTER_ROWS);
    int first = view < 0 ? 0 : view;
    int last = view < 0 ? COUNTER_ROWS - 1 : view;
    uint64_t sum = 0;
    for (int row = first; row <= last; row++) {
        sum += atomic_load_explicit(&counters->count[row][counter], memory_order_relaxed);
    }
    return sum;
}
