/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "failover/brake.h"

#include <stddef.h>

struct brake_policy brake_policy_default(void)
{
    return (struct brake_policy){.share_percent = 30, .window_ms = 60000, .hold_ms = 300000};
}

/* Why the figures are a storm, or NULL. */
static const char *storm(const struct brake_policy *policy, const struct brake_figures *figures)
{
    if (figures->references > 0 && figures->references_failing == figures->references) {
        return "the checker's own reference targets fail";
    }
    if (figures->targets < BRAKE_TARGETS) {
        return NULL;
    }
    if (figures->failing == figures->targets) {
        return "everything fails: the checker is blind";
    }
    bool many =
        (uint64_t)figures->recent * 100 >= (uint64_t)figures->targets * policy->share_percent;
    return many && figures->domains >= 2 ? "failures in several sites at once" : NULL;
}

/* Below half of what began it: so that it does not flutter at the edge. */
static bool receded(const struct brake_policy *policy, const struct brake_figures *figures)
{
    return !storm(policy, figures) && (uint64_t)figures->failing * 200 <
                                          (uint64_t)figures->targets * policy->share_percent + 1;
}

bool brake_step(const struct brake_policy *policy, struct brake *brake,
                const struct brake_figures *figures, struct mono now)
{
    enum brake_state before = brake->state;
    const char *why = storm(policy, figures);
    if (brake->state == BRAKE_OFF && why) {
        *brake = (struct brake){.state = BRAKE_ON,
                                .began = now,
                                .until = mono_add(now, duration_from_ms(policy->hold_ms)),
                                .why = why};
    } else if (brake->state != BRAKE_OFF && receded(policy, figures)) {
        brake->state = BRAKE_OFF;
    } else if (brake->state == BRAKE_ON && !mono_before(now, brake->until)) {
        brake->state = BRAKE_SPENT;
    }
    return (before == BRAKE_ON) != (brake->state == BRAKE_ON);
}
