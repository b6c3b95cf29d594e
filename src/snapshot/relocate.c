/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/relocate.h"

#include "base/assert.h"
#include "base/error.h"
#include "snapshot/qp.h"

#include <string.h>

/* A branch whose twigs before `next` are copied. */
struct step {
    ref_t ref;
    unsigned next;
};

int relocation_init(struct relocation *relocation, const struct alloc *alloc,
                    const struct slab *slab, size_t units, uint8_t *out, size_t size)
{
    ref_t *moved = mem_new_zero(alloc, units + 1, sizeof(*moved));
    if (!moved) {
        return ERR_NOMEM;
    }
    *relocation = (struct relocation){.alloc = alloc,
                                      .slab = slab,
                                      .moved = moved,
                                      .units = units,
                                      .out = out,
                                      .size = size,
                                      .top = SLAB_UNIT};
    return ERR_OK;
}

void relocation_deinit(struct relocation *relocation)
{
    mem_free(relocation->alloc, relocation->moved);
    relocation->moved = NULL;
}

static struct block *copy_at(const struct relocation *relocation, ref_t copy)
{
    return (struct block *)(void *)(relocation->out + (size_t)copy * SLAB_UNIT);
}

/* Field by field: the references of the original are being counted by somebody else. */
static void head_copy(const struct block *from, struct block *to)
{
    *to = (struct block){.refs = 0,
                         .count = from->count,
                         .class = from->class,
                         .kind = from->kind,
                         .flags = from->flags};
}

/* Copies one block whose children are copied. */
static int block_move(struct relocation *relocation, ref_t ref)
{
    const struct block *from = slab_at(relocation->slab, ref);
    size_t bytes = slab_block_bytes(from);
    if (relocation->size - relocation->top < bytes) {
        return ERR_SPACE;
    }
    ref_t copy = (ref_t)(relocation->top / SLAB_UNIT);
    struct block *to = copy_at(relocation, copy);
    relocation->top += bytes;
    relocation->block_bytes += bytes;
    head_copy(from, to);
    memcpy(to + 1, from + 1, bytes - sizeof(*from));
    struct twig *twigs = (struct twig *)(void *)(to + 1);
    for (unsigned i = 0; from->kind == BLOCK_BRANCH && i < from->count; i++) {
        twigs[i].ref = relocation->moved[twigs[i].ref];
        struct block *child = copy_at(relocation, twigs[i].ref);
        ASSERT(child->refs < UINT16_MAX);
        child->refs++;
    }
    relocation->moved[ref] = copy;
    return ERR_OK;
}

/* The next child of a branch that is not copied yet, 0: none. */
static ref_t step_child(const struct relocation *relocation, struct step *step)
{
    const struct block *block = slab_at(relocation->slab, step->ref);
    ASSERT(step->ref < relocation->units &&
           (block->kind == BLOCK_BRANCH || block->kind == BLOCK_NODE));
    const struct twig *twigs = (const struct twig *)(const void *)(block + 1);
    while (block->kind == BLOCK_BRANCH && step->next < block->count) {
        ref_t child = twigs[step->next++].ref;
        if (!relocation->moved[child]) {
            return child;
        }
    }
    return 0;
}

int relocation_tree(struct relocation *relocation, struct twig *root)
{
    struct step path[QP_KEY_MAX + 1];
    unsigned depth = 0;
    if (twig_empty(*root)) {
        return ERR_OK;
    }
    if (!relocation->moved[root->ref]) {
        path[depth++] = (struct step){.ref = root->ref};
    }
    while (depth > 0) {
        ref_t child = step_child(relocation, &path[depth - 1]);
        if (child) {
            ASSERT(depth <= QP_KEY_MAX); /* a branch tests a later position than the one above */
            path[depth++] = (struct step){.ref = child};
            continue;
        }
        int err = block_move(relocation, path[--depth].ref);
        if (err != ERR_OK) {
            return err;
        }
    }
    root->ref = relocation->moved[root->ref];
    copy_at(relocation, root->ref)->refs++;
    return ERR_OK;
}
