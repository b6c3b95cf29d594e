/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/incident_watch.h"

#include "base/error.h"
#include "control/incidents.h"
#include "control/reach.h"
#include "daemon/discovery.h"
#include "daemon/log.h"
#include "daemon/routes.h"
#include "io/clock.h"

enum {
    LOOK_MS = 500
};

struct incident_watch {
    struct state *state;
    struct loop_timer *timer;
};

/* Until when the last cache may hold what the site was answered with; half of that, when caches ask
 * all the time, is half of the TTL after the change. */
static void incident_measure(const struct state *state, struct incident *incident)
{
    const struct until_world until = until_world_of(state);
    const struct reach_target target = {.site = incident->site,
                                        .minimum_ttl_s = until.minimum_ttl_s};
    struct reach reach;
    reach_of(discovery_services(state->discovery), until.world.snapshot, until.ledger, VIEW_NONE,
             &target, &reach);
    incident->ttl_s = reach.ttl_s > incident->ttl_s ? reach.ttl_s : incident->ttl_s;
    struct wall over = until_wall(&until, reach.until);
    if (over.ns <= incident->changed_at.ns) { /* nobody had been told */
        over = incident->changed_at;
    }
    incident->over_at = over.ns > incident->over_at.ns ? over : incident->over_at;
    incident->half_at.ns = incident->changed_at.ns + (int64_t)incident->ttl_s * 500000000;
    if (incident->half_at.ns > incident->over_at.ns) {
        incident->half_at = incident->over_at;
    }
}

static void incident_look(const struct state *state, struct incident *incident, struct wall now)
{
    bool told_half = incident->half_told;
    if (state->retired_generation + 1 < incident->generation) {
        return; /* a worker may still have the old answers */
    }
    if (incident->over_at.ns == 0 || now.ns >= incident->over_at.ns) {
        incident_measure(state, incident);
    }
    incident->half_told = told_half || now.ns >= incident->half_at.ns;
    incident->fixed = now.ns >= incident->over_at.ns || incident->back_at.ns != 0;
    if (incident->fixed && incident->back_at.ns == 0) {
        log_info(
            "site %s: over %.1f s after the first sign; no cache that honours TTLs leads there",
            incident->site, (double)(incident->over_at.ns - incident->failed_at.ns) / 1e9);
    } else if (incident->half_told && !told_half) {
        log_info("site %s: half of what caches held is expected to be over", incident->site);
    }
}

static void on_timer(void *ctx)
{
    struct incident_watch *watch = ctx;
    struct incidents *incidents = discovery_incidents(watch->state->discovery);
    struct incident *at = NULL;
    struct wall now = clock_wall();
    bool any = false;
    for (uint32_t i = 0; (at = incidents_at(incidents, i)) != NULL; i++) {
        if (!at->fixed && at->changed_at.ns) {
            incident_look(watch->state, at, now);
            any = any || !at->fixed;
        }
    }
    if (any) {
        loop_timer_start(watch->timer, duration_from_ms(LOOK_MS));
    }
}

int incident_watch_new(struct state *state, struct incident_watch **ret)
{
    struct incident_watch *watch = mem_new_zero(state->alloc, 1, sizeof(*watch));
    if (!watch) {
        return ERR_NOMEM;
    }
    watch->state = state;
    int err = loop_timer_new(state->loop, on_timer, watch, &watch->timer);
    if (err != ERR_OK) {
        mem_free(state->alloc, watch);
        return err;
    }
    *ret = watch;
    return ERR_OK;
}

void incident_watch_free(struct incident_watch *watch)
{
    if (watch) {
        loop_timer_free(watch->timer);
        mem_free(watch->state->alloc, watch);
    }
}

void incident_watch_start(struct incident_watch *watch)
{
    if (watch && watch->state->ledger.until) {
        loop_timer_start(watch->timer, duration_from_ms(LOOK_MS));
    }
}
