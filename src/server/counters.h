/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The counters of one thread (rows: COUNTER_TABLE in server.h), a set for each view and one for
 * "no view". One writer, which therefore needs no locked instruction; control reads whenever it
 * likes and adds up the threads.
 */
#pragma once

#include "server/server.h"

#include <stdatomic.h>

enum {
    COUNTER_ROWS = LIMIT_VIEWS + 1,
    COUNTER_NO_VIEW = LIMIT_VIEWS
};

struct counters {
    atomic_uint_least64_t count[COUNTER_ROWS][COUNTER_COUNT];
};

static inline void counters_bump(struct counters *counters, unsigned row, enum counter counter)
{
    atomic_uint_least64_t *cell = &counters->count[row][counter];
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

_Static_assert((int)COUNTER_FORMERR - COUNTER_DROPPED == (int)ANSWER_FORMERR - ANSWER_DROPPED &&
                   (int)COUNTER_REFERRAL - COUNTER_DROPPED == (int)ANSWER_REFERRAL - ANSWER_DROPPED,
               "the counters of outcomes stand in the order of enum answer_kind");

/* One query and what became of it. `received`: COUNTER_QUERIES_UDP or COUNTER_QUERIES_TCP. */
static inline void counters_note(struct counters *counters, enum counter received,
                                 const struct outcome *outcome)
{
    unsigned row = outcome->view < LIMIT_VIEWS ? outcome->view : COUNTER_NO_VIEW;
    counters_bump(counters, row, received);
    counters_bump(counters, row, (enum counter)(COUNTER_DROPPED + outcome->kind));
    if (outcome->edns) {
        counters_bump(counters, row, COUNTER_EDNS);
    }
    if (outcome->truncated) {
        counters_bump(counters, row, COUNTER_TRUNCATED);
    }
}

/* One counter of one view; -1: of all, "no view" included. */
uint64_t counters_read(const struct counters *counters, enum counter counter, int view);
