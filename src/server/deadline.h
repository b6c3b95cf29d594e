/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Deadlines of connections. Every kind of wait has one fixed length, so a list per kind that grows
 * at its end is always ordered, and starting, moving and ending a wait cost a few stores.
 *
 *   idle:     [conn 7, +2.1 s] ─ [conn 3, +9.8 s]
 *   message:  [conn 9, +0.4 s] ─ [conn 2, +4.4 s]
 *
 * One thread owns a list and all its entries. Time is an argument.
 */
#pragma once

#include "base/time.h"

struct deadline_list;

/* Lies inside the thing that waits. All zero: waits for nothing. */
struct deadline {
    struct deadline *next, *prev;
    struct deadline_list *list;
    struct mono at;
};

struct deadline_list {
    struct deadline *first, *last;
    struct duration length;
};

void deadline_list_init(struct deadline_list *list, struct duration length);
/* Begins a wait; one that runs already, in any list, ends first. `now` never goes back. */
void deadline_start(struct deadline_list *list, struct deadline *deadline, struct mono now);
void deadline_stop(struct deadline *deadline);
/* Takes the first entry that is over, or NULL. */
struct deadline *deadline_expired(struct deadline_list *list, struct mono now);
/* Time until the first entry is over, at least 0; `most` when that is sooner or nothing waits. */
struct duration deadline_next(const struct deadline_list *list, struct mono now,
                              struct duration most);
