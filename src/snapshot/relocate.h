/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Copies of trees of names that lie together without gaps, as the image on disk holds them: blocks
 * in the order of a walk, children before the branch that holds them, each block once however many
 * trees share it. Such a copy is a slab by itself: slab_adopt() goes on with it.
 *
 *   slab  ─►  [8 bytes unused][node][node][branch of the two]...   references are those of the copy
 *
 * May run in any thread beside the one writer of the slab, as long as the roots are held
 * (slab_retain): it reads nothing that the writer changes in a block that has been committed.
 */
#pragma once

#include "snapshot/slab.h"

struct twig;

struct relocation {
    const struct alloc *alloc;
    const struct slab *slab;
    ref_t *moved; /* by old reference, 0: not yet */
    size_t units; /* of the slab that is copied */
    uint8_t *out;
    size_t size, top;     /* bytes: there are, used */
    uint64_t block_bytes; /* used by blocks */
};

/* `units`: the slab's top at a moment when all trees to come were there, in SLAB_UNITs; out[size]
 * must lie on 8 bytes. ERR_NOMEM. */
int relocation_init(struct relocation *relocation, const struct alloc *alloc,
                    const struct slab *slab, size_t units, uint8_t *out, size_t size);
void relocation_deinit(struct relocation *relocation);

/* Copies a tree of names, or what of it is not copied yet, and leads *root to the copy, which holds
 * one reference more. ERR_SPACE: out is full. */
int relocation_tree(struct relocation *relocation, struct twig *root);
