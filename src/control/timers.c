/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/timers.h"

#include "base/assert.h"
#include "base/error.h"

#include <stdbool.h>

void timers_init(struct timers *timers, const struct alloc *alloc)
{
    *timers = (struct timers){.alloc = alloc};
}

void timers_deinit(struct timers *timers)
{
    mem_free(timers->alloc, timers->heap);
    *timers = (struct timers){.alloc = timers->alloc};
}

int timers_reserve(struct timers *timers, uint32_t more)
{
    uint32_t cap = timers->cap ? timers->cap : 16;
    while (cap < timers->count + more + 1) {
        cap *= 2;
    }
    if (cap > timers->cap) {
        struct timer **heap = mem_resize(timers->alloc, timers->heap, cap * sizeof(struct timer *));
        if (!heap) {
            return ERR_NOMEM;
        }
        timers->heap = heap;
        timers->cap = cap;
    }
    return ERR_OK;
}

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

static void put(struct timers *timers, uint32_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void rise(struct timers *timers, struct timer *timer)
{
    uint32_t place = timer->place;
    for (; place > 1 && earlier(timer, timers->heap[place / 2]); place /= 2) {
        put(timers, place, timers->heap[place / 2]);
    }
    put(timers, place, timer);
}

static void sink(struct timers *timers, struct timer *timer)
{
    uint32_t place = timer->place;
    for (;;) {
        uint32_t child = 2 * place;
        if (child > timers->count) {
            break;
        }
        child += child < timers->count && earlier(timers->heap[child + 1], timers->heap[child]);
        if (!earlier(timers->heap[child], timer)) {
            break;
        }
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
    uint32_t place = timer->place;
    if (place == 0) {
        return;
    }
    struct timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last != timer) {
        put(timers, place, last);
        rise(timers, last);
        sink(timers, last);
    }
}

void timer_set(struct timers *timers, struct timer *timer, struct mono at)
{
    timer_stop(timers, timer);
    ASSERT(timers->count + 1 < timers->cap);
    timer->at = at;
    timer->order = ++timers->order;
    put(timers, ++timers->count, timer);
    rise(timers, timer);
}

const struct timer *timers_next(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[1] : NULL;
}

struct timer *timers_due(struct timers *timers, struct mono now)
{
    struct timer *first = timers->count > 0 ? timers->heap[1] : NULL;
    if (!first || first->at.ns > now.ns) {
        return NULL;
    }
    timer_stop(timers, first);
    return first;
}
