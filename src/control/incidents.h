/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What happened when a site failed: one incident for all services that it took along, as the
 * timetable that people ask for.
 *
 *   failed ─► detected ─► answers changed ─► half of the caches ─► over        ─► back
 *   first      verdict     published          predicted            last cache     failback
 *
 * A ring of the last LIMIT_INCIDENTS, in memory. Pure: times are arguments. The instants of the
 * caches come from who asks the ledger (control/reach.h).
 */
#pragma once

#include "base/alloc.h"
#include "base/limits.h"
#include "base/time.h"
#include "control/services.h"

struct incident {
    uint64_t number; /* from 1 */
    char site[LIMIT_LABEL_BYTES + 1];
    enum failover_cause cause;
    char first[LIMIT_NAME_BYTES + 1]; /* the first service it took along */
    uint32_t services, back;          /* that it failed; of them, that were taken back */
    struct wall failed_at, detected_at;
    struct wall changed_at; /* 0: not yet */
    uint64_t generation;    /* with which answers changed */
    uint32_t ttl_s;         /* the longest TTL among what was told; when known */
    struct wall half_at;    /* when half of what was handed out is over; 0: not known */
    struct wall over_at;    /* when the last cache has forgotten; 0: not known yet */
    bool half_told;         /* that it has come was told */
    bool fixed;             /* nothing that is told now can move it */
    struct wall back_at;    /* when the last service was taken back; 0: not yet */
};

struct incidents {
    struct incident ring[LIMIT_INCIDENTS];
    uint64_t count;   /* ever */
    uint32_t pending; /* that are not published yet */
};

/* A site failed a service. */
void incidents_failed(struct incidents *incidents, const char *site, const char *service,
                      enum failover_cause cause, struct wall failed_at, struct wall now);
/* It is good for a service again. Returns the incident, when that was the last one. */
const struct incident *incidents_back(struct incidents *incidents, const char *site,
                                      struct wall now);
/* What changed is published. Calls `each` for every incident that was not before. */
typedef void incident_fn(void *ctx, struct incident *incident);
void incidents_published(struct incidents *incidents, uint64_t generation, struct wall now,
                         incident_fn *each, void *ctx);

/* The i-th, newest first; NULL: there are no more. */
struct incident *incidents_at(struct incidents *incidents, uint32_t i);
