/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/slab.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/qp.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_POISON 1
#endif
#endif

#ifdef SLAB_POISON
/* The sanitizer's own interface; its header is not for the core. */
void __asan_poison_memory_region(const volatile void *memory, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *memory, size_t bytes);
/* The header stays readable: the free chain runs through it. */
#define block_poison(block, bytes)                                         \
    __asan_poison_memory_region((uint8_t *)(block) + sizeof(struct block), \
                                (bytes) - sizeof(struct block))
#define block_unpoison(block, bytes) __asan_unpoison_memory_region((block), (bytes))
#else
#define block_poison(block, bytes) ((void)(block), (void)(bytes))
#define block_unpoison(block, bytes) ((void)(block), (void)(bytes))
#endif

/* A block is shared by the views of a zone: served, held, and anew while a reload is under way. */
_Static_assert(LIMIT_VIEWS * 8 < UINT16_MAX, "references of a block are counted in 16 bits");

/* Size classes: up to 32 units exactly, then each doubling in 8 steps (waste at most 1/8). */
enum {
    CLASS_EXACT = 32,
    CLASS_STEPS = 8,
    CLASS_EXACT_BITS = 5,
    COMMIT_STEP = 1 << 20
};

static unsigned class_of(size_t units)
{
    if (units <= CLASS_EXACT) {
        return (unsigned)units;
    }
    unsigned bits =
        63u - (unsigned)__builtin_clzll(units - 1); /* units - 1 in [2^bits, 2^(bits+1)) */
    unsigned step = (unsigned)((units - 1) >> (bits - 3)) & 7u;
    return CLASS_EXACT + (bits - CLASS_EXACT_BITS) * CLASS_STEPS + step + 1;
}

static size_t class_units(unsigned class)
{
    if (class <= CLASS_EXACT) {
        return class;
    }
    unsigned rest = class - CLASS_EXACT - 1;
    unsigned bits = rest / CLASS_STEPS + CLASS_EXACT_BITS;
    return ((size_t)1 << bits) + ((size_t)(rest % CLASS_STEPS + 1) << (bits - 3));
}

size_t slab_block_bytes(const struct block *block)
{
    return class_units(block->class) * SLAB_UNIT;
}

void slab_init(struct slab *slab, const struct slab_backing *backing)
{
    *slab = (struct slab){.base = backing->base, .top = SLAB_UNIT, .backing = *backing};
}

void slab_adopt(struct slab *slab, size_t top, uint64_t live, size_t committed)
{
    ASSERT(slab->top == SLAB_UNIT && top % SLAB_UNIT == 0 && top <= committed);
    slab->top = top;
    slab->committed = committed;
    slab->live_bytes = live;
}

/* Bump allocation at the top, committing more memory as needed. */
static int slab_extend(struct slab *slab, size_t bytes, ref_t *out)
{
    size_t end = slab->top + bytes;
    if (end > slab->backing.reserved || slab->top / SLAB_UNIT > UINT32_MAX) {
        return ERR_NOMEM;
    }
    if (end > slab->committed) {
        size_t want = slab->committed + slab->committed / 16 + COMMIT_STEP;
        want = (want < end ? end : want) + COMMIT_STEP - 1;
        want -= want % COMMIT_STEP;
        if (want > slab->backing.reserved) {
            want = slab->backing.reserved;
        }
        int err = slab->backing.commit(slab->backing.ctx, want);
        if (err != ERR_OK) {
            return err;
        }
        slab->committed = want;
    }
    *out = (ref_t)(slab->top / SLAB_UNIT);
    slab->top = end;
    return ERR_OK;
}

static void slab_free(struct slab *slab, ref_t ref)
{
    struct block *block = slab_at(slab, ref);
    size_t bytes = slab_block_bytes(block);
    block->kind = BLOCK_FREE;
    block->refs = 0;
    block->born = slab->free[block->class];
    slab->free[block->class] = ref;
    slab->free_bytes += bytes;
    block_poison(block, bytes);
}

void txn_begin(struct txn *txn, struct slab *slab, const struct alloc *alloc)
{
    *txn = (struct txn){.slab = slab, .id = ++slab->transaction, .alloc = alloc};
}

