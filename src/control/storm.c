/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The figures of the storm brake (failover/brake.h), kept as instances change, and what it does: an
 * instance that failed in the storm is answered as it was before, until the brake ends.
 *
 *   recent ─► the instances that turned from working within the window, oldest first; while the
 *             brake is on nobody leaves it but who works again
 */
#include "control/service_state.h"

#include "base/error.h"

#include <string.h>

/* --- figures -------------------------------------------------------------------------------------
 */

static const char *site_of(const struct instance_run *run)
{
    const struct instance *instance = instance_now(run->entry);
    return instance && instance->site ? instance->site : "";
}

/* The counter of a site; the last one stands for all that there is no room for. */
static struct domain *domain_of(struct storm *storm, const char *site)
{
    unsigned i = 0;
    while (i < storm->domain_count && strcmp(storm->domains[i].site, site) != 0) {
        i++;
    }
    if (i == storm->domain_count && i < LIMIT_TAGS) {
        storm->domain_count++;
        storm->domains[i].recent = 0;
        memcpy(storm->domains[i].site, site, strlen(site) + 1); /* a word of at most 63 bytes */
    }
    return &storm->domains[i < LIMIT_TAGS ? i : LIMIT_TAGS - 1];
}

static void recent_leave(struct storm *storm, struct instance_run *run)
{
    if (!run->domain) {
        return;
    }
    *(run->recent_before ? &run->recent_before->recent_next : &storm->first) = run->recent_next;
    *(run->recent_next ? &run->recent_next->recent_before : &storm->last) = run->recent_before;
    run->recent_before = run->recent_next = NULL;
    run->domain->recent--;
    run->domain = NULL;
    storm->recent--;
}

static void recent_join(struct storm *storm, struct instance_run *run)
{
    recent_leave(storm, run);
    run->domain = domain_of(storm, site_of(run));
    run->domain->recent++;
    run->recent_before = storm->last;
    *(storm->last ? &storm->last->recent_next : &storm->first) = run;
    storm->last = run;
    storm->recent++;
}

static bool is_probed(const struct instance_run *run)
{
    for (unsigned i = 0; i < run->check_count; i++) {
        if (run->checks[i].probe) {
            return true;
        }
    }
    return false;
}

void storm_forget(struct services *services, struct instance_run *run)
{
    recent_leave(&services->storm, run);
    services->storm.targets -= run->counted;
    services->storm.failing -= run->counted_failing;
    run->counted = run->counted_failing = false;
}

void storm_count(struct services *services, struct instance_run *run)
{
    struct storm *storm = &services->storm;
    bool counted = is_probed(run);
    bool failing = counted && run->verdict == VERDICT_CRITICAL;
    storm->targets += counted;
    storm->targets -= run->counted;
    storm->failing += failing;
    storm->failing -= run->counted_failing;
    run->counted = counted;
    run->counted_failing = failing;
}

static struct brake_figures figures(const struct services *services)
{
    const struct storm *storm = &services->storm;
    struct brake_figures out = {
        .targets = storm->targets, .failing = storm->failing, .recent = storm->recent};
    for (unsigned i = 0; i < storm->domain_count; i++) {
        out.domains += storm->domains[i].recent > 0;
    }
    for (unsigned i = 0; i < storm->reference_count; i++) {
        out.references++;
        out.references_failing += storm->references[i].health.seen == VERDICT_CRITICAL;
    }
    return out;
}

/* --- the brake -----------------------------------------------------------------------------------
 */

void storm_step(struct services *services)
{
    struct storm *storm = &services->storm;
    int64_t window = duration_from_ms(storm->policy.window_ms).ns;
    while (storm->brake.state != BRAKE_ON && storm->first &&
           mono_since(services->now, storm->first->since).ns > window) {
        recent_leave(storm, storm->first);
    }
    struct brake_figures now = figures(services);
    if (!brake_step(&storm->policy, &storm->brake, &now, services->now)) {
        return;
    }
    bool on = storm->brake.state == BRAKE_ON;
    for (struct instance_run *run = storm->first; run; run = run->recent_next) {
        service_mark(services, run->entry->service, false);
    }
    if (on) {
        timer_set(&services->timers, &storm->timer, storm->brake.until);
    } else {
        timer_stop(&services->timers, &storm->timer);
    }
    services->events->storm(services->events->ctx, on, storm->brake.why);
}

void storm_turned(struct services *services, struct instance_run *run, enum verdict before)
{
    if (verdict_works(before) && run->verdict == VERDICT_CRITICAL) {
        run->verdict_before = before;
        if (run->counted) { /* who is not probed is no sign of a storm */
            recent_join(&services->storm, run);
        }
    } else if (verdict_works(run->verdict)) {
        recent_leave(&services->storm, run);
    }
    storm_count(services, run);
    storm_step(services);
}

bool storm_holds(const struct services *services, const struct instance_run *run)
{
    return services->storm.brake.state == BRAKE_ON && run->domain != NULL;
}

/* --- the checker's own targets -------------------------------------------------------------------
 */

static void references_stop(struct services *services)
{
    struct storm *storm = &services->storm;
    for (unsigned i = 0; i < storm->reference_count; i++) {
        if (storm->references[i].probe.handle) {
            services->probes->stop(services->probes->ctx, storm->references[i].probe.handle);
        }
    }
    storm->reference_count = 0;
}

void storm_free(struct services *services)
{
    references_stop(services);
    timer_stop(&services->timers, &services->storm.timer);
}

void services_brake_set(struct services *services, const struct brake_policy *policy,
                        const struct reference_target *targets, uint32_t count, struct mono now)
{
    struct storm *storm = &services->storm;
    references_stop(services);
    storm->policy = *policy;
    for (uint32_t i = 0; i < count && i < LIMIT_REFERENCES; i++) {
        struct reference *reference = &storm->references[storm->reference_count];
        *reference = (struct reference){0};
        check_default(&reference->probe.check, CHECK_TCP);
        reference->probe.check.interval_ms = 1000;
        reference->probe.check.timeout_ms = 1000;
        reference->probe.reference = reference;
        reference->probe.order = (struct probe_order){.probe = &reference->probe,
                                                      .address = targets[i].address,
                                                      .port = targets[i].port,
                                                      .at_once = true,
                                                      .check = &reference->probe.check};
        health_init(&reference->health, VERDICT_UNKNOWN, now);
        if (services->probes->start(services->probes->ctx, &reference->probe.order,
                                    &reference->probe.handle) == ERR_OK) {
            storm->reference_count++;
        }
    }
}

void storm_reference(struct services *services, struct reference *reference,
                     enum outcome_kind outcome)
{
    struct health_policy policy = {.rise = 1, .fall = 3};
    if (health_outcome(&policy, &reference->health, outcome, services->now)) {
        storm_step(services);
    }
}

void services_storm(const struct services *services, struct storm_status *out)
{
    *out = (struct storm_status){.state = services->storm.brake.state,
                                 .why = services->storm.brake.why,
                                 .until = services->storm.brake.until,
                                 .figures = figures(services)};
}
