/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A held connection: made once, kept open, and its end is news at once. The kernel of a process
 * that dies closes its connections; connecting again tells whether anybody is left:
 *
 *   connecting ─ accepted ─► held ─ FIN, RST ─► connecting ─ accepted ─► held   (passing)
 *        │                                          └ refused ─► critical now, whatever `fall` says
 *        └ refused, no answer ─► failed; again at the next beat
 *
 * Reconnects are rate-limited. A peer that keeps closing connections while it accepts new ones
 * closes idle ones: the check steps aside and connects at each beat instead, for a while. A peer
 * that falls silent is found by TCP's own keep-alive.
 */
#include "probe/target.h"

#include "io/clock.h"

#include <errno.h>

enum {
    PHASE_CONNECTING,
    PHASE_HELD,
    RECONNECT_MS = 100, /* the longest wait before a reconnect */
    CLOSES_MOST = 5,    /* by the peer, within ... */
    CLOSES_BEATS = 20,  /* ... so many intervals: it closes idle connections */
    ASIDE_MS = 600000,
};

static bool is_aside(const struct target *target)
{
    return clock_mono().ns < target->aside_until.ns;
}

/* The peer closed while it was held: again at once; then after 1, 4, 16 ... ms, as a process that
 * dies may accept once more before its listener goes, too. */
static void on_end(struct target *target)
{
    struct mono now = clock_mono();
    bool again = mono_since(now, target->ended_at).ns < duration_from_ms(1000).ns;
    target_close(target);
    target->ended = true;
    target->ended_at = now;
    target->wait_ms = !again                               ? 0
                      : target->wait_ms == 0               ? 1
                      : target->wait_ms * 4 < RECONNECT_MS ? target->wait_ms * 4
                                                           : (unsigned)RECONNECT_MS;
    target_again(target, duration_from_ms(target->wait_ms));
}

/* It closed, and accepts again: nobody died. A peer that does so often closes idle connections. */
static void count_close(struct target *target)
{
    struct mono now = clock_mono();
    int64_t window = duration_from_ms((int64_t)target->order.check->interval_ms * CLOSES_BEATS).ns;
    if (mono_since(now, target->closes_since).ns > window) {
        target->closes = 0;
        target->closes_since = now;
    }
    if (++target->closes > CLOSES_MOST) {
        target->closes = 0;
        target->aside_until = mono_add(now, duration_from_ms(ASIDE_MS));
    }
}

static void on_held(struct target *target)
{
    for (int got; (got = target_receive(target)) != -1;) {
        target->read_len = 0; /* what it says is not asked for */
        if (got <= 0) {
            on_end(target);
            return;
        }
    }
}

static void on_connected(struct target *target)
{
    const struct check *check = target->order.check;
    int problem = socket_connected(target->fd);
    bool ended = target->ended;
    target->ended = false;
    if (problem) {
        target_close(target);
        target_finish(target, problem == ECONNREFUSED ? OUTCOME_DEAD : OUTCOME_FAIL,
                      connect_problem(problem));
        return;
    }
    if (ended) {
        count_close(target);
    }
    if (is_aside(target)) {
        target_close(target);
        target_finish(target, OUTCOME_PASS,
                      "connected; the peer closes idle connections, so none is held");
        return;
    }
    (void)socket_keep_alive(target->fd, check->interval_ms < 1000 ? 1 : check->interval_ms / 1000,
                            check->fall);
    target->phase = PHASE_HELD;
    target_watch(target, LOOP_READ);
    target_finish(target, OUTCOME_ALIVE, "connected, and held");
}

static void on_ready(void *ctx)
{
    struct target *target = ctx;
    if (target->phase == PHASE_CONNECTING) {
        on_connected(target);
    } else {
        on_held(target);
    }
}

static void begin(struct target *target)
{
    if (target->fd >= 0) { /* held: the beat has nothing to do */
        target_finish(target, OUTCOME_PASS, "connected, and held");
        return;
    }
    target->phase = PHASE_CONNECTING;
    target_connect(target, SOCKET_TCP, on_ready);
}

const struct probe_kind PROBE_HELD = {.begin = begin};
