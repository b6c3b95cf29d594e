/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A copy-on-write qp-trie of names in canonical order (RFC 4034 6.1), after Tony Finch's. A name's
 * key is its labels from the root end, each byte as two codes of 48 (the second is mostly 0), each
 * label ended by code 0, so that a name sorts right before the names below it. A branch tests one
 * position of the key; its twigs lie side by side, found by counting bits, so one level costs one
 * cache line.
 *
 *   twig (12 bytes)   leaf:    tag, flags, reference of a node
 *                     branch:  tag, key position, bit map of 48, reference of the twig array
 *
 * One search gives the exact match, the closest encloser, and every cut on the way (delegations and
 * DNAMEs), because the ancestors of a name sit on its path as the twig of code 0.
 *
 * Names are relative here (dns/name.h): labels without root label, "" is the root of the tree.
 */
#pragma once

#include "snapshot/slab.h"

struct twig {
    uint32_t low, high;
    ref_t ref;
};

/* Flags of a leaf, so that a walk sees them without touching the node. */
enum {
    LEAF_CUT = 1,
    LEAF_DNAME = 2
};

enum {
    QP_KEY_MAX = 512, /* positions: two for each byte of the longest name */
    QP_ANCESTORS = 128
};

/* A relative name prepared for searching: its labels, found in a qp_space. Several names may look
 * into one space: a name relative to its zone is the front of the absolute one. */
struct qp_space {
    uint8_t start[128]; /* offset of each label in wire, from the left */
};

struct qp_name {
    const uint8_t *wire; /* relative, lower case */
    const uint8_t *start;
    uint8_t len, labels;
};

static inline bool twig_empty(struct twig twig)
{
    return (twig.low & 3) == 0;
}

/* Splits a valid relative name of `len` bytes; `space` must outlive `name`. */
void qp_name_init(struct qp_name *name, struct qp_space *space, const uint8_t *wire, size_t len);

/* The front of `name`: without its last `labels` labels. */
void qp_name_front(struct qp_name *front, const struct qp_name *name, unsigned labels);

/* The code of the name's key at a position, 0 to 47; 0 behind its end. */
unsigned qp_name_code(const struct qp_name *name, unsigned position);

/* Reads a key out of its name, label after label. */
struct key_cursor {
    const struct qp_name *name;
    int begin, end; /* the label's place in the key, in bytes; at `end` the label ends */
    int shift;      /* from a byte's place in the key to its place in the name */
    unsigned left;  /* labels to come */
};

/* A search that only warms the cache for the one to come: each step asks for the line that the next
 * one reads, so that several searches, taken in turn, wait at the same time. */
struct qp_ahead {
    const struct slab *slab;
    const struct twig *at; /* NULL: done */
    struct key_cursor cursor;
    ref_t leaf; /* where it ended, 0 while on its way or when the tree is empty */
};

/* `root` and `name` must outlive `ahead`. */
void qp_ahead_init(struct qp_ahead *ahead, const struct slab *slab, const struct twig *root,
                   const struct qp_name *name);
/* One level down; false: it was done. */
bool qp_ahead_step(struct qp_ahead *ahead);

struct qp_found {
    ref_t exact;        /* node of the name itself, 0 if none */
    ref_t cut;          /* topmost strict ancestor with LEAF_CUT or LEAF_DNAME, 0 if none */
    uint8_t cut_labels; /* its depth */
    uint8_t cut_flags;
    uint8_t encloser; /* labels of the closest existing name (empty non-terminals exist) */
    bool exists;      /* the name or something below it exists */
};

/* Relative wire name of a node: how the tree reads its leaves. */
struct qp_leaf_name {
    const uint8_t *wire;
    size_t len;
};
struct qp_leaf_name qp_leaf_name(const struct slab *slab, ref_t leaf); /* snapshot/node.c */

void qp_find(const struct slab *slab, struct twig root, const struct qp_name *name,
             struct qp_found *out);
/* Longest key in the tree that is `name` or an ancestor of it; 0 if none. For the tree of zones. */
ref_t qp_find_longest(const struct slab *slab, struct twig root, const struct qp_name *name,
                      bool strict);
ref_t qp_get(const struct slab *slab, struct twig root, const struct qp_name *name);

/* Inserts or replaces; takes over one reference to `leaf`. On failure the tree is as it was. */
int qp_set(struct txn *txn, struct twig *root, const struct qp_name *name, ref_t leaf,
           unsigned flags);
/* ERR_NOT_FOUND when there is none. */
int qp_remove(struct txn *txn, struct twig *root, const struct qp_name *name);

/* Makes the path to an existing name and its leaf block private, so that the block may be changed
 * in place; *out is its twig (for its flags). ERR_NOT_FOUND. */
int qp_touch(struct txn *txn, struct twig *root, const struct qp_name *name, struct twig **out);

/* Brings the change of `name` from base_old to base_new into `root`, another tree that shares most
 * of base_old: where both agreed before, the changed branch of the base is shared again.
 * ERR_NOT_FOUND when they part too early; the caller then sets or removes the name in `root`
 * itself. */
int qp_follow(struct txn *txn, struct twig *root, struct twig base_old, struct twig base_new,
              const struct qp_name *name);

/* Calls `each` for every leaf of `a` that `b` lacks (0) or has another one for; subtrees that both
 * share cost nothing. */
typedef void qp_diff_fn(void *ctx, ref_t a, ref_t b);
void qp_diff(const struct slab *slab, struct twig a, struct twig b, qp_diff_fn *each, void *ctx);

/* Ordered walk. */
struct qp_iter {
    const struct slab *slab;
    unsigned depth;
    struct {
        ref_t ref;
        uint16_t next, count;
    } level[QP_KEY_MAX];
    struct twig lone; /* tree of a single leaf */
};
void qp_iter_init(struct qp_iter *iter, const struct slab *slab, struct twig root);
/* Only `name` and the names below it. */
void qp_iter_init_below(struct qp_iter *iter, const struct slab *slab, struct twig root,
                        const struct qp_name *name);
ref_t qp_iter_next(struct qp_iter *iter); /* 0 at the end */
