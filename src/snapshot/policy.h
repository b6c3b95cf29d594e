/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a registered name is answered: a hidden first record set of its node, of type 0, which no
 * zone text can hold and no question gets. It marks the node (NODE_SERVICE) and says which of the
 * records a reply takes.
 *
 *   [type 0: mode, answers, negative TTL, weights of A..., weights of AAAA...] [A] [AAAA] [SRV] ...
 *
 * Weights stand in the order of the addresses, and only where they differ. A node with nothing but
 * this set is a name that exists and has no data now.
 */
#pragma once

#include "snapshot/node.h"

enum {
    TYPE_POLICY = 0
};

enum policy_mode {
    POLICY_ALL,      /* every record, rotated */
    POLICY_SOME,     /* `answers` of them, the same for the same client */
    POLICY_WEIGHTED, /* `answers` addresses, drawn by weight */
};

struct policy {
    uint8_t mode;  /* enum policy_mode */
    bool weighted; /* weights follow */
    uint16_t answers;
    uint32_t negative_ttl_s;
    uint16_t counts[2]; /* of A and AAAA */
    bool by_site;       /* a client whose site is known gets the variant of that site */
};

/* The variant of a registered name for clients of one site stands below it, at a label that no zone
 * text has (and who asks for it learns what that site is told): 3, 0, 's', number of the site. */
enum {
    SITE_LABEL_BYTES = 4
};
static inline void site_label(uint8_t out[SITE_LABEL_BYTES], unsigned site)
{
    out[0] = 3;
    out[1] = 0;
    out[2] = 's';
    out[3] = (uint8_t)site;
}

/* A node's policy; it must be one of a service. *ret_weights: where they stand, unaligned. */
struct policy policy_read(const struct node *node, const uint8_t **ret_weights);

static inline uint16_t policy_weight(const uint8_t *weights, unsigned i)
{
    uint16_t weight;
    memcpy(&weight, weights + 2 * (size_t)i, 2);
    return weight;
}

/* Appends the rdata of the hidden set: `weights` has counts[0] + counts[1] entries, or is NULL. */
int policy_encode(struct buf *out, const struct policy *policy, const uint16_t *weights);

/* The first set of a node that a question may see, and how many there are. */
static inline const struct rrset *node_visible_sets(const struct node *node, unsigned *ret_count)
{
    unsigned hidden = node->head.flags & NODE_SERVICE ? 1 : 0;
    *ret_count = node->head.count - hidden;
    return node_rrsets(node) + hidden;
}
