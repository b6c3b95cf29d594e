/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An audit of a slab: every block from its bottom to its top is either reached from the roots given
 * (and then counts exactly as many references as were found), or waits in a retired chain, or lies
 * in the free list of its class. The slab's own figures must be the sums.
 *
 *   audit_init ─► audit_root... ─► audit_retired... ─► audit_close
 */
#pragma once

#include "snapshot/qp.h"
#include "snapshot/slab.h"

#include <stdlib.h>
#include <string.h>

/* A slab in plain memory whose owner may say no. */
struct backing {
    uint8_t *memory;
    size_t limit; /* bytes that commit() grants */
    uint64_t grants;
};

static inline int backing_commit(void *ctx, size_t bytes)
{
    struct backing *backing = ctx;
    backing->grants++;
    return bytes <= backing->limit ? 0 : -1;
}

static inline struct slab_backing backing_init(struct backing *backing, size_t bytes)
{
    *backing = (struct backing){.memory = aligned_alloc(64, bytes), .limit = bytes};
    assert_non_null(backing->memory);
    return (struct slab_backing){
        .base = backing->memory, .reserved = bytes, .commit = backing_commit, .ctx = backing};
}

static inline void backing_deinit(struct backing *backing)
{
    free(backing->memory);
}

enum audit_mark {
    AUDIT_FREE = UINT16_MAX - 1,
    AUDIT_RETIRED = UINT16_MAX
};

struct audit {
    const struct slab *slab;
    uint32_t *seen; /* by reference: how many point here, or an audit_mark */
    uint64_t live_bytes, free_bytes, retired_bytes;
};

/* Bytes of a class, from the rule in slab.c: exact up to 32 units, then 8 steps a doubling. */
static inline size_t audit_class_bytes(unsigned class)
{
    size_t units = class;
    if (class > 32) {
        unsigned doubling = (class - 33) / 8, step = (class - 33) % 8;
        units = ((size_t)32 << doubling) + (step + 1) * ((size_t)4 << doubling);
    }
    return units * SLAB_UNIT;
}

static inline size_t audit_bytes(const struct audit *audit, ref_t ref)
{
    return audit_class_bytes(((const struct block *)slab_at(audit->slab, ref))->class);
}

static inline void audit_init(struct audit *audit, const struct slab *slab)
{
    *audit =
        (struct audit){.slab = slab, .seen = calloc(slab->top / SLAB_UNIT + 1, sizeof(uint32_t))};
    assert_non_null(audit->seen);
}

/* One reference from outside, and all below it. */
static inline void audit_root(struct audit *audit, struct twig root)
{
    if (twig_empty(root)) {
        return;
    }
    assert_true(root.ref > 0 && root.ref < audit->slab->top / SLAB_UNIT);
    const struct block *block = slab_at(audit->slab, root.ref);
    assert_int_equal((root.low & 3) == 2, block->kind == BLOCK_BRANCH);
    if (audit->seen[root.ref]++ > 0) {
        return;
    }
    audit->live_bytes += audit_bytes(audit, root.ref);
    const struct twig *twigs = (const struct twig *)(block + 1);
    assert_int_not_equal(block->kind, BLOCK_FREE);
    unsigned count = block->kind == BLOCK_BRANCH ? block->count : block->kind == BLOCK_ZONE;
    for (unsigned i = 0; i < count; i++) {
        audit_root(audit, twigs[i]);
    }
}

static inline void audit_retired(struct audit *audit, const struct retired *retired)
{
    uint64_t bytes = 0;
    for (ref_t ref = retired->first; ref;) {
        const struct block *block = slab_at(audit->slab, ref);
        assert_int_equal(audit->seen[ref], 0);
        assert_int_equal(block->refs, 0);
        assert_int_not_equal(block->kind, BLOCK_FREE);
        audit->seen[ref] = AUDIT_RETIRED;
        bytes += audit_bytes(audit, ref);
        ref = block->born;
    }
    assert_int_equal(bytes, retired->bytes);
    audit->retired_bytes += bytes;
}

static inline void audit_free_lists(struct audit *audit)
{
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        for (ref_t ref = audit->slab->free[class]; ref;) {
            const struct block *block = slab_at(audit->slab, ref);
            assert_int_equal(audit->seen[ref], 0);
            assert_int_equal(block->kind, BLOCK_FREE);
            assert_int_equal(block->class, class);
            audit->seen[ref] = AUDIT_FREE;
            audit->free_bytes += audit_bytes(audit, ref);
            ref = block->born;
        }
    }
}

static inline void audit_close(struct audit *audit)
{
    const struct slab *slab = audit->slab;
    audit_free_lists(audit);
    size_t at = SLAB_UNIT;
    while (at < slab->top) {
        ref_t ref = (ref_t)(at / SLAB_UNIT);
        const struct block *block = slab_at(slab, ref);
        uint32_t seen = audit->seen[ref];
        assert_int_not_equal(seen, 0); /* 0: lost */
        if (seen != AUDIT_FREE && seen != AUDIT_RETIRED) {
            assert_int_equal(block->refs, seen);
        }
        at += audit_bytes(audit, ref);
    }
    assert_int_equal(at, slab->top);
    assert_int_equal(slab->live_bytes, audit->live_bytes);
    assert_int_equal(slab->free_bytes, audit->free_bytes);
    assert_int_equal(slab->retired_bytes, audit->retired_bytes);
    free(audit->seen);
}
