/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/pool.h"

#include "base/assert.h"
#include "base/error.h"

#include <pthread.h>
#include <signal.h>

struct task {
    struct task *next;
    void (*work)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
};

struct queue {
    struct task *first, **last;
};

struct pool {
    const struct alloc *alloc;
    void (*wake)(void *ctx);
    void *wake_ctx;
    unsigned under_way;     /* started, done() not called */
    unsigned threads, most; /* threads that exist, and that there shall be */
    pthread_mutex_t mutex;  /* guards the rest */
    pthread_cond_t changed;
    struct queue waiting, finished;
    bool stop;
    pthread_t thread[];
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_add(struct queue *queue, struct task *task)
{
    task->next = NULL;
    *queue->last = task;
    queue->last = &task->next;
}

static struct task *queue_take(struct queue *queue)
{
    struct task *task = queue->first;
    if (task) {
        queue->first = task->next;
        if (!queue->first) {
            queue->last = &queue->first;
        }
    }
    return task;
}

static void *thread_run(void *arg)
{
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        struct task *task = queue_take(&pool->waiting);
        if (task) {
            pthread_mutex_unlock(&pool->mutex);
            task->work(task->ctx);
            pthread_mutex_lock(&pool->mutex);
            queue_add(&pool->finished, task);
            pool->wake(pool->wake_ctx);
        } else if (pool->stop) {
            break;
        } else {
            pthread_cond_wait(&pool->changed, &pool->mutex);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Makes the threads that are missing; signals are for the owner's thread. */
static void threads_make(struct pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->threads < pool->most) {
        pthread_t *thread = &pool->thread[pool->threads];
        if (pthread_create(thread, NULL, thread_run, pool) != 0) {
            break;
        }
        pthread_setname_np(*thread, "pool");
        pool->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int pool_new(const struct alloc *alloc, unsigned threads, void (*wake)(void *ctx), void *ctx,
             struct pool **ret_pool)
{
    struct pool *pool = mem_new_zero(alloc, 1, sizeof(*pool) + threads * sizeof(pthread_t));
    if (!pool) {
        return ERR_NOMEM;
    }
    pool->alloc = alloc;
    pool->wake = wake;
    pool->wake_ctx = ctx;
    pool->most = threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    queue_init(&pool->waiting);
    queue_init(&pool->finished);
    *ret_pool = pool;
    return ERR_OK;
}

void pool_free(struct pool *pool)
{
    if (!pool) {
        return;
    }
    ASSERT(pool->under_way == 0);
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    while (pool->threads > 0) {
        pthread_join(pool->thread[--pool->threads], NULL);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    mem_free(pool->alloc, pool);
}

int pool_start(struct pool *pool, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
    threads_make(pool);
    struct task *task = pool->threads > 0 ? mem_new(pool->alloc, sizeof(*task)) : NULL;
    if (!task) {
        return ERR_NOMEM;
    }
    *task = (struct task){.work = work, .done = done, .ctx = ctx};
    pool->under_way++;
    pthread_mutex_lock(&pool->mutex);
    queue_add(&pool->waiting, task);
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    return ERR_OK;
}

void pool_finish(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    struct task *task = pool->finished.first; /* what done() leads to has its own wake() */
    queue_init(&pool->finished);
    pthread_mutex_unlock(&pool->mutex);
    while (task) {
        struct task finished = *task;
        mem_free(pool->alloc, task);
        pool->under_way--;
        finished.done(finished.ctx);
        task = finished.next;
    }
}

bool pool_busy(const struct pool *pool)
{
    return pool->under_way > 0;
}
