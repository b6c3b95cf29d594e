/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/reserve.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    RESERVE_BYTES = 16384, /* a table of some 1,000 descriptors, and the smaller ones before it */
    RESERVE_ALIGN = 16,
};

/* Pieces are handed out once: what is given back stays unused. */
static struct {
    atomic_size_t used;
    _Alignas(RESERVE_ALIGN) char bytes[RESERVE_BYTES];
} reserve;

static bool is_reserve(const void *memory)
{
    uintptr_t at = (uintptr_t)memory, from = (uintptr_t)reserve.bytes;
    return at >= from && at < from + RESERVE_BYTES;
}

static void *reserve_take(size_t bytes)
{
    bytes = (bytes + RESERVE_ALIGN - 1) & ~(size_t)(RESERVE_ALIGN - 1);
    size_t used = atomic_load(&reserve.used);
    do {
        if (bytes > RESERVE_BYTES - used) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&reserve.used, &used, used + bytes));
    return reserve.bytes + used;
}

/* How much of it may be copied. */
static size_t size_of(void *memory)
{
    if (!is_reserve(memory)) {
        return malloc_usable_size(memory); /* of NULL: 0 */
    }
    return (size_t)(reserve.bytes + RESERVE_BYTES - (char *)memory);
}

static void *grow(void *old, size_t bytes)
{
    bool reserved = is_reserve(old);
    size_t had = size_of(old);
    void *grown = reserved ? malloc(bytes) : realloc(old, bytes);
    if (grown && !reserved) {
        return grown;
    }
    grown = grown ? grown : reserve_take(bytes);
    if (grown && had > 0) {
        memcpy(grown, old, had < bytes ? had : bytes);
    }
    if (grown && !reserved) {
        free(old);
    }
    return grown;
}

static void give_back(void *memory)
{
    if (!is_reserve(memory)) {
        free(memory);
    }
}

void reserve_for_libuv(void)
{
    (void)uv_replace_allocator(malloc, grow, calloc, give_back);
}
