/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How long a failover will take, from what is configured alone: when a failure is detected, when
 * answers change, and when the last cache has forgotten the old one.
 *
 *   T+0 fails ─► detected ─► answers changed ─► over: the last TTL-honouring cache
 *         checks        publication        TTL, the way of a reply, whole seconds
 *
 * A check every I, with k failures in a row and timeout t, sees a silent failure between (k-1)I+t
 * and kI+t after it: kI+t at the latest, (k-1/2)I+t in the mean. Where the peer refuses at once, t
 * is nothing. A held connection sees a killed process at once, and a silent host not at all. Pure;
 * durations in milliseconds.
 */
#pragma once

#include "registry/desired.h"

#define PLAN_NEVER UINT32_MAX

/* PLAN_NEVER: it is not seen. */
struct plan_time {
    uint32_t mean_ms, worst_ms;
};

#define PLAN_PART_TABLE(X)                                             \
    X(PLAN_UNSEEN, "unseen", "no check sees it")                       \
    X(PLAN_INTERVAL, "interval", "detection: interval times failures") \
    X(PLAN_TIMEOUT, "timeout", "detection: the timeout of the check")  \
    X(PLAN_PUBLICATION, "publication", "publication")                  \
    X(PLAN_TTL, "ttl", "the TTL")

enum plan_part {
#define X(part, name, text) part,
    PLAN_PART_TABLE(X)
#undef X
    PLAN_PART_COUNT
};
const char *plan_part_name(enum plan_part part);
const char *plan_part_text(enum plan_part part);

enum {
    PLAN_PUBLISH_MS = 50, /* unless it was measured */
    PLAN_TRANSIT_S = 1,   /* the way of a reply into a cache */
    PLAN_ROUNDING_S = 1,  /* the account counts whole seconds */
    PLAN_CACHES = 100,    /* that ask all the time, for the cost of a TTL */
};

struct plan_world {
    const struct desired_site *sites; /* with checks of their own */
    uint32_t site_count;
    uint32_t publish_ms;
    uint32_t minimum_ttl_s, beyond_s; /* what some caches do beyond the TTL */
    uint32_t budget_ms;               /* where the service has none; 0: none */
    uint32_t caches;
};

struct plan {
    struct plan_time silent, killed; /* until it is detected */
    const struct check *check;       /* that sees a silent failure first; NULL: none does */
    bool by_site;                    /* it is one of the site as a whole */
    uint32_t publish_ms;
    uint64_t compliant_ms, pessimistic_ms; /* of what is told, from the change on */
    uint64_t expected_ms, worst_ms;        /* until it is over; of a silent failure */
    uint64_t longest_ms;                   /* for caches that do more than the TTL says */
    enum plan_part dominant;
    uint32_t budget_ms;                          /* 0: none */
    bool met;                                    /* worst_ms is within it */
    uint32_t ttl_allowed_s, interval_allowed_ms; /* that would meet it; 0: none would */
    uint32_t queries_per_ks; /* a thousand seconds of that TTL, from so many caches */
};

/* One check by itself. */
struct plan_time plan_check_silent(const struct check *check);
struct plan_time plan_check_killed(const struct check *check);

/* The service with these instances: the site that it prefers fails (or, without sites, an
 * instance). The instance that is slowest to be seen decides. */
void plan_make(const struct plan_world *world, const struct service *service,
               const struct instance *const *instances, uint32_t count, struct plan *out);
