/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/incidents.h"

#include <stdio.h>
#include <string.h>

enum {
    TOGETHER_S = 60 /* a service that fails so long after the first one is part of it */
};

struct incident *incidents_at(struct incidents *incidents, uint32_t i)
{
    bool there = i < incidents->count && i < LIMIT_INCIDENTS;
    return there ? &incidents->ring[(incidents->count - 1 - i) % LIMIT_INCIDENTS] : NULL;
}

static struct incident *open_of(struct incidents *incidents, const char *site)
{
    struct incident *at = NULL;
    for (uint32_t i = 0; (at = incidents_at(incidents, i)) != NULL; i++) {
        if (strcmp(at->site, site) == 0) {
            return at->back_at.ns == 0 ? at : NULL;
        }
    }
    return NULL;
}

void incidents_failed(struct incidents *incidents, const char *site, const char *service,
                      enum failover_cause cause, struct wall failed_at, struct wall now)
{
    struct incident *at = open_of(incidents, site);
    bool late = at && now.ns - at->detected_at.ns > (int64_t)TOGETHER_S * 1000000000;
    if (!at || at->cause != cause || late) {
        at = &incidents->ring[incidents->count++ % LIMIT_INCIDENTS];
        incidents->pending++;
        *at = (struct incident){
            .number = incidents->count, .cause = cause, .failed_at = failed_at, .detected_at = now};
        snprintf(at->site, sizeof(at->site), "%s", site);
        snprintf(at->first, sizeof(at->first), "%s", service);
    }
    at->services++;
    if (failed_at.ns < at->failed_at.ns) {
        at->failed_at = failed_at;
    }
}

const struct incident *incidents_back(struct incidents *incidents, const char *site,
                                      struct wall now)
{
    struct incident *at = open_of(incidents, site);
    if (!at) {
        return NULL;
    }
    at->back++;
    if (at->back < at->services) {
        return NULL;
    }
    at->back_at = now;
    return at;
}

void incidents_published(struct incidents *incidents, uint64_t generation, struct wall now,
                         incident_fn *each, void *ctx)
{
    struct incident *at = NULL;
    for (uint32_t i = 0; incidents->pending > 0 && (at = incidents_at(incidents, i)); i++) {
        if (at->changed_at.ns == 0) {
            incidents->pending--;
            at->changed_at = now;
            at->generation = generation;
            each(ctx, at);
        }
    }
    incidents->pending = 0;
}
