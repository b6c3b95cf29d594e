/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "health/verdict.h"

#include <string.h>

enum {
    FLAP = 1000,          /* what one turn for the worse adds */
    PENALTY_MOST = 16000, /* bounds how long a hold can last */
    STEPS = 16,           /* of one half-life in the table */
};

/* 65536 * 2^(-i/16) */
static const uint32_t DECAY[STEPS] = {65536, 62757, 60097, 57549, 55109, 52772, 50535, 48393,
                                      46341, 44376, 42495, 40693, 38968, 37316, 35734, 34219};

static const char *const NAMES[VERDICT_COUNT] = {
#define X(verdict, name, text) [verdict] = name,
    VERDICT_TABLE(X)
#undef X
};

const char *verdict_name(enum verdict verdict)
{
    return verdict < VERDICT_COUNT ? NAMES[verdict] : "unknown";
}

enum verdict verdict_from_name(const char *name)
{
    unsigned i = 0;
    while (i < VERDICT_COUNT && strcmp(NAMES[i], name) != 0) {
        i++;
    }
    return (enum verdict)i;
}

struct health_policy health_policy_default(void)
{
    return (struct health_policy){.rise = 2,
                                  .fall = 3,
                                  .half_life_ms = 60000,
                                  .suppress = 3 * FLAP,
                                  .reuse = FLAP * 3 / 4,
                                  .hold = FLAP_HOLD_DOWN};
}

void health_init(struct health *health, enum verdict seen, struct mono now)
{
    *health = (struct health){.seen = seen, .penalty_at = now, .changed_at = now};
}

/* The penalty after `steps` sixteenths of a half-life. */
static uint32_t decayed(uint32_t penalty, uint64_t steps)
{
    uint64_t halvings = steps / STEPS;
    if (halvings >= 32) {
        return 0;
    }
    return (uint32_t)(((uint64_t)(penalty >> halvings) * DECAY[steps % STEPS]) >> 16);
}

static int64_t step_ns(const struct health_policy *policy)
{
    int64_t ns = (int64_t)policy->half_life_ms * 1000000 / STEPS;
    return ns > 0 ? ns : 1;
}

uint32_t health_penalty(const struct health_policy *policy, const struct health *health,
                        struct mono now)
{
    int64_t passed = mono_since(now, health->penalty_at).ns;
    return passed <= 0 ? health->penalty
                       : decayed(health->penalty, (uint64_t)(passed / step_ns(policy)));
}

/* Settles the penalty at a whole step, so that nothing is lost between the steps. */
static void penalty_settle(const struct health_policy *policy, struct health *health,
                           struct mono now)
{
    int64_t passed = mono_since(now, health->penalty_at).ns, step = step_ns(policy);
    if (passed >= step) {
        health->penalty = decayed(health->penalty, (uint64_t)(passed / step));
        health->penalty_at.ns += passed / step * step;
    }
}

static void flap(const struct health_policy *policy, struct health *health, struct mono now)
{
    health->flaps++;
    if (policy->suppress == 0) {
        return;
    }
    penalty_settle(policy, health, now);
    health->penalty += FLAP;
    if (health->penalty > PENALTY_MOST) {
        health->penalty = PENALTY_MOST;
    }
    health->held = health->held || health->penalty >= policy->suppress;
}

bool health_step(const struct health_policy *policy, struct health *health, struct mono now)
{
    if (!health->held || health_penalty(policy, health, now) > policy->reuse) {
        return false;
    }
    penalty_settle(policy, health, now);
    health->held = false;
    return true;
}

static bool turn(const struct health_policy *policy, struct health *health, enum verdict seen,
                 struct mono now)
{
    bool worse = verdict_works(health->seen) && !verdict_works(seen);
    if (health->seen == seen) {
        return false;
    }
    enum verdict before = health_verdict(policy, health);
    health->seen = seen;
    health->changed_at = now;
    if (worse) {
        flap(policy, health, now);
    }
    return health_verdict(policy, health) != before;
}

bool health_outcome(const struct health_policy *policy, struct health *health,
                    enum outcome_kind outcome, struct mono now)
{
    bool stepped = health_step(policy, health, now);
    if (outcome == OUTCOME_NONE) {
        return stepped;
    }
    bool bad = outcome == OUTCOME_FAIL || outcome == OUTCOME_DEAD;
    /* A first look decides by itself: there is no verdict to be careful with. */
    bool at_once =
        outcome == OUTCOME_ALIVE || outcome == OUTCOME_DEAD || health->seen == VERDICT_UNKNOWN;
    enum verdict good = outcome == OUTCOME_WARN ? VERDICT_WARNING : VERDICT_PASSING;
    if (bad) {
        health->successes = 0;
        health->failing_at = health->failures == 0 ? now : health->failing_at;
        health->failures += health->failures < UINT16_MAX;
        return ((at_once || health->failures >= policy->fall) &&
                turn(policy, health, VERDICT_CRITICAL, now)) ||
               stepped;
    }
    health->failures = 0;
    health->successes += health->successes < UINT16_MAX;
    bool risen = at_once || verdict_works(health->seen) || health->successes >= policy->rise;
    return (risen && turn(policy, health, good, now)) || stepped;
}

enum verdict health_verdict(const struct health_policy *policy, const struct health *health)
{
    if (!health->held) {
        return health->seen;
    }
    if (policy->hold == FLAP_HOLD_DOWN) {
        return VERDICT_CRITICAL;
    }
    return verdict_works(health->seen) ? health->seen : VERDICT_WARNING;
}

struct mono health_reuse_at(const struct health_policy *policy, const struct health *health)
{
    struct mono at = health->penalty_at;
    if (!health->held) {
        return (struct mono){INT64_MIN};
    }
    for (uint64_t steps = 0;; steps++) {
        if (decayed(health->penalty, steps) <= policy->reuse) {
            at.ns += (int64_t)steps * step_ns(policy);
            return at;
        }
    }
}
