/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A few threads for work that blocks or takes long: reading and parsing zone files.
 *
 *   owner ─► pool_start() ─► waiting ─► a thread: work() ─► finished ─► wake()
 *   owner ─► pool_finish() ─► done() of each that is finished
 *
 * Our own rather than libuv's: that one ends the process when a thread cannot be made. Here the
 * work is refused if there is no thread at all, and goes on with fewer if there are some. Threads
 * are made with the first work, so they belong to the user that the process has then.
 *
 * Everything but work() and wake() runs in the owner's thread.
 */
#pragma once

#include "base/alloc.h"

#include <stdbool.h>

struct pool;

/* wake(ctx) is called from any thread once something is finished. */
int pool_new(const struct alloc *alloc, unsigned threads, void (*wake)(void *ctx), void *ctx,
             struct pool **ret_pool);
/* Ends the threads; all work must be finished. Takes NULL. */
void pool_free(struct pool *pool);

int pool_start(struct pool *pool, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);
void pool_finish(struct pool *pool);
/* Is anything started whose done() has not been called? */
bool pool_busy(const struct pool *pool);
