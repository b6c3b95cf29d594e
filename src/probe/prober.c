/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/target.h"

#include "base/error.h"
#include "base/limits.h"
#include "io/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LAST_LOOK_MS = 1, /* after the timeout: what has come meanwhile, unread, still counts */
};

static const struct probe_kind *const KINDS[CHECK_KIND_COUNT] = {
    [CHECK_TCP] = &PROBE_TCP, [CHECK_HELD] = &PROBE_HELD,       [CHECK_HTTP] = &PROBE_HTTP,
    [CHECK_DNS] = &PROBE_DNS, [CHECK_COMMAND] = &PROBE_COMMAND, [CHECK_FILE] = &PROBE_FILE,
};

static int64_t interval_ns(const struct target *target)
{
    return duration_from_ms(target->order.check->interval_ms).ns;
}

/* --- the crowd: targets whose beat has come, while LIMIT_PROBES are under way --------------------
 */

static void crowd_join(struct target *target)
{
    struct prober *prober = target->prober;
    if (target->in_crowd) {
        return;
    }
    target->in_crowd = true;
    target->crowd_next = NULL;
    target->crowd_before = prober->crowd_last;
    *(prober->crowd_last ? &prober->crowd_last->crowd_next : &prober->crowd_first) = target;
    prober->crowd_last = target;
}

static void crowd_leave(struct target *target)
{
    struct prober *prober = target->prober;
    struct target *before = target->crowd_before, *next = target->crowd_next;
    if (!target->in_crowd) {
        return;
    }
    target->in_crowd = false;
    *(before ? &before->crowd_next : &prober->crowd_first) = next;
    *(next ? &next->crowd_before : &prober->crowd_last) = before;
}

/* A place is free: the one that waits longest gets a beat. By its timer, not from here: probes that
 * end at once would pile up on the stack. */
static void crowd_wake(struct prober *prober)
{
    struct target *target = prober->crowd_first;
    if (target) {
        crowd_leave(target);
        loop_timer_start(target->timer, (struct duration){0});
    }
}

/* --- beats ---------------------------------------------------------------------------------------
 */

/* The next beat: an interval after the last one was due, give or take a twentieth. */
static void beat_next(struct target *target)
{
    int64_t interval = interval_ns(target), now = clock_mono().ns;
    int64_t spread = interval / 20;
    int64_t chance = (int64_t)random_below(&target->prober->random, (uint64_t)(2 * spread + 1));
    int64_t wait = target->beat.ns + interval - now;
    if (wait < 0) { /* it took longer than the interval: no catching up */
        target->beat.ns = now;
        wait = interval;
    }
    target->beat.ns += interval;
    wait += chance - spread;
    loop_timer_start(target->timer, (struct duration){wait > 0 ? wait : 0});
}

/* Has the address of the target had its share of this second? Then the beat comes later, once. */
static bool must_wait(struct target *target)
{
    struct prober *prober = target->prober;
    if (!target->pace || target->paced) {
        target->paced = false;
        return false;
    }
    struct duration wait = pace_take(target->pace, prober->rate, clock_mono());
    if (wait.ns == 0) {
        return false;
    }
    target->paced = true;
    prober->delayed++;
    loop_timer_start(target->timer, wait);
    return true;
}

static void on_timer(void *ctx)
{
    struct target *target = ctx;
    if (target->under_way) {
        if (!target->last_look) { /* the loop may be late: sockets are read once more first */
            target->last_look = true;
            loop_timer_start(target->timer, duration_from_ms(LAST_LOOK_MS));
        } else if (target->kind->timeout) {
            target->kind->timeout(target);
        } else {
            target_close(target);
            target_finish(target, OUTCOME_FAIL, "no answer within the timeout");
        }
        return;
    }
    if (target->prober->under_way >= LIMIT_PROBES) {
        crowd_join(target);
        return;
    }
    crowd_leave(target);
    if (must_wait(target)) {
        crowd_wake(target->prober); /* the place it had is for somebody else */
        return;
    }
    target->prober->under_way++;
    target->under_way = true;
    target->last_look = false;
    loop_timer_start(target->timer, duration_from_ms(target->order.check->timeout_ms));
    target->kind->begin(target);
}

void target_finish(struct target *target, enum outcome_kind outcome, const char *detail)
{
    if (target->under_way) {
        target->under_way = false;
        target->prober->under_way--;
        beat_next(target);
        crowd_wake(target->prober);
    }
    target_tell(target, outcome, detail);
}

void target_tell(struct target *target, enum outcome_kind outcome, const char *detail)
{
    target->prober->told(target->prober->ctx, target->order.probe, outcome, detail);
}

void target_again(struct target *target, struct duration after)
{
    if (!target->under_way) {
        target->beat.ns = clock_mono().ns + after.ns;
        loop_timer_start(target->timer, after);
    }
}

/* --- connections ---------------------------------------------------------------------------------
 */

struct endpoint target_endpoint(const struct target *target)
{
    return (struct endpoint){target->order.address, target->order.port};
}

static const struct problem {
    int number;
    bool ours; /* what we lack says nothing of the target */
    const char *text;
} PROBLEMS[] = {
    {ECONNREFUSED, false, "connection refused"},
    {EHOSTUNREACH, false, "no route to the target"},
    {ENETUNREACH, false, "no route to the target"},
    {ETIMEDOUT, false, "the target does not answer"},
    {ECONNRESET, false, "connection reset"},
    {EMFILE, true, "no file descriptor left here"},
    {ENFILE, true, "no file descriptor left here"},
    {EADDRNOTAVAIL, true, "no local port left here"},
    {EAGAIN, true, "no local port left here"},
    {ENOMEM, true, "no memory for a probe here"},
    {ENOBUFS, true, "no memory for a probe here"},
};

