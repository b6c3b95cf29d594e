/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From outcomes of one check to its verdict: rise and fall, the flap penalty, and when to look
 * again. A value per check; all functions are pure in (policy, state, outcome, now).
 *
 *   outcome ─► streak ─► rise / fall reached? ─► verdict
 *                                                 └─ each turn for the worse adds to a penalty that
 *                                                    halves every half-life; beyond `suppress` the
 *                                                    verdict is held (down, or up by policy) until
 *                                                    it has fallen to `reuse`
 *
 * The penalty is an integer in thousandths of one flap, decayed by a table: the same in every
 * build.
 */
#pragma once

#include "base/time.h"

#include <stddef.h>

#define VERDICT_TABLE(X)                                           \
    X(VERDICT_UNKNOWN, "unknown", "not looked at yet")             \
    X(VERDICT_PASSING, "passing", "works")                         \
    X(VERDICT_WARNING, "warning", "works, and something is amiss") \
    X(VERDICT_CRITICAL, "critical", "does not work")               \
    X(VERDICT_MAINTENANCE, "maintenance", "taken out by a person") \
    X(VERDICT_DRAINING, "draining", "finishes what it has, gets no more")

enum verdict {
#define X(verdict, name, text) verdict,
    VERDICT_TABLE(X)
#undef X
    VERDICT_COUNT
};
const char *verdict_name(enum verdict verdict);
/* VERDICT_COUNT when there is none of that name. */
enum verdict verdict_from_name(const char *name);

/* May it be handed out? Passing and warning. */
static inline bool verdict_works(enum verdict verdict)
{
    return verdict == VERDICT_PASSING || verdict == VERDICT_WARNING;
}

enum outcome_kind {
    OUTCOME_PASS,
    OUTCOME_WARN, /* works, and something is amiss: counts as a pass */
    OUTCOME_FAIL,
    OUTCOME_ALIVE, /* proof: passing at once, whatever `rise` says */
    OUTCOME_DEAD,  /* proof: critical at once, whatever `fall` says */
    OUTCOME_NONE,  /* the check could not be made here: says nothing of the target */
};

enum flap_hold {
    FLAP_HOLD_DOWN,
    FLAP_HOLD_UP
};

struct health_policy {
    uint16_t rise, fall; /* at least 1 */
    uint32_t half_life_ms;
    uint32_t suppress, reuse; /* thousandths of a flap; suppress 0: no damping */
    enum flap_hold hold;
};

/* 2, 3; a minute, 3 flaps, 0.75. */
struct health_policy health_policy_default(void);

struct health {
    enum verdict seen;            /* what the outcomes say */
    uint16_t successes, failures; /* of the streak under way */
    bool held;                    /* the penalty holds the verdict */
    uint32_t penalty;             /* at penalty_at */
    struct mono penalty_at;
    struct mono changed_at; /* of `seen` */
    struct mono failing_at; /* the first failure of the streak */
    uint32_t flaps;         /* turns for the worse, ever */
};

/* A check that nobody has looked at (`seen` unknown), or one whose verdict outlived a restart. */
void health_init(struct health *health, enum verdict seen, struct mono now);

/* Takes one outcome in. Returns whether health_verdict() may say something else now. */
bool health_outcome(const struct health_policy *policy, struct health *health,
                    enum outcome_kind outcome, struct mono now);

/* A time step: ends a hold whose penalty has decayed. The same return. */
bool health_step(const struct health_policy *policy, struct health *health, struct mono now);

/* The verdict: what the outcomes say, or what the penalty holds it at. */
enum verdict health_verdict(const struct health_policy *policy, const struct health *health);

/* The penalty as of now. */
uint32_t health_penalty(const struct health_policy *policy, const struct health *health,
                        struct mono now);

/* When a hold will end without further flaps; a time in the past when nothing is held. */
struct mono health_reuse_at(const struct health_policy *policy, const struct health *health);
