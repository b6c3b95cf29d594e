/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Work that divides into parts, done by the calling thread and by as many more as there are cores,
 * for as long as it takes.
 *
 *   caller ─┬─► part 0 ─► part 3 ─► ...          each takes the next part that nobody has
 *           └─► thread ─► part 1 ─► part 2 ─► ... ─► joined before parallel_run() returns
 *
 * A thread that cannot be made costs speed and nothing else.
 */
#pragma once

#include <stdbool.h>

/* Cores that this process may run on, at least 1. */
unsigned cores_count(void);

/* Calls work(ctx, part) once for each part from 0 on, in up to `threads` threads at the same time,
 * the caller's included. Returns when all are done. */
void parallel_run(unsigned parts, unsigned threads, void (*work)(void *ctx, unsigned part),
                  void *ctx);
