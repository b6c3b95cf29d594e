/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum {
    THREADS_MOST = 64
};

struct run {
    atomic_uint next;
    unsigned parts;
    void (*work)(void *ctx, unsigned part);
    void *ctx;
};

unsigned cores_count(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 0 ? (unsigned)count : 1;
}

static void *parts_take(void *arg)
{
    struct run *run = arg;
    unsigned part;
    while ((part = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed)) < run->parts) {
        run->work(run->ctx, part);
    }
    return NULL;
}

void parallel_run(unsigned parts, unsigned threads, void (*work)(void *ctx, unsigned part),
                  void *ctx)
{
    struct run run = {.parts = parts, .work = work, .ctx = ctx};
    pthread_t made[THREADS_MOST];
    unsigned count = 0;
    sigset_t all, before;
    threads = threads < THREADS_MOST ? threads : THREADS_MOST;
    sigfillset(&all); /* signals are for the owner of the loop */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count + 1 < threads && count + 1 < parts &&
           pthread_create(&made[count], NULL, parts_take, &run) == 0) {
        pthread_setname_np(made[count++], "part");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    parts_take(&run);
    while (count > 0) {
        pthread_join(made[--count], NULL);
    }
}
