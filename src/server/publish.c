/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A replaced snapshot goes through two lists, both oldest first:
 *
 *   publish_swap() ─► waiting ─► helper: synchronize_rcu() ─► done ─► publish_done()
 *
 * The helper is a thread of our own rather than liburcu's call_rcu: that one's thread belongs to
 * the process and never ends, this one belongs to the publish point and is joined with it. It takes
 * all that waits at once, so a burst of swaps costs one grace period.
 *
 * liburcu's barriers are inside its library, where ThreadSanitizer cannot see them: it is told that
 * what a reader did before it went quiescent happens before the end of the grace period.
 */
#include "server/publish.h"

#include "base/error.h"
#include "server/spawn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <urcu-qsbr.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
extern void __tsan_acquire(void *mark);
extern void __tsan_release(void *mark);
static char grace_mark;
#define GRACE_READER_LEAVES() __tsan_release(&grace_mark)
#define GRACE_IS_OVER() __tsan_acquire(&grace_mark)
#else
#define GRACE_READER_LEAVES() ((void)0)
#define GRACE_IS_OVER() ((void)0)
#endif

enum {
    CACHE_LINE_BYTES = 64
};

struct retired_snapshot {
    struct retired_snapshot *next;
    const struct snapshot *snapshot;
};

struct retired_list {
    struct retired_snapshot *first, **last;
};

struct publish {
    _Atomic(const struct snapshot *) current; /* read by workers, written by control */
    char apart[CACHE_LINE_BYTES];             /* what changes stays off the pointer's line */
    pthread_mutex_t mutex;                    /* guards what follows */
    pthread_cond_t changed;                   /* any of it */
    struct retired_snapshot *spare;           /* for the next swap; control's own */
    struct retired_list waiting, done;
    bool busy; /* the helper holds some in a grace period */
    bool stop;
    bool helping; /* the helper runs; control's own */
    pthread_t helper;
    const struct alloc *alloc;
    void (*wake)(void *ctx);
    void *wake_ctx;
};

