/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sites that fail as a whole, and how a service comes back to one.
 *
 *   up ─ less than its share works ─► down ─ works again ─► waits ─ hold is over, or a person ─► up
 *                                      ▲                      │
 *                                      └────── fails again ───┘  each time within the hour doubles
 *                                                                the hold
 *
 * While a site waits, the service stays where it went: a failback that comes sooner than the caches
 * forget the failover would give clients both at once. A site with checks of its own that fail is
 * down for every service.
 */
#include "control/service_state.h"

#include "base/error.h"

#include <string.h>

enum {
    DAMPED_MS = 3600000, /* failovers within so long count together */
    HOLD_MOST_MS = 3600000,
    DOUBLINGS = 6,
};

static const char *const CAUSE_NAMES[FAILOVER_CAUSE_COUNT] = {
#define X(cause, name, text) [cause] = name,
    FAILOVER_CAUSE_TABLE(X)
#undef X
};

static const char *const CAUSE_TEXTS[FAILOVER_CAUSE_COUNT] = {
#define X(cause, name, text) [cause] = text,
    FAILOVER_CAUSE_TABLE(X)
#undef X
};

const char *failover_cause_name(enum failover_cause cause)
{
    return CAUSE_NAMES[cause];
}

const char *failover_cause_text(enum failover_cause cause)
{
    return CAUSE_TEXTS[cause];
}

static const struct site_run *site_run_find(const struct services *services, const char *name)
{
    for (unsigned i = 0; i < services->site_count; i++) {
        if (strcmp(services->sites[i].name, name) == 0) {
            return &services->sites[i];
        }
    }
    return NULL;
}

/* --- the sites of one service --------------------------------------------------------------------
 */

static struct site_state *state_find(const struct service_run *run, const char *site)
{
    struct site_state *at = run->sites;
    while (at && strcmp(at->name, site) != 0) {
        at = at->next;
    }
    return at;
}

/* NULL without memory: then it comes back at once. */
static struct site_state *state_new(struct services *services, struct service_run *run,
                                    const char *site)
{
    size_t len = strlen(site) + 1;
    struct site_state *state = mem_new_zero(services->alloc, 1, sizeof(*state) + len);
    if (state) {
        memcpy(state->name, site, len);
        state->next = run->sites;
        run->sites = state;
    }
    return state;
}

void sites_forget(struct services *services, struct service_run *run)
{
    while (run->sites) {
        struct site_state *state = run->sites;
        run->sites = state->next;
        if (state->held) {
            budget_held(services, state->name, false);
        }
        mem_free(services->alloc, state);
    }
}

/* The hold of a failback: never shorter than what caches may still hold, doubled by each failover
 * of the hour. */
static struct duration hold_of(const struct service *service, const struct site_state *state)
{
    uint64_t least = ((uint64_t)state->ttl_s + 1) * 1000;
    uint64_t hold = service->failback_ms > least ? service->failback_ms : least;
    for (unsigned i = 1; i < state->times && i <= DOUBLINGS && hold < HOLD_MOST_MS; i++) {
        hold = hold * 2 < HOLD_MOST_MS ? hold * 2 : HOLD_MOST_MS;
    }
    return duration_from_ms((uint32_t)(hold < UINT32_MAX ? hold : UINT32_MAX));
}

static uint64_t view_bit(const struct services *services, const struct desired *desired,
                         unsigned view)
{
    unsigned place = view_place_find(services, desired->views[view].name);
    return place == VIEW_NONE ? 0 : UINT64_C(1) << place;
}

/* Why a site is down for the service, and since when there were signs of it. */
static struct failover failover_why(const struct services *services, const struct service_run *run,
                                    const char *site)
{
    struct failover why = {.site = site, .failed_at = services->now};
    const struct site_run *checked = site_run_find(services, site);
    for (uint32_t i = 0; i < run->entry->instance_count; i++) {
        const struct instance_run *at = instance_run(run->entry->instances[i]);
        const struct instance *instance = instance_now(run->entry->instances[i]);
        if (!at || !instance || !instance->site || strcmp(instance->site, site) != 0) {
            continue;
        }
        if (at->override && at->override->site) {
            return (struct failover){
                .site = site, .cause = FAILOVER_DECLARED, .failed_at = services->now};
        }
        for (unsigned k = 0; k < at->check_count; k++) {
            const struct health *health = &at->checks[k].health;
            if (health->seen == VERDICT_CRITICAL && health->failures > 0 &&
                health->failing_at.ns < why.failed_at.ns) {
                why.failed_at = health->failing_at;
            }
        }
    }
    for (unsigned k = 0; checked && checked->failed && k < checked->check_count; k++) {
        const struct health *health = &checked->checks[k].health;
        why.cause = FAILOVER_SITE_CHECKS;
        if (health->failures > 0 && health->failing_at.ns < why.failed_at.ns) {
            why.failed_at = health->failing_at;
        }
    }
    return why;
}