int txn_alloc(struct txn *txn, size_t bytes, enum block_kind kind, ref_t *out)
{
    struct slab *slab = txn->slab;
    size_t units = (bytes + SLAB_UNIT - 1) / SLAB_UNIT;
    unsigned class = class_of(units);
    if (class >= SLAB_CLASSES) {
        return ERR_LIMIT;
    }
    size_t size = class_units(class) * SLAB_UNIT;
    ref_t ref = slab->free[class];
    if (ref) {
        struct block *free_block = slab_at(slab, ref);
        slab->free[class] = free_block->born;
        slab->free_bytes -= size;
        block_unpoison(free_block, size);
    } else {
        int err = slab_extend(slab, size, &ref);
        if (err != ERR_OK) {
            return err;
        }
    }
    slab->live_bytes += size;
    struct block *block = slab_at(slab, ref);
    *block = (struct block){
        .refs = 1,
        .born = (uint32_t)txn->id,
        .born_high = (uint8_t)(txn->id >> 32),
        .class = (uint8_t) class,
        .kind = (uint8_t)kind,
    };
    *out = ref;
    return ERR_OK;
}

static bool block_is_fresh(const struct txn *txn, const struct block *block)
{
    return block->born == (uint32_t)txn->id && block->born_high == (uint8_t)(txn->id >> 32);
}

bool txn_owns(const struct txn *txn, ref_t ref)
{
    const struct block *block = slab_at(txn->slab, ref);
    return block->refs == 1 && block_is_fresh(txn, block);
}

void slab_retain(struct slab *slab, ref_t ref)
{
    struct block *block = slab_at(slab, ref);
    ASSERT(block->refs > 0 && block->refs < UINT16_MAX);
    block->refs++;
}

void txn_retain(struct txn *txn, ref_t ref)
{
    slab_retain(txn->slab, ref);
}

/* Blocks that a block refers to. A zone block holds one tree. */
static unsigned block_children(const struct block *block, const struct twig **twigs)
{
    switch (block->kind) {
    case BLOCK_BRANCH:
        *twigs = (const struct twig *)(block + 1);
        return block->count;
    case BLOCK_ZONE:
        *twigs = (const struct twig *)(block + 1);
        return twig_empty(**twigs) ? 0 : 1;
    default:
        return 0;
    }
}

int txn_reserve(struct txn *txn)
{
    if (txn->cap - txn->count >= TXN_OP_NOTES) {
        return ERR_OK;
    }
    size_t cap = txn->cap * 2 + TXN_OP_NOTES;
    void *entries = mem_resize(txn->alloc, txn->entries, cap * sizeof(*txn->entries));
    if (!entries) {
        return ERR_NOMEM;
    }
    txn->entries = entries;
    txn->cap = cap;
    return ERR_OK;
}

static void txn_note(struct txn *txn, ref_t ref, bool moved)
{
    ASSERT(txn->count < txn->cap);
    txn->entries[txn->count++] = (struct txn_entry){.ref = ref, .moved = moved};
}

/* Adds one reference to each child of a block. */
static void children_retain(struct slab *slab, const struct block *block)
{
    const struct twig *twigs = NULL;
    unsigned count = block_children(block, &twigs);
    for (unsigned i = 0; i < count; i++) {
        struct block *child = slab_at(slab, twigs[i].ref);
        ASSERT(child->refs < UINT16_MAX);
        child->refs++;
    }
}

int txn_clone(struct txn *txn, ref_t ref, ref_t *out)
{
    struct block *old = slab_at(txn->slab, ref);
    ref_t copy;
    int err = txn_alloc(txn, slab_block_bytes(old), (enum block_kind)old->kind, &copy);
    if (err != ERR_OK) {
        return err;
    }
    struct block *new = slab_at(txn->slab, copy);
    memcpy(new + 1, old + 1, slab_block_bytes(old) - sizeof(*old));
    new->count = old->count;
    new->flags = old->flags;
    txn_supersede(txn, ref);
    *out = copy;
    return ERR_OK;
}

void txn_supersede(struct txn *txn, ref_t ref)
{
    struct block *old = slab_at(txn->slab, ref);
    if (txn_owns(txn, ref)) {
        txn->slab->live_bytes -= slab_block_bytes(old);
        slab_free(txn->slab, ref);
    } else if (old->refs == 1) {
        txn_note(txn, ref, true);
    } else {
        old->refs--;
        children_retain(txn->slab, old);
    }
}

/* Takes one reference off `ref` and, where that was the last, off all below. Blocks without
 * references are chained through `born` onto *dead. */
static void block_unref(struct slab *slab, ref_t ref, ref_t *dead)
{
    struct block *block = slab_at(slab, ref);
    ASSERT(block->refs > 0);
    if (--block->refs > 0) {
        return;
    }
    block->born = 0;
    ref_t work = ref;
    while (work) {
        ref_t at = work;
        struct block *gone = slab_at(slab, at);
        work = gone->born;
        const struct twig *twigs = NULL;
        unsigned count = block_children(gone, &twigs);
        for (unsigned i = 0; i < count; i++) {
            struct block *child = slab_at(slab, twigs[i].ref);
            ASSERT(child->refs > 0);
            if (--child->refs == 0) {
                child->born = work;
                work = twigs[i].ref;
            }
        }
        gone->born = *dead;
        *dead = at;
    }
}