static void list_init(struct retired_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

/* Moves everything in `from` to the end of `to`. */
static void list_move(struct retired_list *to, struct retired_list *from)
{
    if (from->first) {
        *to->last = from->first;
        to->last = from->last;
        list_init(from);
    }
}

/* Waits for work and runs one grace period; false when asked to stop and nothing is left. */
static bool helper_turn(struct publish *publish)
{
    struct retired_list held;
    list_init(&held);
    while (!publish->waiting.first && !publish->stop) {
        pthread_cond_wait(&publish->changed, &publish->mutex);
    }
    if (!publish->waiting.first) {
        return false;
    }
    list_move(&held, &publish->waiting);
    publish->busy = true;
    pthread_mutex_unlock(&publish->mutex);
    urcu_qsbr_synchronize_rcu();
    GRACE_IS_OVER();
    pthread_mutex_lock(&publish->mutex);
    list_move(&publish->done, &held);
    publish->busy = false;
    pthread_cond_broadcast(&publish->changed);
    if (publish->wake) {
        pthread_mutex_unlock(&publish->mutex);
        publish->wake(publish->wake_ctx);
        pthread_mutex_lock(&publish->mutex);
    }
    return true;
}

static void *helper_run(void *arg)
{
    struct publish *publish = arg;
    pthread_mutex_lock(&publish->mutex);
    while (helper_turn(publish)) {
    }
    pthread_mutex_unlock(&publish->mutex);
    return NULL;
}

int publish_new(const struct alloc *alloc, void (*wake)(void *ctx), void *ctx, struct publish **out)
{
    struct publish *publish = mem_new_zero(alloc, 1, sizeof *publish);
    if (!publish) {
        return ERR_NOMEM;
    }
    publish->alloc = alloc;
    publish->wake = wake;
    publish->wake_ctx = ctx;
    atomic_init(&publish->current, NULL);
    list_init(&publish->waiting);
    list_init(&publish->done);
    pthread_mutex_init(&publish->mutex, NULL);
    pthread_cond_init(&publish->changed, NULL);
    *out = publish;
    return ERR_OK;
}

/* Not before something is published: a thread made while the process still has capabilities would
 * keep them, as giving them up is a matter of each thread. */
static int helper_start(struct publish *publish)
{
    int err =
        publish->helping ? ERR_OK : spawn_thread(&publish->helper, "grace", helper_run, publish);
    publish->helping = err == ERR_OK;
    return err;
}

void publish_free(struct publish *publish)
{
    if (!publish) {
        return;
    }
    if (publish->helping) {
        pthread_mutex_lock(&publish->mutex);
        publish->stop = true;
        pthread_cond_broadcast(&publish->changed);
        pthread_mutex_unlock(&publish->mutex);
        pthread_join(publish->helper, NULL);
    }
    while (publish_done(publish)) {
    }
    mem_free(publish->alloc, publish->spare);
    pthread_cond_destroy(&publish->changed);
    pthread_mutex_destroy(&publish->mutex);
    mem_free(publish->alloc, publish);
}

int publish_reserve(struct publish *publish)
{
    int err = helper_start(publish);
    if (err == ERR_OK && !publish->spare) {
        publish->spare = mem_new(publish->alloc, sizeof *publish->spare);
        err = publish->spare ? ERR_OK : ERR_NOMEM;
    }
    return err;
}

int publish_swap(struct publish *publish, const struct snapshot *snapshot)
{
    const struct snapshot *old = publish_current(publish);
    struct retired_snapshot *retired = NULL;
    int err = old ? publish_reserve(publish) : helper_start(publish);
    if (err != ERR_OK) {
        return err;
    }
    if (old) {
        retired = publish->spare;
        publish->spare = NULL;
        *retired = (struct retired_snapshot){NULL, old};
    }
    atomic_store_explicit(&publish->current, snapshot, memory_order_release);
    if (retired) {
        pthread_mutex_lock(&publish->mutex);
        *publish->waiting.last = retired;
        publish->waiting.last = &retired->next;
        pthread_cond_broadcast(&publish->changed);
        pthread_mutex_unlock(&publish->mutex);
    }
    return ERR_OK;
}

const struct snapshot *publish_done(struct publish *publish)
{
    pthread_mutex_lock(&publish->mutex);
    struct retired_snapshot *oldest = publish->done.first;
    if (oldest) {
        publish->done.first = oldest->next;
        if (!publish->done.first) {
            publish->done.last = &publish->done.first;
        }
    }
    pthread_mutex_unlock(&publish->mutex);
    if (!oldest) {
        return NULL;
    }
    const struct snapshot *snapshot = oldest->snapshot;
    mem_free(publish->alloc, oldest);
    return snapshot;
}

void publish_wait(struct publish *publish)
{
    pthread_mutex_lock(&publish->mutex);
    while (publish->waiting.first || publish->busy) {
        pthread_cond_wait(&publish->changed, &publish->mutex);
    }
    pthread_mutex_unlock(&publish->mutex);
}

const struct snapshot *publish_current(const struct publish *publish)
{
    return atomic_load_explicit(&publish->current, memory_order_relaxed);
}

void publish_thread_register(void)
{
    urcu_qsbr_register_thread();
}

void publish_thread_unregister(void)
{
    GRACE_READER_LEAVES();
    urcu_qsbr_unregister_thread();
}

void publish_online(void)
{
    urcu_qsbr_thread_online();
}

void publish_offline(void)
{
    GRACE_READER_LEAVES();
    urcu_qsbr_thread_offline();
}

void publish_quiescent(void)
{
    GRACE_READER_LEAVES();
    urcu_qsbr_quiescent_state();
}

const struct snapshot *publish_load(const struct publish *publish)
{
    return atomic_load_explicit(&publish->current, memory_order_acquire);
}
