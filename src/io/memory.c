/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/memory.h"

#include "base/error.h"

#include <sys/mman.h>

/* A step is an eighth of what is there: few system calls, little memory ahead of need. */
#define STEP_LEAST_BYTES ((size_t)1 << 20)
#define STEP_MOST_BYTES ((size_t)64 << 20)

int memory_reserve(struct memory *memory, size_t most, size_t least)
{
    for (size_t bytes = most; bytes >= least; bytes /= 2) {
        void *base =
            mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base != MAP_FAILED) {
            *memory = (struct memory){.base = base, .reserved = bytes};
            return ERR_OK;
        }
    }
    return ERR_NOMEM;
}

void memory_release(struct memory *memory)
{
    if (memory->base) {
        munmap(memory->base, memory->reserved);
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
    wanted = (wanted + STEP_LEAST_BYTES - 1) & ~(STEP_LEAST_BYTES - 1);
    if (wanted > self->reserved) {
        wanted = self->reserved;
    }
    if (mprotect(self->base, wanted, PROT_READ | PROT_WRITE) != 0) {
        return ERR_NOMEM;
    }
    self->committed = wanted;
    return ERR_OK;
}
