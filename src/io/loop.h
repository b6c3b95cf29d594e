/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control plane's event loop (libuv underneath): timers, signals, file descriptors, work for
 * the thread pool, and a bell that other threads may ring. Query workers never come here.
 *
 *   loop_run() ─► one callback at a time ─► ... until loop_stop()
 *   thread pool ─► job.work (any thread) ─► job.done (loop's thread)
 *   any thread  ─► loop_bell_ring() ─► its callback (loop's thread); rings may merge into one
 *
 * Everything belongs to the loop's thread except loop_bell_ring(). Handles are made by ..._new()
 * and given back by ..._free(), which takes NULL; after it the callback does not run any more.
 */
#pragma once

#include "base/alloc.h"
#include "base/time.h"

#include <stdbool.h>

struct loop;
struct loop_timer;
struct loop_signal;
struct loop_poll;
struct loop_bell;

typedef void loop_callback(void *ctx);

int loop_new(const struct alloc *alloc, struct loop **ret_loop);
/* All handles must have been freed and all jobs done. */
void loop_free(struct loop *loop);
/* Runs callbacks until loop_stop(), or until nothing is left that could call one. */
void loop_run(struct loop *loop);
/* Waits for the next callbacks and runs them. */
void loop_run_once(struct loop *loop);
/* Runs callbacks until *flag is true. */
void loop_run_until(struct loop *loop, const bool *flag);
void loop_stop(struct loop *loop);

int loop_timer_new(struct loop *loop, loop_callback *callback, void *ctx,
                   struct loop_timer **ret_timer);
/* One shot, `after` from now; a running timer starts anew. */
void loop_timer_start(struct loop_timer *timer, struct duration after);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

int loop_signal_new(struct loop *loop, int number, loop_callback *callback, void *ctx,
                    struct loop_signal **ret_signal);
void loop_signal_free(struct loop_signal *signal);

/* Calls back whenever `fd` can be read, or is at its end. The fd stays the caller's. */
enum {
    LOOP_READ = 1,
    LOOP_WRITE = 2
};
int loop_poll_new(struct loop *loop, int fd, loop_callback *callback, void *ctx,
                  struct loop_poll **ret_poll);
/* What to call back for from now on: LOOP_READ, LOOP_WRITE or both. */
int loop_poll_want(struct loop_poll *poll, unsigned events);
/* In the callback: what has come. An error or the end of a connection is both. */
unsigned loop_poll_events(const struct loop_poll *poll);
void loop_poll_free(struct loop_poll *poll);

int loop_bell_new(struct loop *loop, loop_callback *callback, void *ctx,
                  struct loop_bell **ret_bell);
/* From any thread, also from a signal handler. */
void loop_bell_ring(struct loop_bell *bell);
void loop_bell_free(struct loop_bell *bell);

/* `work` in the thread pool, then `done` in the loop's thread. */
int loop_job_start(struct loop *loop, loop_callback *work, loop_callback *done, void *ctx);