static void failover_tell(struct services *services, struct service_run *run,
                          struct site_state *state, bool failed)
{
    if (state->told != failed) {
        struct failover what = {.site = state->name, .back = true, .failed_at = services->now};
        state->told = failed;
        if (failed) {
            what = failover_why(services, run, state->name);
        }
        services->events->failover(services->events->ctx, run->entry, &what);
    }
}

/* A site that is taken back begins with a tenth of its weight, where the service starts slowly. */
static void site_ramp(struct services *services, const struct service_run *run, const char *site)
{
    const struct service *service = service_now(run->entry);
    for (uint32_t i = 0; service->slow_start_ms && i < run->entry->instance_count; i++) {
        const struct instance *instance = instance_now(run->entry->instances[i]);
        struct instance_run *at = instance_run(run->entry->instances[i]);
        if (at && instance && instance->site && strcmp(instance->site, site) == 0) {
            at->recovered_at = services->now;
            at->ramping = true;
            timer_set(&services->timers, &at->ramp, services->now);
        }
    }
}

/* An operator's word needs no budget; what failed it before has had its part. */
static bool may_leave(struct services *services, const struct service_run *run,
                      const struct site_state *state)
{
    bool declared = failover_why(services, run, state->name).cause == FAILOVER_DECLARED;
    return declared || state->down || budget_failover(services, state->name);
}

/* Where a site is down and up now, and where it would be answered if it were not down; masks of
 * views as they are kept. */
struct standings {
    uint64_t down, up, answered;
};

/* Takes in how the site stands now. */
static void state_step(struct services *services, struct service_run *run, struct site_state *state,
                       const struct standings *standings)
{
    uint64_t down = standings->down, up = standings->up;
    const struct service *service = service_now(run->entry);
    uint64_t newly = down & ~state->down;
    bool held = (newly & standings->answered) && !may_leave(services, run, state);
    if (held != (state->held != 0)) {
        budget_held(services, state->name, held);
    }
    state->held = held ? newly : 0;
    down &= ~state->held;
    uint64_t recovered = state->down & ~down & up;
    if (down && !state->down) {
        bool again = state->times > 0 && mono_since(services->now, state->failed_at).ns <
                                             duration_from_ms(DAMPED_MS).ns;
        state->times = (uint8_t)(again ? state->times + (state->times < UINT8_MAX) : 1);
        state->failed_at = services->now;
        state->ttl_s = again ? state->ttl_s : 0;
    }
    state->ttl_s = service->ttl_s > state->ttl_s ? service->ttl_s : state->ttl_s;
    state->down = down;
    state->waits = (state->waits | recovered) & ~down;
    if (recovered) {
        state->works_at = services->now;
    }
    if (!up) {
        state->waits = 0; /* nothing is registered there that ever worked */
    }
    struct mono back = mono_add(state->works_at, hold_of(service, state));
    if (state->waits && !service->failback_manual && back.ns <= services->now.ns) {
        state->waits = 0;
        site_ramp(services, run, state->name);
    }
    failover_tell(services, run, state, state->down || state->waits);
}

/* The next instant at which a site may be taken back. */
static void failback_arm(struct services *services, struct service_run *run)
{
    const struct service *service = service_now(run->entry);
    struct mono next = {INT64_MAX};
    for (struct site_state *at = run->sites; at; at = at->next) {
        struct mono back = mono_add(at->works_at, hold_of(service, at));
        if (at->waits && !service->failback_manual && back.ns < next.ns) {
            next = back;
        }
    }
    if (next.ns < INT64_MAX) {
        timer_set(&services->timers, &run->failback, next);
    } else {
        timer_stop(&services->timers, &run->failback);
    }
}

