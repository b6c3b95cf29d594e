/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A planned move away from a site or an instance, that waits until nobody is led there any more:
 *
 *   lower ─► wait-old ─► move ─► wait-new ─► verify ─► gate ─────► done
 *   the TTL   what was    the     what was    nobody    nothing is   TTLs are
 *             told with   answers told        is led    connected,   as before
 *             the old TTL change  before      there     if it counts
 *
 * The waits are the ledger's (control/reach.h): exact instants, not TTLs that somebody added up. A
 * wait is never shortened, also not by a restart: what was in the image counts as told then. Pure:
 * the machine is advanced with facts, and says what is to be done; who does it is the shell.
 */
#pragma once

#include "control/services.h"

#define DRAIN_STEP_TABLE(X)                                                 \
    X(DRAIN_LOWER, "lower", "TTLs are lowered")                             \
    X(DRAIN_WAIT_OLD, "wait-old", "caches still hold what had the old TTL") \
    X(DRAIN_MOVE, "move", "answers change")                                 \
    X(DRAIN_WAIT_NEW, "wait-new", "caches still hold the old answers")      \
    X(DRAIN_VERIFY, "verify", "is anybody still led there?")                \
    X(DRAIN_GATE, "gate", "what is connected there yet is waited for")      \
    X(DRAIN_DONE, "done", "no cache that honours TTLs leads anybody there") \
    X(DRAIN_ABORTED, "aborted", "given up; answers and TTLs are as before")

enum drain_step {
#define X(step, name, text) step,
    DRAIN_STEP_TABLE(X)
#undef X
    DRAIN_STEP_COUNT
};
const char *drain_step_name(enum drain_step step);
const char *drain_step_text(enum drain_step step);
/* DRAIN_STEP_COUNT: there is none of that name. */
enum drain_step drain_step_from_name(const char *name);

enum {
    DRAIN_TTL_S = 5 /* what TTLs are lowered to, unless told */
};

struct drain {
    uint64_t number; /* from 1 */
    /* What is drained: a site, or an instance of a service; the other two are empty. */
    char site[LIMIT_LABEL_BYTES + 1];
    char service[NAME_TEXT_MAX];
    char instance[LIMIT_INSTANCE_ID_BYTES + 1];
    char to[LIMIT_LABEL_BYTES + 1]; /* the site that must take it over; empty: whichever does */
    char reason[256], owner[128];
    uint32_t ttl_s;        /* lowered to */
    uint32_t ttl_before_s; /* the longest before */
    uint32_t services;     /* concerned */
    uint32_t override_ms;  /* how long the answers stay changed */
    enum drain_step step;
    bool acted;                            /* what the step does has been asked for */
    struct wall entered[DRAIN_STEP_COUNT]; /* 0: not yet */
    struct wall until;                     /* of a wait: when it is over; 0: not known yet */
    struct mono until_mono;
    struct wall last_sent;   /* the last answer that led there */
    bool gated;              /* the gate said that nothing is connected */
    struct wall compliant;   /* since when no cache that honours TTLs does */
    struct wall pessimistic; /* the same for those of `caches` in the configuration */
    char problem[256];       /* why it does not go on; empty: it does */
};

/* What leads to the target, as of now. */
struct drain_reach {
    struct wall until, last_sent, pessimistic; /* 0: nothing was told since the start */
    struct mono until_mono;
    uint32_t answered; /* names whose answer leads there now */
};

struct drain_facts {
    struct mono now;
    struct wall wall;
    /* What the step asked for is done, published, and no worker has what was before. */
    bool settled;
    enum gate_state gate;
    const char *gate_said;
    const char *refused; /* the rest cannot carry it now; NULL: it can */
    void (*reach)(void *ctx, struct drain_reach *out);
    void *ctx;
};

enum drain_act {
    DRAIN_ACT_NONE,
    DRAIN_ACT_LOWER,   /* cap the TTLs */
    DRAIN_ACT_MOVE,    /* take the target out of the answers */
    DRAIN_ACT_RESTORE, /* of the TTLs */
};

/* One look at a drain. Call again while it returns something else than DRAIN_ACT_NONE. */
enum drain_act drain_advance(struct drain *drain, const struct drain_facts *facts);
/* Goes on after a restart: what was asked for may be lost, a wait is as long as it was. */
void drain_resume(struct drain *drain, struct mono now, struct wall wall);
static inline bool drain_is_over(const struct drain *drain)
{
    return drain->step >= DRAIN_DONE;
}

/* Which instances a drain means. */
struct drain_target {
    const char *site;       /* or NULL */
    const uint8_t *service; /* wire name, with `instance`; or NULL */
    const char *instance;
};

/* Can the rest carry it? Judged for each service and view that is answered from there: without the
 * targets (the first is the one in question, the others are being drained, too) something that
 * works must be chosen, at the site `to` when that is not NULL. ERR_REFUSED, ERR_NOT_FOUND (there
 * is no such instance) with *refusal, ERR_NOMEM. Fills services and the longest TTL. */
int drain_judge(const struct services *services, const struct drain_target *targets, unsigned count,
                const char *to, uint32_t *ret_services, uint32_t *ret_ttl_s,
                struct refusal *refusal);
/* Services with an instance there are told with this TTL at most, beside what is lower already; 0:
 * with their own again. */
void drain_ttl_cap(struct services *services, const struct drain_target *target, uint32_t ttl_s);
