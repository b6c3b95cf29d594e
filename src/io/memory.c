/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/memory.h"

#include "base/error.h"

#include <stdbool.h>
#include <sys/mman.h>

/* A step is an eighth of what is there: few system calls, little memory ahead of need. */
#define STEP_LEAST_BYTES ((size_t)1 << 20)
#define STEP_MOST_BYTES ((size_t)64 << 20)

/* Large memory lies in large pages where the system has them: a search among a million names would
 * otherwise wait for page tables at each level. What is small does not pay for a whole one. */
#define HUGE_BYTES ((size_t)2 << 20)
#define HUGE_FROM_BYTES ((size_t)16 << 20)

int memory_reserve(struct memory *memory, size_t most, size_t least)
{
    for (size_t bytes = most; bytes >= least; bytes /= 2) {
        size_t mapped = bytes + HUGE_BYTES;
        void *start =
            mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start != MAP_FAILED) {
            size_t skip = -(uintptr_t)start & (HUGE_BYTES - 1);
            *memory = (struct memory){.base = (uint8_t *)start + skip,
                                      .reserved = bytes,
                                      .start = start,
                                      .mapped = mapped};
            return ERR_OK;
        }
    }
    return ERR_NOMEM;
}

void memory_release(struct memory *memory)
{
    if (memory->start) {
        munmap(memory->start, memory->mapped);
    }
    *memory = (struct memory){0};
}

static size_t step_bytes(size_t committed)
{
    size_t step = committed / 8;
    if (step < STEP_LEAST_BYTES) {
        step = STEP_LEAST_BYTES;
    }
    return step > STEP_MOST_BYTES ? STEP_MOST_BYTES : step;
}

int memory_commit(void *memory, size_t bytes)
{
    struct memory *self = memory;
    if (bytes <= self->committed) {
        return ERR_OK;
    }
    if (bytes > self->reserved) {
        return ERR_LIMIT;
    }
    size_t wanted = self->committed + step_bytes(self->committed);
    if (wanted < bytes) {
        wanted = bytes;
    }
    bool huge = wanted >= HUGE_FROM_BYTES;
    size_t unit = huge ? HUGE_BYTES : STEP_LEAST_BYTES;
    wanted = (wanted + unit - 1) & ~(unit - 1);
    if (wanted > self->reserved) {
        wanted = self->reserved;
    }
    if (mprotect(self->base, wanted, PROT_READ | PROT_WRITE) != 0) {
        return ERR_NOMEM;
    }
    if (huge && self->committed < HUGE_FROM_BYTES) {
        /* A wish: a system without large pages says no, and small ones serve. */
        (void)madvise(self->base, self->reserved, MADV_HUGEPAGE);
    }
    self->committed = wanted;
    return ERR_OK;
}