/* Sites that the service lists no more, or that failed it long ago. */
static void states_sweep(struct services *services, struct service_run *run)
{
    const struct service *service = service_now(run->entry);
    for (struct site_state **link = &run->sites; *link;) {
        struct site_state *state = *link;
        bool listed = false;
        for (unsigned i = 0; i < service->site_count; i++) {
            listed = listed || strcmp(service->sites[i], state->name) == 0;
        }
        bool over = !state->down && !state->waits && !state->held &&
                    mono_since(services->now, state->failed_at).ns > duration_from_ms(DAMPED_MS).ns;
        if (listed && !over) {
            link = &state->next;
            continue;
        }
        failover_tell(services, run, state, false);
        if (state->held) {
            budget_held(services, state->name, false);
        }
        *link = state->next;
        mem_free(services->alloc, state);
    }
}

void sites_end(struct services *services, struct service_run *run)
{
    for (struct site_state *at = run->sites; at; at = at->next) {
        failover_tell(services, run, at, false);
    }
}

/* Does every instance work, so that no site can be down? */
static bool all_work(const struct services *services, const struct service_entry *entry)
{
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance_run *run = instance_run(entry->instances[i]);
        const struct instance *instance = instance_now(entry->instances[i]);
        if (run && instance &&
            (run->override || !verdict_works(run->verdict) ||
             site_failed(services, instance->site))) {
            return false;
        }
    }
    return true;
}

void sites_judge(struct services *services, const struct desired *desired, struct service_run *run,
                 uint64_t views, struct candidate *candidates,
                 const struct instance_entry **entries)
{
    const struct service *service = service_now(run->entry);
    struct standings standings[LIMIT_TAGS] = {{0}};
    if (!run->sites && (service->site_count < 2 || all_work(services, run->entry))) {
        return;
    }
    for (unsigned view = 0; view < desired->view_count; view++) {
        if (!(views >> view & 1)) {
            continue;
        }
        uint64_t bit = view_bit(services, desired, view);
        uint32_t count = service_candidates(services, desired, run->entry, service, view, NULL,
                                            candidates, entries);
        bool earlier_up = false, all = service->active || service->locality != LOCALITY_ANY;
        for (unsigned i = 0; i < service->site_count && service->site_count > 1; i++) {
            enum standing standing = pool_standing(service, candidates, count, (uint16_t)i);
            const struct site_state *state = state_find(run, service->sites[i]);
            standings[i].down |= standing == STANDING_DOWN ? bit : 0;
            standings[i].up |= standing == STANDING_UP ? bit : 0;
            standings[i].answered |= all || !earlier_up ? bit : 0;
            earlier_up = earlier_up || (standing == STANDING_UP && !(state && state->waits & bit));
        }
    }
    for (unsigned i = 0; i < service->site_count; i++) {
        struct site_state *state = state_find(run, service->sites[i]);
        if (!state && standings[i].down) {
            state = state_new(services, run, service->sites[i]);
        }
        if (state) {
            state_step(services, run, state, &standings[i]);
        }
    }
    states_sweep(services, run);
    failback_arm(services, run);
}

/* As it was before its site failed. */
static void hold_apply(struct candidate *candidate, bool held)
{
    if (held && candidate->proven && candidate->override == 0) {
        candidate->held = true;
        candidate->site_out = false;
        candidate->verdict =
            verdict_works(candidate->verdict) ? candidate->verdict : VERDICT_WARNING;
    }
}

void sites_apply(const struct services *services, const struct desired *desired,
                 const struct service_entry *entry, unsigned view, struct candidate *candidates,
                 const struct instance_entry *const *entries, uint32_t count)
{
    const struct service_run *run = service_run(entry);
    const struct service *service = service_now(entry);
    if (!run || !run->sites) {
        return;
    }
    uint64_t here = service->sites_together ? UINT64_MAX : view_bit(services, desired, view);
    for (uint32_t i = 0; i < count; i++) {
        const char *site = instance_now(entries[i])->site;
        const struct site_state *state = site ? state_find(run, site) : NULL;
        if (state && candidates[i].override != 1 + OVERRIDE_UP) {
            candidates[i].waits = (state->waits & here) != 0;
            hold_apply(&candidates[i], (state->held & here) != 0);
            candidates[i].site_out =
                candidates[i].site_out || (service->sites_together && state->down);
        }
    }
}

