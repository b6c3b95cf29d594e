/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Address space for something large that only grows: reserved at once without memory behind it,
 * made usable from the start in steps. Never moves, so readers may hold pointers into it. From 16
 * MiB on it asks for large pages.
 *
 *   base ─► [usable .............][reserved, touching it faults ..................]
 *           0                     committed                                reserved
 *
 * It may begin with the content of a file, mapped at once and copied into memory of our own by and
 * by: what lies in a file is read again when the system was short of memory, and never has large
 * pages.
 *
 * One owner; the owner serializes the calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
    uint8_t *base;
    size_t committed, reserved;
    void *start; /* of the mapping; base is its first large page */
    size_t mapped;
    size_t file_at, file_bytes; /* part of the base that still lies in a file: from, to */
};

/* Reserves `most` bytes, or half of that, and so on down to `least` when the system refuses (a
 * limit on address space); ERR_NOMEM below that. */
int memory_reserve(struct memory *memory, size_t most, size_t least);
void memory_release(struct memory *memory);

/* Makes at least the first `bytes` usable, zeroed where fresh. `memory` is a struct memory (void
 * for use as a callback). ERR_LIMIT: more than was reserved. ERR_NOMEM: the system has no more. */
int memory_commit(void *memory, size_t bytes);

/* The first `bytes` become the file's from `offset` on (a page's multiple), before anything was
 * committed; what is written there stays ours. The descriptor may be closed afterwards. ERR_LIMIT,
 * ERR_NOMEM. */
int memory_map(struct memory *memory, int fd, size_t offset, size_t bytes);

/* Copies the next large page of what lies in a file into our own memory. Readers notice nothing;
 * the owner must not write meanwhile. *ret_more: there is more. ERR_NOMEM: try later. */
int memory_settle(struct memory *memory, bool *ret_more);
