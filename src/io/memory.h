/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Address space for something large that only grows: reserved at once without memory behind it,
 * made usable from the start in steps. Never moves, so readers may hold pointers into it. From 16
 * MiB on it asks for large pages.
 *
 *   base ─► [usable .............][reserved, touching it faults ..................]
 *           0                     committed                                reserved
 *
 * One owner; the owner serializes memory_commit().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct memory {
    uint8_t *base;
    size_t committed, reserved;
    void *start; /* of the mapping; base is its first large page */
    size_t mapped;
};

/* Reserves `most` bytes, or half of that, and so on down to `least` when the system refuses (a
 * limit on address space); ERR_NOMEM below that. */
int memory_reserve(struct memory *memory, size_t most, size_t least);
void memory_release(struct memory *memory);

/* Makes at least the first `bytes` usable, zeroed where fresh. `memory` is a struct memory (void
 * for use as a callback). ERR_LIMIT: more than was reserved. ERR_NOMEM: the system has no more. */
int memory_commit(void *memory, size_t bytes);
