/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nodes: all records of one owner name in one zone, compact and immutable, in one slab block.
 *
 *   [block header: count = record sets, flags][bytes and name length][relative name][pad]
 *   [struct rrset]... sorted by type      [rdata of set 0][rdata of set 1]...
 *
 * Rdata of A and AAAA lie side by side without lengths; all others have a 16-bit length before
 * each. Within a set, rdata are sorted (RFC 4034 6.3) and unique; one TTL a set (RFC 2181 5.2).
 *
 * Zone blocks: one zone as one view sees it; the leaves of a view's tree of zones.
 */
#pragma once

#include "base/address.h"
#include "base/limits.h"
#include "dns/type.h"
#include "snapshot/qp.h"

#include <string.h>

enum {
    NODE_APEX = 1, /* has the zone's SOA */
    NODE_CUT = 2,  /* NS, not at the apex */
    NODE_DNAME = 4,
    NODE_CNAME = 8,
    NODE_PRIVATE = 16, /* hands out an address that is not public, hints included */
    NODE_PUBLIC = 32,  /* hands out a public address */
    NODE_SERVICE = 64, /* a registered name: its first set is the hidden one of policy.h */
};

struct rrset {
    uint16_t type, count;
    uint32_t ttl;
    uint32_t at; /* offset of its rdata from the node's start */
};

struct node {
    struct block head;
    uint32_t bytes_and_name_len; /* bytes << 8 | length of name */
    uint8_t name[];              /* relative; then pad to 4, sets, rdata */
};

static inline const struct node *node_at(const struct slab *slab, ref_t ref)
{
    return slab_at(slab, ref);
}

static inline unsigned node_name_len(const struct node *node)
{
    return node->bytes_and_name_len & 0xff;
}

static inline uint32_t node_bytes(const struct node *node)
{
    return node->bytes_and_name_len >> 8;
}

static inline const struct rrset *node_rrsets(const struct node *node)
{
    return (const struct rrset *)(const void *)((const uint8_t *)node + sizeof(struct node) +
                                                ((node_name_len(node) + 3u) & ~3u));
}

/* The set of a type, NULL if none. */
static inline const struct rrset *node_find(const struct node *node, uint16_t type)
{
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; i < node->head.count; i++) {
        if (sets[i].type == type) {
            return &sets[i];
        }
    }
    return NULL;
}

static inline const uint8_t *rrset_data(const struct node *node, const struct rrset *set)
{
    return (const uint8_t *)node + set->at;
}

/* Steps through the rdata of a set: *at starts at rrset_data(). */
static inline const uint8_t *rdata_next(const struct rrset *set, const uint8_t **at, uint16_t *len)
{
    const uint8_t *rdata = *at;
    unsigned fixed = type_fixed_bytes(set->type);
    if (fixed) {
        *len = (uint16_t)fixed;
    } else {
        memcpy(len, rdata, 2);
        rdata += 2;
    }
    *at = rdata + *len;
    return rdata;
}

/* --- making nodes: a draft collects records, node_encode freezes them ------------------------- */

struct draft_record {
    const uint8_t *rdata; /* not owned */
    uint32_t ttl;
    uint16_t type, len;
};

struct node_draft {
    const struct alloc *alloc;
    struct draft_record *records;
    size_t count, cap;
};

void node_draft_init(struct node_draft *draft, const struct alloc *alloc);
void node_draft_deinit(struct node_draft *draft);
void node_draft_clear(struct node_draft *draft);
int node_draft_add(struct node_draft *draft, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                   uint16_t len);
/* Adds everything a node holds; the node must outlive the draft's use. */
int node_draft_add_node(struct node_draft *draft, const struct node *node);
void node_draft_drop_type(struct node_draft *draft, uint16_t type);
void node_draft_drop_addresses(struct node_draft *draft); /* the address group, dns/type.h */
bool node_draft_has(const struct node_draft *draft, uint16_t type);

enum {
    NODE_MIXED_TTLS = 8
};

/* Freezes the draft (sorted and made unique in place) into a fresh node. mixed_ttl[NODE_MIXED_TTLS]
 * (may be NULL) receives the types whose TTLs differed (the lowest is used), the first ones, then
 * 0; RRSIG is no set by itself and not among them (RFC 4034 3). ERR_LIMIT: too much for one name or
 * one set. */
int node_encode(struct txn *txn, const uint8_t *name, size_t name_len, struct node_draft *draft,
                ref_t *out, uint16_t *mixed_ttl);

/* Node of an absolute name, upper case allowed, in the tree of a zone whose origin has
 * `origin_labels` labels and is above the name; NULL when there is none. */
const struct node *node_of_name(const struct slab *slab, struct twig root, unsigned origin_labels,
                                const uint8_t *name);

/* Same name and records? */
bool node_same(const struct node *a, const struct node *b);

/* LEAF_CUT and LEAF_DNAME of a node. */
static inline unsigned node_leaf_flags(const struct node *node)
{
    return (node->head.flags & NODE_CUT ? LEAF_CUT : 0u) |
           (node->head.flags & NODE_DNAME ? LEAF_DNAME : 0u);
}

/* Calls `each` with every address that the node hands out: A, AAAA, and the hints of HTTPS and SVCB
 * (RFC 9460 7.3). Stops when it returns false. */
typedef bool node_address_fn(void *ctx, uint16_t type, const struct address *address);
void node_each_address(const struct node *node, node_address_fn *each, void *ctx);

/* --- zones in a view ---------------------------------------------------------------------------
 */

enum {
    ZONE_VIEW_LOADED = 1,
    ZONE_VIEW_WILDCARD = 2,
    ZONE_VIEW_REGISTRY = 4,       /* negatives anywhere in it are short-lived */
    ZONE_VIEW_REGISTRY_BELOW = 8, /* ... below names that the configuration lists */
};

struct zone_view {
    struct block head; /* flags: ZONE_VIEW_* */
    struct twig root;  /* names; must follow the header */
    uint32_t zone;     /* index in the desired state */
    uint8_t origin_len, origin_labels;
    uint8_t origin[]; /* absolute */
};

static inline const struct zone_view *zone_view_at(const struct slab *slab, ref_t ref)
{
    return slab_at(slab, ref);
}

/* A fresh zone block without names. */
int zone_view_new(struct txn *txn, const uint8_t *origin, uint32_t zone, unsigned flags,
                  ref_t *out);

/* The apex node, NULL while not loaded. */
const struct node *zone_view_apex(const struct slab *slab, const struct zone_view *zone);
