/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The storm brake: when so much fails at once that the checker itself, or what lies between, is the
 * likelier cause, the answers stay as they were for a while. A pure function of figures.
 *
 *   off ─ two sites and `share` of all targets within the window, or everything, or the checker's
 *         own reference targets ─► on ─ `hold` is over ─► spent ─ failures recede ─► off
 *                                   └──── failures recede ────────────────────────────┘
 *
 * Inside one site a correlated failure is a failure of the site: that is what fail-over is for, and
 * no storm. Below BRAKE_TARGETS targets there is none either. It always ends, and does not begin
 * again before the failures have receded: a guard that cannot end becomes the outage.
 */
#pragma once

#include "base/time.h"

enum {
    BRAKE_TARGETS = 10 /* fewer say nothing about each other */
};

struct brake_figures {
    uint32_t targets; /* instances that are probed */
    uint32_t failing; /* of them, now */
    uint32_t recent;  /* of those, since the window began */
    uint32_t domains; /* sites among the recent ones */
    uint32_t references, references_failing;
};

struct brake_policy {
    uint8_t share_percent;
    uint32_t window_ms, hold_ms;
};

enum brake_state {
    BRAKE_OFF,
    BRAKE_ON,
    BRAKE_SPENT
};

struct brake {
    enum brake_state state;
    struct mono began, until;
    const char *why;
};

/* 30 %, a minute, five minutes. */
struct brake_policy brake_policy_default(void);

/* Takes the figures in; returns whether answers follow other rules now than before. */
bool brake_step(const struct brake_policy *policy, struct brake *brake,
                const struct brake_figures *figures, struct mono now);