bool services_failback(struct services *services, struct service_entry *service, const char *site,
                       struct mono now)
{
    struct service_run *run = service_run(service);
    bool any = false;
    services->now = now;
    for (struct site_state *at = run ? run->sites : NULL; at; at = at->next) {
        if (at->waits && (!site || strcmp(at->name, site) == 0)) {
            at->waits = 0;
            any = true;
            site_ramp(services, run, at->name);
            failover_tell(services, run, at, at->down != 0);
        }
    }
    if (any) {
        service_mark(services, service, false);
    }
    return any;
}

unsigned services_sites(const struct service_entry *service, struct site_status *out, unsigned room)
{
    const struct service_run *run = service_run(service);
    const struct service *now = service_now(service);
    unsigned count = 0;
    for (const struct site_state *at = run && now ? run->sites : NULL; at; at = at->next) {
        if (!at->down && !at->waits && !at->held) {
            continue;
        }
        if (count < room) {
            bool timed = at->waits && !now->failback_manual;
            out[count] = (struct site_status){
                .name = at->name,
                .down = at->down != 0,
                .waits = at->waits != 0,
                .held = at->held != 0,
                .times = at->times,
                .failed_at = at->failed_at,
                .works_at = at->works_at,
                .back_at = timed ? mono_add(at->works_at, hold_of(now, at)) : (struct mono){0}};
        }
        count++;
    }
    return count;
}

void services_restore_failover(struct services *services, const uint8_t *name, const char *site,
                               struct mono now)
{
    struct service_entry *entry = registry_service(services->registry, name);
    struct service_run *run = entry && service_now(entry) ? service_run(entry) : NULL;
    struct site_state *state =
        run && !state_find(run, site) ? state_new(services, run, site) : NULL;
    services->now = now;
    if (state) { /* in every view; where it is down, the first judgement says so */
        state->waits = UINT64_MAX;
        state->times = 1;
        state->failed_at = state->works_at = now;
        state->ttl_s = service_now(entry)->ttl_s;
        state->told = true;
        service_mark(services, entry, false);
    }
}

/* --- sites with checks of their own --------------------------------------------------------------
 */

bool site_failed(const struct services *services, const char *site)
{
    const struct site_run *run =
        site && services->site_count > 0 ? site_run_find(services, site) : NULL;
    return run && run->failed;
}

/* Every service with an instance there is looked at again. */
static void site_mark(struct services *services, const char *site)
{
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            const struct instance *instance = instance_now(at->instances[i]);
            if (instance && instance->site && strcmp(instance->site, site) == 0) {
                service_mark(services, at, false);
                break;
            }
        }
    }
}

/* Fewer of its checks pass than it needs. One that nobody has looked at says nothing. */
static void site_run_judge(struct services *services, struct site_run *site, const char *detail)
{
    unsigned failing = 0, need = site->need ? site->need : site->check_count;
    for (unsigned i = 0; i < site->check_count; i++) {
        const struct site_check *check = &site->checks[i];
        failing += health_verdict(&check->policy, &check->health) == VERDICT_CRITICAL;
    }
    bool failed = site->check_count - failing < need;
    if (failed != site->failed) {
        site->failed = failed;
        site_mark(services, site->name);
        services->events->site(services->events->ctx, site->name, failed, detail);
    }
}

void site_outcome(struct services *services, struct site_check *check, enum outcome_kind outcome,
                  const char *detail)
{
    struct site_run *site = check->site;
    bool changed = health_outcome(&check->policy, &check->health, outcome, services->now);
    if (check == site->gate) {
        size_t len = strlen(detail);
        len = len < sizeof(site->gate_said) ? len : sizeof(site->gate_said) - 1;
        memcpy(site->gate_said, detail, len);
        site->gate_said[len] = '\0';
    } else if (changed) {
        site_run_judge(services, site, detail);
    }
}

static void site_run_stop(struct services *services, struct site_run *site)
{
    if (site->gate && site->gate->probe.handle) {
        services->probes->stop(services->probes->ctx, site->gate->probe.handle);
    }
    mem_free(services->alloc, site->gate);
    for (unsigned i = 0; i < site->check_count; i++) {
        if (site->checks[i].probe.handle) {
            services->probes->stop(services->probes->ctx, site->checks[i].probe.handle);
        }
    }
    mem_free(services->alloc, site->checks);
}

void sites_free(struct services *services)
{
    for (unsigned i = 0; i < services->site_count; i++) {
        site_run_stop(services, &services->sites[i]);
    }
    mem_free(services->alloc, services->sites);
    services->sites = NULL;
    services->site_count = 0;
}