void txn_drop(struct txn *txn, ref_t ref)
{
    struct slab *slab = txn->slab;
    struct block *block = slab_at(slab, ref);
    if (!txn_owns(txn, ref) || block->kind != BLOCK_NODE) {
        txn_note(txn, ref, false);
        return;
    }
    slab->live_bytes -= slab_block_bytes(block);
    slab_free(slab, ref);
}

static void retired_take(struct slab *slab, struct retired *retired, ref_t dead)
{
    while (dead) {
        struct block *block = slab_at(slab, dead);
        ref_t next = block->born;
        block->born = retired->first;
        retired->first = dead;
        retired->bytes += slab_block_bytes(block);
        slab->live_bytes -= slab_block_bytes(block);
        slab->retired_bytes += slab_block_bytes(block);
        dead = next;
    }
}

static void txn_end(struct txn *txn)
{
    mem_free(txn->alloc, txn->entries);
    txn->entries = NULL;
    txn->count = txn->cap = 0;
}

void txn_commit(struct txn *txn, struct retired *retired)
{
    for (size_t i = 0; i < txn->count; i++) {
        ref_t ref = txn->entries[i].ref, dead = 0;
        struct block *block = slab_at(txn->slab, ref);
        if (txn->entries[i].moved) {
            /* Its children belong to its copy: it goes alone. */
            ASSERT(block->refs == 1);
            block->refs = 0;
            block->born = 0;
            dead = ref;
        } else {
            block_unref(txn->slab, ref, &dead);
        }
        retired_take(txn->slab, retired, dead);
    }
    txn_end(txn);
}

/* Takes a reference off while a transaction is undone. Without references, a block born in it is
 * put on the chain *gone; an older one waits for its old tree to count it again. */
static void undo_unref(struct txn *txn, ref_t ref, ref_t *gone)
{
    struct block *block = slab_at(txn->slab, ref);
    ASSERT(block->refs > 0);
    if (--block->refs == 0 && block_is_fresh(txn, block)) {
        block->born = *gone;
        *gone = ref;
    }
}

static void undo_gone(struct txn *txn, ref_t gone)
{
    while (gone) {
        ref_t ref = gone;
        struct block *block = slab_at(txn->slab, ref);
        const struct twig *twigs = NULL;
        unsigned count = block_children(block, &twigs);
        gone = block->born;
        for (unsigned i = 0; i < count; i++) {
            undo_unref(txn, twigs[i].ref, &gone);
        }
        txn->slab->live_bytes -= slab_block_bytes(block);
        slab_free(txn->slab, ref);
    }
}

/* Once the old trees are whole again: a block that none of them has belonged to a tree that was
 * released while the transaction ran, and the note about it was the last to hold it. */
static void undo_orphan(struct slab *slab, ref_t ref)
{
    struct block *block = slab_at(slab, ref);
    if (block->refs > 0 || block->kind == BLOCK_FREE) {
        return;
    }
    ref_t dead = 0;
    block->refs = 1;
    block_unref(slab, ref, &dead);
    while (dead) {
        struct block *gone = slab_at(slab, dead);
        ref_t next = gone->born;
        slab->live_bytes -= slab_block_bytes(gone);
        slab_free(slab, dead);
        dead = next;
    }
}

void txn_abort(struct txn *txn, const struct twig *old_roots, size_t count)
{
    /* The new trees gave up their references to what is noted; moved blocks get their children
     * back. */
    for (size_t i = txn->count; i-- > 0;) {
        ref_t ref = txn->entries[i].ref, gone = 0;
        undo_unref(txn, ref, &gone);
        undo_gone(txn, gone);
        if (txn->entries[i].moved) {
            children_retain(txn->slab, slab_at(txn->slab, ref));
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!twig_empty(old_roots[i])) {
            struct block *block = slab_at(txn->slab, old_roots[i].ref);
            block->refs++;
        }
    }
    for (size_t i = 0; i < txn->count; i++) {
        undo_orphan(txn->slab, txn->entries[i].ref);
    }
    txn_end(txn);
}

void slab_release(struct slab *slab, ref_t ref, struct retired *retired)
{
    ref_t dead = 0;
    block_unref(slab, ref, &dead);
    retired_take(slab, retired, dead);
}

void slab_reclaim(struct slab *slab, struct retired *retired)
{
    for (ref_t ref = retired->first; ref;) {
        struct block *block = slab_at(slab, ref);
        ref_t next = block->born;
        slab->retired_bytes -= slab_block_bytes(block);
        slab_free(slab, ref);
        ref = next;
    }
    *retired = (struct retired){0};
}
