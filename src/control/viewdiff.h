/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What differs between two views, name by name and type by type, and whether somebody meant it: an
 * overlay with a reason, or an `only` rule, declares a difference; an overlay without a reason, or
 * two files for one origin, does not.
 */
#pragma once

#include "control/control.h"

enum view_difference_kind {
    DIFFERENCE_ZONE, /* one view has the zone, the other has not */
    DIFFERENCE_NAME, /* one view has the name, the other has not */
    DIFFERENCE_SET,  /* both have the name; the sets of `type` differ, or one has none */
};

struct view_difference {
    enum view_difference_kind kind;
    const uint8_t *owner; /* absolute */
    uint16_t type;        /* for DIFFERENCE_SET */
    bool in_a, in_b;
    const struct node *node_a, *node_b; /* NULL where there is none */
    const struct rrset *set_a, *set_b;
    bool declared;
    const char *reason; /* of the overlay, or what declares it; NULL */
    struct place place; /* where the difference is written; file NULL if nowhere */
};

typedef void view_difference_fn(void *ctx, const struct view_difference *difference);

/* Calls `each` for every difference between views a and b, in order; below `owner` only (NULL:
 * all). Returns how many there are. */
uint64_t control_view_diff(const struct control *control, unsigned a, unsigned b,
                           const uint8_t *owner, view_difference_fn *each, void *ctx);
