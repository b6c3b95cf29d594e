/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which records of a set a reply takes, and in what order.
 *
 *   rotate     all of them, beginning anywhere
 *   weighted   some, drawn by weight without replacement
 *   stable     some, the same for the same client as long as they exist (highest random weight: a
 *              record that goes moves only those clients that had it)
 *
 * Values on the stack; no allocation.
 */
#pragma once

#include "base/address.h"
#include "snapshot/node.h"

enum {
    PICK_MOST = 256 /* more records than fit a UDP reply of the largest payload we offer */
};

struct pick {
    unsigned count;
    uint32_t at[PICK_MOST]; /* places of records in the node, as rdata_next() takes them */
};

/* `want` of the set's records for this client, best first. */
void pick_stable(const struct node *node, const struct rrset *set, const struct address *client,
                 unsigned want, struct pick *out);

/* `want` different ones of a set of A or AAAA, drawn by weight (policy_weight() of weights[]; NULL:
 * all the same) from `random`. Weight 0 is never drawn while others are left. */
void pick_weighted(const struct rrset *set, const uint8_t *weights, uint64_t random, unsigned want,
                   struct pick *out);
