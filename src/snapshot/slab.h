/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The slab: where snapshot nodes live. One contiguous address range, handed in by the shell, that
 * only grows; a block is named by a 32-bit reference (its offset in 8-byte units, 0 = none), so
 * trees are compact and an image of the slab maps as it is. Freed blocks go to a list of their size
 * class.
 *
 *   base ─► [8 bytes unused][block][block][free block]...[top ─► committed ─► reserved]
 *   block = 12-byte header (reference count, transaction of birth, class, kind, count) + content
 *
 * One writer (control). Readers only follow references from a published snapshot and never look at
 * `refs` and `born`. A block that readers may still see is *retired*: it is chained to a list and
 * goes back to its free list after the grace period.
 *
 * Transactions: a block born in the running transaction is private and may be changed in place; any
 * other is copied first. Moving from an old tree to its changed copy, an unshared block hands its
 * children over instead of counting each of them; the transaction remembers that, so abort can
 * restore the old tree exactly and commit knows what to retire.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

typedef uint32_t ref_t; /* 0: none */

enum {
    SLAB_UNIT = 8,
    SLAB_CLASSES = 160
};

enum block_kind {
    BLOCK_FREE,
    BLOCK_BRANCH,
    BLOCK_NODE,
    BLOCK_ZONE
};

struct block {
    uint16_t refs;
    uint16_t count; /* branch: twigs; node: record sets */
    uint32_t born;  /* low bits of the transaction; next in a free or retired chain */
    uint8_t born_high;
    uint8_t class;
    uint8_t kind;
    uint8_t flags; /* for the owner of the kind */
};
_Static_assert(sizeof(struct block) == 12, "the header is part of the image format");

/* Memory from the shell: `base` is reserved address space, commit() makes its first `bytes` usable.
 */
struct slab_backing {
    uint8_t *base;
    size_t reserved;
    int (*commit)(void *ctx, size_t bytes);
    void *ctx;
};

struct slab {
    uint8_t *base;
    size_t top, committed;
    struct slab_backing backing;
    uint64_t transaction; /* number of the last one begun */
    ref_t free[SLAB_CLASSES];
    uint64_t live_bytes, free_bytes, retired_bytes;
};

static inline void *slab_at(const struct slab *slab, ref_t ref)
{
    return slab->base + (size_t)ref * SLAB_UNIT;
}

void slab_init(struct slab *slab, const struct slab_backing *backing);

/* Goes on with blocks that lie at the base already, `top` bytes with the unused ones, `live` of
 * them in blocks; `committed` bytes are usable. The slab is fresh. */
void slab_adopt(struct slab *slab, size_t top, uint64_t live, size_t committed);

size_t slab_block_bytes(const struct block *block);

/* One more reference, outside a transaction; slab_release() gives it back. */
void slab_retain(struct slab *slab, ref_t ref);

/* Blocks retired together; `first` chains through block.born. */
struct retired {
    ref_t first;
    uint64_t bytes;
};

/* A reference that the new trees gave up. moved: an unshared block whose children its copy took
 * over; otherwise the reference as such, with all below. */
struct txn_entry {
    ref_t ref;
    bool moved;
};

enum {
    TXN_OP_NOTES = 1024
}; /* more than one operation on a tree can need */

struct txn {
    struct slab *slab;
    uint64_t id;
    const struct alloc *alloc;
    struct txn_entry *entries;
    size_t count, cap;
};

struct twig;

void txn_begin(struct txn *txn, struct slab *slab, const struct alloc *alloc);

/* Room for the notes of one operation; called by each operation before it changes anything. */
int txn_reserve(struct txn *txn);

/* A fresh private block of `bytes` (header included), refs 1, content not cleared. ERR_NOMEM: the
 * slab is full; ERR_LIMIT: larger than the largest class. */
int txn_alloc(struct txn *txn, size_t bytes, enum block_kind kind, ref_t *out);

/* May the block be changed in place? */
bool txn_owns(const struct txn *txn, ref_t ref);

/* One more reference, for another tree of the same transaction. */
void txn_retain(struct txn *txn, ref_t ref);

/* A private copy that takes over the caller's reference to `ref` and its children. On failure
 * nothing has changed. Needs txn_reserve(). */
int txn_clone(struct txn *txn, ref_t ref, ref_t *out);

/* The caller made a copy of the block (same children, perhaps more or fewer) himself: gives up the
 * old one, its children counted for the copy. Needs txn_reserve(). */
void txn_supersede(struct txn *txn, ref_t ref);

/* Gives up one reference of the new tree to a block, with all below. A private node goes at once,
 * the rest at commit. Needs txn_reserve(). */
void txn_drop(struct txn *txn, ref_t ref);

/* Ends the transaction: what was given up goes to `retired` (added to what is there). Cannot fail.
 */
void txn_commit(struct txn *txn, struct retired *retired);

/* Ends it the other way. `old_roots` are the trees that the transaction started from and whose root
 * references the new trees took over; they are whole again. Afterwards the caller drops every new
 * root with slab_release(). */
void txn_abort(struct txn *txn, const struct twig *old_roots, size_t count);

/* Drops one reference of a whole tree outside a transaction; what nobody holds any more is retired.
 */
void slab_release(struct slab *slab, ref_t ref, struct retired *retired);

/* After the grace period. */
void slab_reclaim(struct slab *slab, struct retired *retired);
