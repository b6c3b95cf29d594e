/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An allocator that fails at the n-th call, and counts what is alive, so that a test can walk every
 * allocation failure of a function and see that nothing leaks.
 *
 *   for (n = 1;; n++) { failing_init(&failing, n); ...; if (!failing.failed) break; }
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>

struct failing {
    struct alloc alloc;
    size_t left;  /* calls that still succeed; SIZE_MAX: all */
    size_t alive; /* blocks not given back */
    bool failed;  /* the failure was reached */
};

static inline void *failing_resize(void *ctx, void *mem, size_t bytes)
{
    struct failing *failing = ctx;
    if (failing->left == 0) {
        failing->failed = true;
        return NULL;
    }
    failing->left--;
    void *moved = realloc(mem, bytes);
    failing->alive += !mem && moved;
    return moved;
}

static inline void failing_release(void *ctx, void *mem)
{
    struct failing *failing = ctx;
    failing->alive -= mem != NULL;
    free(mem);
}

/* Call number `n`, counting from 1, and all after it fail. */
static inline void failing_init(struct failing *failing, size_t n)
{
    *failing = (struct failing){.left = n - 1};
    failing->alloc = (struct alloc){failing_resize, failing_release, failing};
}
