/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP: a connection can be made; with `send` and `expect` also that something answers, which a hung
 * process does not, though its kernel still accepts for it.
 */
#include "probe/target.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
    PHASE_CONNECTING,
    PHASE_READING
};

static void finish(struct target *target, enum outcome_kind outcome, const char *detail)
{
    target_close(target);
    target_finish(target, outcome, detail);
}

static void on_readable(struct target *target)
{
    const char *expect = target->order.check->expect;
    for (int got; (got = target_receive(target)) != -1;) {
        if (got > 0 && target_read_has(target, expect)) {
            finish(target, OUTCOME_PASS, "connected, and read what is expected");
            return;
        }
        if (got <= 0) {
            finish(target, OUTCOME_FAIL, "the connection ended before what is expected came");
            return;
        }
    }
}

static void on_connected(struct target *target)
{
    const struct check *check = target->order.check;
    int problem = socket_connected(target->fd);
    if (problem) {
        finish(target, OUTCOME_FAIL, connect_problem(problem));
        return;
    }
    if (check->send && send(target->fd, check->send, strlen(check->send), MSG_NOSIGNAL) < 0) {
        finish(target, OUTCOME_FAIL, connect_problem(errno));
        return;
    }
    if (!check->expect) {
        finish(target, OUTCOME_PASS, "connected");
        return;
    }
    target->phase = PHASE_READING;
    target_watch(target, LOOP_READ);
}

static void on_ready(void *ctx)
{
    struct target *target = ctx;
    if (target->phase == PHASE_CONNECTING) {
        on_connected(target);
    } else {
        on_readable(target);
    }
}

static void begin(struct target *target)
{
    target->phase = PHASE_CONNECTING;
    target_connect(target, SOCKET_TCP, on_ready);
}

const struct probe_kind PROBE_TCP = {.begin = begin};