static struct problem problem_of(int number)
{
    for (size_t i = 0; i < sizeof(PROBLEMS) / sizeof(PROBLEMS[0]); i++) {
        if (PROBLEMS[i].number == number) {
            return PROBLEMS[i];
        }
    }
    return (struct problem){number, false, "the connection failed"};
}

const char *connect_problem(int number)
{
    return problem_of(number).text;
}

enum outcome_kind problem_outcome(int number)
{
    return problem_of(number).ours ? OUTCOME_NONE : OUTCOME_FAIL;
}

bool target_connect(struct target *target, enum socket_kind kind, loop_callback *ready)
{
    struct endpoint endpoint = target_endpoint(target);
    target->read_len = 0;
    if (socket_connect(kind, &endpoint, &target->fd) != ERR_OK) {
        int problem = errno;
        bool refused = target->kind == &PROBE_HELD && problem == ECONNREFUSED;
        target->fd = -1;
        target->ended = false;
        target_finish(target, refused ? OUTCOME_DEAD : problem_outcome(problem),
                      connect_problem(problem));
        return false;
    }
    if (loop_poll_new(target->prober->loop, target->fd, ready, target, &target->poll) != ERR_OK) {
        target->poll = NULL;
        target_close(target);
        target_finish(target, OUTCOME_NONE, "no memory for a probe here");
        return false;
    }
    target_watch(target, LOOP_WRITE);
    return true;
}

void target_watch(struct target *target, unsigned events)
{
    (void)loop_poll_want(target->poll, events); /* it is registered: changing cannot fail */
}

void target_close(struct target *target)
{
    loop_poll_free(target->poll);
    target->poll = NULL;
    if (target->fd >= 0) {
        close(target->fd);
        target->fd = -1;
    }
}

int target_receive(struct target *target)
{
    if (target->read_len == sizeof(target->read)) {
        memmove(target->read, target->read + sizeof(target->read) / 2, sizeof(target->read) / 2);
        target->read_len = sizeof(target->read) / 2;
    }
    ssize_t got = recv(target->fd, target->read + target->read_len,
                       sizeof(target->read) - target->read_len, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? -1 : -2;
    }
    target->read_len += (size_t)got;
    return (int)got;
}

bool target_read_has(const struct target *target, const char *wanted)
{
    return memmem(target->read, target->read_len, wanted, strlen(wanted)) != NULL;
}

/* --- the port ------------------------------------------------------------------------------------
 */

static int port_start(void *ctx, const struct probe_order *order, void **ret_handle)
{
    struct prober *prober = ctx;
    const struct probe_kind *kind = KINDS[order->check->kind];
    struct target *target = kind ? mem_new_zero(prober->alloc, 1, sizeof(*target)) : NULL;
    if (!target) {
        return kind ? ERR_NOMEM : ERR_UNSUPPORTED;
    }
    target->prober = prober;
    target->order = *order;
    target->kind = kind;
    target->fd = -1;
    target->pace = kind->local ? NULL : pace_join(&prober->paces, &order->address);
    int err = kind->local || target->pace
                  ? loop_timer_new(prober->loop, on_timer, target, &target->timer)
                  : ERR_NOMEM;
    if (err != ERR_OK) {
        pace_leave(&prober->paces, target->pace);
        mem_free(prober->alloc, target);
        return err;
    }
    int64_t wait =
        order->at_once ? 0 : (int64_t)random_below(&prober->random, (uint64_t)interval_ns(target));
    target_again(target, (struct duration){wait});
    *ret_handle = target;
    return ERR_OK;
}

static void port_stop(void *ctx, void *handle)
{
    struct prober *prober = ctx;
    struct target *target = handle;
    if (target->under_way) {
        prober->under_way--;
    }
    crowd_leave(target);
    crowd_wake(prober); /* also when it was woken, and had not begun */
    if (target->kind->end) {
        target->kind->end(target);
    }
    target_close(target);
    pace_leave(&prober->paces, target->pace);
    loop_timer_free(target->timer);
    mem_free(prober->alloc, target->state);
    mem_free(prober->alloc, target);
}

struct probe_port prober_port(struct prober *prober)
{
    return (struct probe_port){prober, port_start, port_stop};
}

int prober_new(const struct alloc *alloc, struct loop *loop, uint64_t seed, prober_told *told,
               void *ctx, struct prober **ret)
{
    struct prober *prober = mem_new_zero(alloc, 1, sizeof(*prober));
    if (!prober) {
        return ERR_NOMEM;
    }
    *prober = (struct prober){.alloc = alloc,
                              .loop = loop,
                              .told = told,
                              .ctx = ctx,
                              .paces = {.alloc = alloc},
                              .rate = PROBER_RATE};
    random_seed(&prober->random, seed);
    *ret = prober;
    return ERR_OK;
}

void prober_rate_set(struct prober *prober, uint32_t rate)
{
    prober->rate = rate;
}

uint64_t prober_delayed(const struct prober *prober)
{
    return prober->delayed;
}

void prober_free(struct prober *prober)
{
    if (prober) {
        http_probes_free(prober->http);
        paces_free(&prober->paces);
        mem_free(prober->alloc, prober);
    }
}
