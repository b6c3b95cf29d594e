/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "failover/plan.h"

#include "base/limits.h"

#include <string.h>

static const char *const NAMES[PLAN_PART_COUNT] = {
#define X(part, name, text) [part] = name,
    PLAN_PART_TABLE(X)
#undef X
};

static const char *const TEXTS[PLAN_PART_COUNT] = {
#define X(part, name, text) [part] = text,
    PLAN_PART_TABLE(X)
#undef X
};

const char *plan_part_name(enum plan_part part)
{
    return NAMES[part];
}

const char *plan_part_text(enum plan_part part)
{
    return TEXTS[part];
}

static const struct plan_time NEVER = {PLAN_NEVER, PLAN_NEVER};

static uint32_t bounded(uint64_t ms)
{
    return ms < PLAN_NEVER ? (uint32_t)ms : PLAN_NEVER;
}

static struct plan_time probed(const struct check *check, uint32_t timeout_ms)
{
    uint64_t whole = (uint64_t)check->interval_ms * check->fall;
    return (struct plan_time){bounded(whole - check->interval_ms / 2 + timeout_ms),
                              bounded(whole + timeout_ms)};
}

struct plan_time plan_check_silent(const struct check *check)
{
    switch (check->kind) {
    case CHECK_TTL: /* the last report may have come just before */
        return (struct plan_time){check->interval_ms, check->interval_ms};
    case CHECK_HELD:
    case CHECK_CALCULATED:
    case CHECK_ALIAS:
        return NEVER;
    default:
        return probed(check, check->timeout_ms);
    }
}

struct plan_time plan_check_killed(const struct check *check)
{
    bool connects =
        check->kind == CHECK_TCP || check->kind == CHECK_HTTP || check->kind == CHECK_DNS;
    if (check->kind == CHECK_HELD) {
        return (struct plan_time){0, 0};
    }
    return connects ? probed(check, 0) : plan_check_silent(check);
}

/* --- of an instance ------------------------------------------------------------------------------
 */

struct seen_by {
    struct plan_time time;
    const struct check *check;
};

enum {
    CHECKS_MOST = 2 * LIMIT_CHECKS
};

typedef struct plan_time check_time(const struct check *check);

/* The `need`-th of the checks to see it (1: the first), those of kind calculated apart. */
static struct seen_by nth_to_see(const struct check *const *checks, unsigned count, unsigned need,
                                 check_time *ask)
{
    bool taken[CHECKS_MOST] = {false};
    struct seen_by at = {NEVER, NULL};
    for (unsigned n = 0; n < need; n++) {
        unsigned best = count;
        for (unsigned i = 0; i < count; i++) {
            bool plain = checks[i]->kind != CHECK_CALCULATED && !taken[i];
            if (plain && (best == count || ask(checks[i]).worst_ms < ask(checks[best]).worst_ms)) {
                best = i;
            }
        }
        if (best == count) {
            return (struct seen_by){NEVER, NULL};
        }
        taken[best] = true;
        at = (struct seen_by){ask(checks[best]), checks[best]};
    }
    return at.time.worst_ms == PLAN_NEVER ? (struct seen_by){NEVER, NULL} : at;
}

/* One failing check is enough; with calculated ones, so many that too few are left. */
static struct seen_by checks_see(const struct check *const *checks, unsigned count, check_time *ask)
{
    struct seen_by first = {NEVER, NULL};
    unsigned plain = 0;
    bool calculated = false;
    for (unsigned i = 0; i < count; i++) {
        plain += checks[i]->kind != CHECK_CALCULATED;
    }
    for (unsigned i = 0; i < count; i++) {
        if (checks[i]->kind == CHECK_CALCULATED) {
            unsigned must_fail = plain >= checks[i]->need ? plain - checks[i]->need + 1U : 0;
            struct seen_by at = nth_to_see(checks, count, must_fail, ask);
            calculated = true;
            first = at.time.worst_ms < first.time.worst_ms ? at : first;
        }
    }
    return calculated ? first : nth_to_see(checks, count, 1, ask);
}

/* Its own checks stand in the place of the service's of the same name. */
static struct seen_by instance_seen(const struct service *service, const struct instance *instance,
                                    check_time *ask)
{
    const struct check *checks[CHECKS_MOST];
    unsigned count = 0;
    for (unsigned i = 0; i < service->check_count && count < LIMIT_CHECKS; i++) {
        bool replaced = false;
        for (unsigned k = 0; instance && k < instance->check_count; k++) {
            replaced = replaced || strcmp(instance->checks[k].name, service->checks[i].name) == 0;
        }
        if (!replaced) {
            checks[count++] = &service->checks[i];
        }
    }
    for (unsigned k = 0; instance && k < instance->check_count && count < CHECKS_MOST; k++) {
        checks[count++] = &instance->checks[k];
    }
    return checks_see(checks, count, ask);
}

/* --- of a service --------------------------------------------------------------------------------
 */

static const struct desired_site *site_find(const struct plan_world *world, const char *name)
{
    for (uint32_t i = 0; name && i < world->site_count; i++) {
        if (strcmp(world->sites[i].name, name) == 0) {
            return &world->sites[i];
        }
    }
    return NULL;
}

