/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What replies took from a snapshot, for the account of who may still hold it (ledger/ledger.h):
 * words of the account, and the TTL that went out with them.
 *
 *   slab   [node, two sets ............................][node ....................]
 *   words  |  denied | set 0  | set 1  | (set 1)  ...      | denied | set 0 ...        32 bytes
 * each
 *
 * A word belongs to the node in which its 32 bytes begin; every node is larger than that, so each
 * has one of its own. It takes them in turn: the first is for what is denied at its name, then one
 * for each set. The sets that are left over when a node is small share its last, which tells the
 * latest of them: too late at worst, never too early. The apex stands for all names that are denied
 * in its zone and have no node.
 *
 * In a worker; filled by answer(), one query after the other.
 */
#pragma once

#include "snapshot/node.h"

enum {
    TOLD_UNITS = 4, /* of the slab, for each word */
    TOLD_MOST = 512,
    TOLD_ENOUGH = TOLD_MOST / 2, /* from here on the next reply might not fit */
};

/* Bytes of the slab for each word. */
#define TOLD_BYTES ((size_t)TOLD_UNITS * SLAB_UNIT)

struct told {
    uint32_t word;
    uint32_t ttl_s;
};

struct told_list {
    uint32_t count;
    uint32_t lost_ttl_s; /* the longest TTL of what did not fit */
    struct told at[TOLD_MOST];
};

_Static_assert(sizeof(struct node) + sizeof(struct rrset) > TOLD_BYTES - SLAB_UNIT,
               "a node has a word of its own, wherever it begins");

/* The words of a node: the first, and how many. */
struct told_words {
    uint32_t first, count;
};
static inline struct told_words told_words(const struct slab *slab, const struct node *node)
{
    size_t at = (size_t)((const uint8_t *)node - slab->base);
    size_t first = (at + TOLD_BYTES - 1) / TOLD_BYTES;
    size_t last = (at + node_bytes(node) - 1) / TOLD_BYTES;
    return (struct told_words){(uint32_t)first, (uint32_t)(last - first + 1)};
}

static inline uint32_t told_word_at(const struct slab *slab, const struct node *node,
                                    uint32_t place)
{
    struct told_words words = told_words(slab, node);
    return words.first + (place < words.count ? place : words.count - 1);
}

/* The place of a set: behind that of what is denied. The hidden set of a registered name
 * (snapshot/policy.h) is its first, and is never told. */
static inline uint32_t told_place(const struct node *node, uint32_t set)
{
    return set + !(node->head.flags & NODE_SERVICE);
}

/* The word of set `number` of the node, or (-1) of what is denied at its name. */
static inline uint32_t told_word(const struct slab *slab, const struct node *node, int number)
{
    return told_word_at(slab, node, number < 0 ? 0 : told_place(node, (uint32_t)number));
}

/* `list` may be NULL: nobody keeps account. */
static inline void told_add(struct told_list *list, const struct slab *slab,
                            const struct node *node, uint32_t place, uint32_t ttl_s)
{
    if (!list) {
        return;
    }
    if (list->count < TOLD_MOST) {
        list->at[list->count++] = (struct told){told_word_at(slab, node, place), ttl_s};
    } else if (ttl_s > list->lost_ttl_s) {
        list->lost_ttl_s = ttl_s;
    }
}

/* `set` is one of the node's own, no copy. */
static inline void told_set(struct told_list *list, const struct slab *slab,
                            const struct node *node, const struct rrset *set)
{
    told_add(list, slab, node, told_place(node, (uint32_t)(set - node_rrsets(node))), set->ttl);
}

static inline void told_denied(struct told_list *list, const struct slab *slab,
                               const struct node *node, uint32_t ttl_s)
{
    told_add(list, slab, node, 0, ttl_s);
}
