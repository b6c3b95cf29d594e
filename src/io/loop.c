/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/loop.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "io/pool.h"
#include "io/reserve.h"

#include <errno.h>
#include <sys/epoll.h>
#include <uv.h>

struct loop {
    const struct alloc *alloc;
    uv_loop_t uv;
    struct pool *pool;
    uv_async_t finished; /* rung by the pool; holds the loop while a job is under way */
};

/* One callback and where it goes; every handle begins with its libuv half. */
struct target {
    struct loop *loop;
    loop_callback *call;
    void *ctx;
};

struct loop_timer {
    uv_timer_t uv;
    struct target target;
};

struct loop_signal {
    uv_signal_t uv;
    struct target target;
};

struct loop_poll {
    uv_poll_t uv;
    struct target target;
    unsigned events;
};

struct loop_bell {
    uv_async_t uv;
    struct target target;
};

static int error_from_uv(int status)
{
    switch (status) {
    case 0:
        return ERR_OK;
    case UV_ENOMEM:
        return ERR_NOMEM;
    case UV_EACCES:
    case UV_EPERM:
        return ERR_PERMISSION;
    case UV_EINVAL:
    case UV_EBADF:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

static void target_call(const struct target *target)
{
    target->call(target->ctx);
}

/* Lets libuv find the descriptor registered. It would do that itself when it runs, and end the
 * process when the kernel has no memory for it; here that is an error. */
static int watch_ahead(struct loop *loop, int fd)
{
    struct epoll_event event = {.events = 0, .data.fd = fd};
    if (epoll_ctl(uv_backend_fd(&loop->uv), EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST) {
        return ERR_OK;
    }
    return errno == ENOMEM ? ERR_NOMEM : ERR_LIMIT;
}

static void jobs_finished(uv_async_t *uv)
{
    struct loop *loop = uv->data;
    pool_finish(loop->pool);
    if (!pool_busy(loop->pool)) {
        uv_unref((uv_handle_t *)uv);
    }
}

static void job_ring(void *loop)
{
    uv_async_send(&((struct loop *)loop)->finished);
}

static int loop_open(struct loop *loop)
{
    int err = watch_ahead(loop, loop->uv.async_io_watcher.fd);
    if (err == ERR_OK) {
        err = watch_ahead(loop, loop->uv.signal_io_watcher.fd);
    }
    if (err == ERR_OK) {
        err = pool_new(loop->alloc, LIMIT_LOADING, job_ring, loop, &loop->pool);
    }
    if (err == ERR_OK) {
        err = error_from_uv(uv_async_init(&loop->uv, &loop->finished, jobs_finished));
    }
    if (err == ERR_OK) {
        loop->finished.data = loop;
        uv_unref((uv_handle_t *)&loop->finished);
    }
    return err;
}

int loop_new(const struct alloc *alloc, struct loop **ret_loop)
{
    struct loop *loop = mem_new_zero(alloc, 1, sizeof(*loop));
    if (!loop) {
        return ERR_NOMEM;
    }
    loop->alloc = alloc;
    reserve_for_libuv();
    int err = error_from_uv(uv_loop_init(&loop->uv));
    if (err != ERR_OK) {
        mem_free(alloc, loop);
        return err;
    }
    err = loop_open(loop);
    if (err != ERR_OK) {
        loop_free(loop);
        return err;
    }
    *ret_loop = loop;
    return ERR_OK;
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    if (loop->finished.data) {
        uv_close((uv_handle_t *)&loop->finished, NULL);
    }
    /* Closing handles call back once more; a loop_stop() that met no run ends the first. */
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int status = uv_loop_close(&loop->uv);
    ASSERT(status == 0);
    pool_free(loop->pool);
    mem_free(loop->alloc, loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_run_once(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_ONCE);
}

void loop_run_until(struct loop *loop, const bool *flag)
{
    while (!*flag && uv_run(&loop->uv, UV_RUN_ONCE) != 0) {
    }
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

/* Memory for a handle of `bytes`, cleared. */
static void *handle_new(struct loop *loop, size_t bytes)
{
    return mem_new_zero(loop->alloc, 1, bytes);
}

static void timer_closed(uv_handle_t *handle)
{
    struct loop_timer *timer = (struct loop_timer *)handle;
    mem_free(timer->target.loop->alloc, timer);
}

static void timer_fired(uv_timer_t *uv)
{
    target_call(&((struct loop_timer *)uv)->target);
}

int loop_timer_new(struct loop *loop, loop_callback *callback, void *ctx,
                   struct loop_timer **ret_timer)
{
    struct loop_timer *timer = handle_new(loop, sizeof(*timer));
    if (!timer) {
        return ERR_NOMEM;
    }
    timer->target = (struct target){loop, callback, ctx};
    uv_timer_init(&loop->uv, &timer->uv);
    *ret_timer = timer;
    return ERR_OK;
}

void loop_timer_start(struct loop_timer *timer, struct duration after)
{
    /* Rounded up: a timer never fires early. */
    uint64_t after_ms = after.ns <= 0 ? 0 : ((uint64_t)after.ns + 999999) / 1000000;
    uv_update_time(&timer->target.loop->uv);
    uv_timer_start(&timer->uv, timer_fired, after_ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer) {
        uv_close((uv_handle_t *)&timer->uv, timer_closed);
    }
}

static void signal_closed(uv_handle_t *handle)
{
    struct loop_signal *self = (struct loop_signal *)handle;
    mem_free(self->target.loop->alloc, self);
}

static void signal_came(uv_signal_t *uv, int number)
{
    (void)number;
    target_call(&((struct loop_signal *)uv)->target);
}

int loop_signal_new(struct loop *loop, int number, loop_callback *callback, void *ctx,
                    struct loop_signal **ret_signal)
{
    struct loop_signal *self = handle_new(loop, sizeof(*self));
    if (!self) {
        return ERR_NOMEM;
    }
    self->target = (struct target){loop, callback, ctx};
    int err = error_from_uv(uv_signal_init(&loop->uv, &self->uv));
    if (err != ERR_OK) {
        mem_free(loop->alloc, self);
        return err;
    }
    err = error_from_uv(uv_signal_start(&self->uv, signal_came, number));
    if (err != ERR_OK) {
        loop_signal_free(self);
        return err;
    }
    *ret_signal = self;
    return ERR_OK;
}

void loop_signal_free(struct loop_signal *self)
{
    if (self) {
        uv_close((uv_handle_t *)&self->uv, signal_closed);
    }
}

static void poll_closed(uv_handle_t *handle)
{
    struct loop_poll *poll = (struct loop_poll *)handle;
    mem_free(poll->target.loop->alloc, poll);
}

static void poll_ready(uv_poll_t *uv, int status, int events)
{
    struct loop_poll *poll = (struct loop_poll *)uv;
    bool ended = status < 0 || events & UV_DISCONNECT;
    poll->events = (ended || events & UV_READABLE ? (unsigned)LOOP_READ : 0) |
                   (ended || events & UV_WRITABLE ? (unsigned)LOOP_WRITE : 0);
    target_call(&poll->target);
}

int loop_poll_want(struct loop_poll *poll, unsigned events)
{
    int wanted = UV_DISCONNECT | (events & LOOP_READ ? UV_READABLE : 0) |
                 (events & LOOP_WRITE ? UV_WRITABLE : 0);
    return error_from_uv(uv_poll_start(&poll->uv, wanted, poll_ready));
}

unsigned loop_poll_events(const struct loop_poll *poll)
{
    return poll->events;
}

int loop_poll_new(struct loop *loop, int fd, loop_callback *callback, void *ctx,
                  struct loop_poll **ret_poll)
{
    struct loop_poll *poll = handle_new(loop, sizeof(*poll));
    if (!poll) {
        return ERR_NOMEM;
    }
    poll->target = (struct target){loop, callback, ctx};
    int err = error_from_uv(uv_poll_init(&loop->uv, &poll->uv, fd));
    if (err != ERR_OK) {
        mem_free(loop->alloc, poll);
        return err;
    }
    err = error_from_uv(uv_poll_start(&poll->uv, UV_READABLE | UV_DISCONNECT, poll_ready));
    if (err == ERR_OK) {
        err = watch_ahead(loop, fd); /* not before: uv_poll_start() takes it out of the set */
    }
    if (err != ERR_OK) {
        loop_poll_free(poll);
        return err;
    }
    *ret_poll = poll;
    return ERR_OK;
}

void loop_poll_free(struct loop_poll *poll)
{
    if (poll) {
        uv_close((uv_handle_t *)&poll->uv, poll_closed);
    }
}

static void bell_closed(uv_handle_t *handle)
{
    struct loop_bell *bell = (struct loop_bell *)handle;
    mem_free(bell->target.loop->alloc, bell);
}

static void bell_rang(uv_async_t *uv)
{
    target_call(&((struct loop_bell *)uv)->target);
}

int loop_bell_new(struct loop *loop, loop_callback *callback, void *ctx,
                  struct loop_bell **ret_bell)
{
    struct loop_bell *bell = handle_new(loop, sizeof(*bell));
    if (!bell) {
        return ERR_NOMEM;
    }
    bell->target = (struct target){loop, callback, ctx};
    int err = error_from_uv(uv_async_init(&loop->uv, &bell->uv, bell_rang));
    if (err != ERR_OK) {
        mem_free(loop->alloc, bell);
        return err;
    }
    *ret_bell = bell;
    return ERR_OK;
}

void loop_bell_ring(struct loop_bell *bell)
{
    uv_async_send(&bell->uv);
}

void loop_bell_free(struct loop_bell *bell)
{
    if (bell) {
        uv_close((uv_handle_t *)&bell->uv, bell_closed);
    }
}

int loop_job_start(struct loop *loop, loop_callback *work, loop_callback *done, void *ctx)
{
    int err = pool_start(loop->pool, work, done, ctx);
    if (err == ERR_OK) {
        uv_ref((uv_handle_t *)&loop->finished);
    }
    return err;
}
