/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/memory.h"

#include "base/error.h"

#include <sys/mman.h>

/* A step is an eighth of what is there: few system calls, little memory ahead of need. */
#define STEP_LEAST_BYTES ((size_t)1 << 20)
#define STEP_MOST_BYTES ((size_t)64 << 20)

/* Large memory lies in large pages where the system has them: a search among a million names would
 * otherwise wait for page tables at each level. What is small does not pay for a whole one. */
#define HUGE_BYTES ((size_t)2 << 20)
#define HUGE_FROM_BYTES ((size_t)16 << 20)
#define PAGE_BYTES ((size_t)4096)

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

int memory_map(struct memory *memory, int fd, size_t offset, size_t bytes)
{
    size_t length = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    if (memory->committed > 0 || length > memory->reserved) {
        return ERR_LIMIT;
    }
    void *mapped = mmap(memory->base, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
                        (off_t)offset);
    if (mapped == MAP_FAILED) {
        /* What was there may be gone: nobody else may get the place. */
        (void)mmap(memory->base, length, PROT_NONE,
                   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return ERR_NOMEM;
    }
    memory->committed = length;
    memory->file_bytes = length;
    return ERR_OK;
}

/* A large page of our own, wherever it lies; NULL without memory. */
static uint8_t *page_new(void)
{
    uint8_t *start =
        mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        return NULL;
    }
    size_t before = -(uintptr_t)start & (HUGE_BYTES - 1);
    if (before > 0) {
        munmap(start, before);
    }
    munmap(start + before + HUGE_BYTES, HUGE_BYTES - before);
    (void)madvise(start + before, HUGE_BYTES, MADV_HUGEPAGE);
    return start + before;
}

/* Whole pages, word by word: the owner may have marked parts of them as untouchable for the address
 * sanitizer, which watches memcpy. */
__attribute__((no_sanitize_address)) static void pages_copy(uint8_t *to, const uint8_t *from,
                                                            size_t bytes)
{
    volatile uint64_t *out = (volatile uint64_t *)(void *)to;
    const volatile uint64_t *in = (const volatile uint64_t *)(const void *)from;
    for (size_t i = 0; i < bytes / sizeof(*in); i++) {
        out[i] = in[i];
    }
}

int memory_settle(struct memory *memory, bool *ret_more)
{
    size_t left = memory->file_bytes - memory->file_at;
    size_t bytes = left < HUGE_BYTES ? left : HUGE_BYTES;
    if (bytes > 0) {
        uint8_t *page = page_new(), *place = memory->base + memory->file_at;
        if (!page) {
            return ERR_NOMEM;
        }
        pages_copy(page, place, bytes);
        void *moved = mremap(page, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
        if (bytes < HUGE_BYTES || moved == MAP_FAILED) {
            size_t kept = moved == MAP_FAILED ? 0 : bytes;
            munmap(page + kept, HUGE_BYTES - kept);
        }
        if (moved == MAP_FAILED) {
            return ERR_NOMEM;
        }
        memory->file_at += bytes;
    }
    *ret_more = memory->file_at < memory->file_bytes;
    return ERR_OK;
}