bool services_site_checks(const struct services *services, const char *site,
                          struct site_checks_status *out)
{
    const struct site_run *run = site_run_find(services, site);
    if (!run || run->check_count == 0) {
        return false;
    }
    *out = (struct site_checks_status){.failed = run->failed, .count = run->check_count};
    for (unsigned i = 0; i < run->check_count; i++) {
        const struct site_check *check = &run->checks[i];
        out->passing += verdict_works(health_verdict(&check->policy, &check->health));
    }
    return true;
}

static int site_check_start(struct services *services, struct site_run *site,
                            const struct check *wanted, struct site_check *check)
{
    check->site = site;
    check->policy = (struct health_policy){.rise = wanted->rise, .fall = wanted->fall};
    health_init(&check->health, site->failed ? VERDICT_CRITICAL : VERDICT_UNKNOWN, services->now);
    check->probe.site_check = check;
    check->probe.check = *wanted;
    check->probe.order = (struct probe_order){.probe = &check->probe,
                                              .port = wanted->port,
                                              .at_once = true,
                                              .check = &check->probe.check};
    int err = wanted->target /* a command or a file has none */
                  ? address_from_text(wanted->target, &check->probe.order.address)
                  : ERR_OK;
    return err == ERR_OK ? services->probes->start(services->probes->ctx, &check->probe.order,
                                                   &check->probe.handle)
                         : err;
}

static int site_gate_start(struct services *services, const struct desired_site *desired,
                           struct site_run *site)
{
    site->gate = mem_new_zero(services->alloc, 1, sizeof(*site->gate));
    int err = site->gate ? site_check_start(services, site, desired->gate, site->gate) : ERR_NOMEM;
    if (site->gate) {
        site->gate->policy.rise = site->gate->policy.fall = 1; /* it says how it is */
        health_init(&site->gate->health, VERDICT_UNKNOWN, services->now);
    }
    return err;
}

static int site_run_start(struct services *services, const struct desired_site *desired,
                          struct site_run *site)
{
    const struct site_run *before = site_run_find(services, desired->name);
    int err = ERR_OK;
    *site = (struct site_run){.name = desired->name, .need = desired->need};
    site->failed = before && before->failed;
    site->checks = mem_new_zero(services->alloc, desired->check_count + 1U, sizeof(*site->checks));
    if (!site->checks) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; err == ERR_OK && i < desired->check_count; i++) {
        struct site_check *check = &site->checks[site->check_count++];
        err = site_check_start(services, site, &desired->checks[i], check);
    }
    return err == ERR_OK && desired->gate_count > 0 ? site_gate_start(services, desired, site)
                                                    : err;
}

enum gate_state services_gate(const struct services *services, const char *site,
                              const char **ret_said)
{
    const struct site_run *run = site_run_find(services, site);
    *ret_said = run ? run->gate_said : "";
    if (!run || !run->gate) {
        return GATE_NONE;
    }
    enum verdict seen = run->gate->health.seen;
    /* A warning is no: a command that only tests ends with status 1. */
    return seen == VERDICT_UNKNOWN   ? GATE_UNKNOWN
           : seen == VERDICT_PASSING ? GATE_CLOSED
                                     : GATE_OPEN;
}

int services_sites_set(struct services *services, const struct desired_site *sites, uint32_t count,
                       struct mono now)
{
    struct site_run *next = mem_new_zero(services->alloc, count + 1, sizeof(*next));
    unsigned made = 0;
    int err = next ? ERR_OK : ERR_NOMEM;
    services->now = now;
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        if (sites[i].check_count > 0 || sites[i].gate_count > 0) {
            err = site_run_start(services, &sites[i], &next[made++]);
        }
    }
    if (err != ERR_OK) {
        for (unsigned i = 0; i < made; i++) {
            site_run_stop(services, &next[i]);
        }
        mem_free(services->alloc, next);
        return err;
    }
    struct site_run *before = services->sites;
    unsigned before_count = services->site_count;
    services->sites = next;
    services->site_count = made;
    for (unsigned i = 0; i < before_count; i++) {
        if (before[i].failed && !site_run_find(services, before[i].name)) {
            site_mark(services, before[i].name); /* nobody checks it any more */
        }
        site_run_stop(services, &before[i]);
    }
    mem_free(services->alloc, before);
    return ERR_OK;
}