/* The slowest of those that fail together. */
static struct seen_by service_seen(const struct service *service, const char *site,
                                   const struct instance *const *instances, uint32_t count,
                                   check_time *ask)
{
    struct seen_by slowest = {{0, 0}, NULL};
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool fails = !site || (instances[i]->site && strcmp(instances[i]->site, site) == 0);
        struct seen_by at = fails ? instance_seen(service, instances[i], ask) : slowest;
        found += fails;
        slowest = at.time.worst_ms > slowest.time.worst_ms || (fails && found == 1) ? at : slowest;
    }
    return found > 0 ? slowest : instance_seen(service, NULL, ask);
}

static struct seen_by site_seen(const struct desired_site *site, check_time *ask)
{
    const struct check *checks[CHECKS_MOST];
    unsigned count = 0;
    while (site && count < site->check_count && count < CHECKS_MOST) {
        checks[count] = &site->checks[count];
        count++;
    }
    unsigned need = site && site->need ? site->need : count;
    return count > 0 ? nth_to_see(checks, count, count - need + 1, ask)
                     : (struct seen_by){NEVER, NULL};
}

static enum plan_part dominant_of(const struct plan *plan, uint32_t ttl_s)
{
    uint32_t timeout_ms =
        plan->check && plan->check->kind != CHECK_TTL ? plan->check->timeout_ms : 0;
    if (plan->silent.worst_ms == PLAN_NEVER) {
        return PLAN_UNSEEN;
    }
    uint64_t parts[PLAN_PART_COUNT] = {[PLAN_INTERVAL] = plan->silent.worst_ms - timeout_ms,
                                       [PLAN_TIMEOUT] = timeout_ms,
                                       [PLAN_PUBLICATION] = plan->publish_ms,
                                       [PLAN_TTL] = (uint64_t)ttl_s * 1000};
    unsigned most = PLAN_INTERVAL;
    for (unsigned i = PLAN_INTERVAL; i < PLAN_PART_COUNT; i++) {
        most = parts[i] > parts[most] ? i : most;
    }
    return (enum plan_part)most;
}

/* What would do: another TTL with these checks, other checks with this TTL. */
static void budget_judge(struct plan *plan)
{
    const struct check *check = plan->check;
    plan->met = plan->budget_ms == 0 || plan->worst_ms <= plan->budget_ms;
    if (plan->budget_ms == 0 || plan->silent.worst_ms == PLAN_NEVER) {
        return;
    }
    int64_t budget = plan->budget_ms, publish = plan->publish_ms;
    int64_t fixed = (int64_t)(PLAN_TRANSIT_S + PLAN_ROUNDING_S) * 1000;
    int64_t ttl_ms = budget - plan->silent.worst_ms - publish - fixed;
    plan->ttl_allowed_s = ttl_ms >= 1000 ? (uint32_t)(ttl_ms / 1000) : 0;
    bool report = check->kind == CHECK_TTL;
    int64_t left =
        budget - publish - (int64_t)plan->compliant_ms - (report ? 0 : check->timeout_ms);
    int64_t interval = left / (report ? 1 : check->fall);
    plan->interval_allowed_ms = interval >= LIMIT_CHECK_INTERVAL_MS ? (uint32_t)interval : 0;
}

void plan_make(const struct plan_world *world, const struct service *service,
               const struct instance *const *instances, uint32_t count, struct plan *out)
{
    const char *site = service->site_count > 1 ? service->sites[0] : NULL;
    const struct desired_site *desired = site_find(world, site);
    struct seen_by silent = service_seen(service, site, instances, count, plan_check_silent);
    struct seen_by killed = service_seen(service, site, instances, count, plan_check_killed);
    struct seen_by whole = site_seen(desired, plan_check_silent);
    struct seen_by gone = site_seen(desired, plan_check_killed);
    bool by_site = whole.time.worst_ms < silent.time.worst_ms;
    silent = by_site ? whole : silent;
    killed = gone.time.worst_ms < killed.time.worst_ms ? gone : killed;
    uint64_t fixed_s = PLAN_TRANSIT_S + PLAN_ROUNDING_S;
    uint32_t held_s = service->ttl_s > world->minimum_ttl_s ? service->ttl_s : world->minimum_ttl_s;
    *out =
        (struct plan){.silent = silent.time,
                      .killed = killed.time,
                      .check = silent.check,
                      .by_site = by_site,
                      .publish_ms = world->publish_ms,
                      .compliant_ms = (service->ttl_s + fixed_s) * 1000,
                      .pessimistic_ms = (held_s + fixed_s + world->beyond_s) * 1000,
                      .budget_ms = service->budget_ms ? service->budget_ms : world->budget_ms,
                      .queries_per_ks = bounded((uint64_t)world->caches * 1000 / service->ttl_s)};
    bool seen = silent.time.worst_ms != PLAN_NEVER;
    uint64_t known = (uint64_t)silent.time.worst_ms + out->publish_ms;
    out->expected_ms =
        seen ? (uint64_t)silent.time.mean_ms + out->publish_ms + (uint64_t)service->ttl_s * 500
             : UINT64_MAX;
    out->worst_ms = seen ? known + out->compliant_ms : UINT64_MAX;
    out->longest_ms = seen ? known + out->pessimistic_ms : UINT64_MAX;
    out->dominant = dominant_of(out, service->ttl_s);
    budget_judge(out);
}
