/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/deadline.h"

#include "base/assert.h"

#include <stddef.h>

void deadline_list_init(struct deadline_list *list, struct duration length)
{
    *list = (struct deadline_list){.length = length};
}

void deadline_start(struct deadline_list *list, struct deadline *deadline, struct mono now)
{
    deadline_stop(deadline);
    deadline->at = mono_add(now, list->length);
    ASSERT(!list->last || !mono_before(deadline->at, list->last->at));
    deadline->list = list;
    deadline->prev = list->last;
    deadline->next = NULL;
    if (list->last) {
        list->last->next = deadline;
    } else {
        list->first = deadline;
    }
    list->last = deadline;
}

void deadline_stop(struct deadline *deadline)
{
    struct deadline_list *list = deadline->list;
    if (!list) {
        return;
    }
    if (deadline->prev) {
        deadline->prev->next = deadline->next;
    } else {
        list->first = deadline->next;
    }
    if (deadline->next) {
        deadline->next->prev = deadline->prev;
    } else {
        list->last = deadline->prev;
    }
    deadline->list = NULL;
    deadline->next = NULL;
    deadline->prev = NULL;
}

struct deadline *deadline_expired(struct deadline_list *list, struct mono now)
{
    struct deadline *first = list->first;
    if (!first || mono_before(now, first->at)) {
        return NULL;
    }
    deadline_stop(first);
    return first;
}

struct duration deadline_next(const struct deadline_list *list, struct mono now,
                              struct duration most)
{
    if (!list->first) {
        return most;
    }
    struct duration left = mono_since(list->first->at, now);
    if (left.ns < 0) {
        left.ns = 0;
    }
    return left.ns < most.ns ? left : most;
}
