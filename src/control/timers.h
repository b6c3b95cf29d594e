/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Instants at which the one writer has to look again: a binary heap of timers, earliest first,
 * equal ones in the order in which they were set. Nothing runs by itself: the shell asks for the
 * next instant and hands the time in.
 *
 *   timer_set(&timers, &lease, at) ... timers_next() ─► the shell waits ─► timers_due(now) each
 *
 * A timer lies in the object that it is for; it must be stopped before that goes.
 */
#pragma once

#include "base/alloc.h"
#include "base/time.h"

struct timer {
    struct mono at;
    uint64_t order;
    uint32_t place; /* in the heap, from 1; 0: not set */
    uint8_t kind;   /* the owner's */
};

struct timers {
    const struct alloc *alloc;
    struct timer **heap; /* heap[0] unused */
    uint32_t count, cap;
    uint64_t order;
};

void timers_init(struct timers *timers, const struct alloc *alloc);
void timers_deinit(struct timers *timers);
/* Room for `more` timers beside those that are set, so that setting cannot fail. ERR_NOMEM. */
int timers_reserve(struct timers *timers, uint32_t more);
/* Sets or moves. Needs timers_reserve() for one that was not set. */
void timer_set(struct timers *timers, struct timer *timer, struct mono at);
void timer_stop(struct timers *timers, struct timer *timer);
/* The earliest; NULL when none is set. */
const struct timer *timers_next(const struct timers *timers);
/* Takes out one that is due at `now`; NULL when none is. */
struct timer *timers_due(struct timers *timers, struct mono now);
