/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What happens to services, for the log, for the list of incidents, and for what a restart goes on
 * with: verdicts, leases that ran out, sites that failed a service.
 *
 *   control's events ─► news ─┬─► log
 *                             ├─► incidents
 *                             └─► seen ─► recorded with the next batch, or again when that failed
 *
 * Belongs to the control thread.
 */
#pragma once

#include "control/incidents.h"
#include "control/services.h"

/* One thing that waits to be recorded. */
struct seen {
    struct seen *next;
    const char *id, *verdict; /* id: behind the name; verdict NULL: forget it */
    char name[];
};

/* In the place of a verdict: its lease has run out; and, in that of an instance, a site that failed
 * the service (no id has a space in it). */
#define SEEN_EXPIRED "expired"
#define SEEN_SITE "site "
#define SEEN_FAILED "failed"

struct discovery;

struct news {
    struct discovery *discovery; /* which removes instances */
    const struct alloc *alloc;
    const struct services *services;
    bool recorded; /* somewhere: else nothing waits */
    struct seen *seen, **seen_end;
    uint32_t seen_count;
    struct incidents incidents;
};

void news_init(struct news *news, struct discovery *discovery, const struct alloc *alloc);
struct services_events news_events(struct news *news);
/* The instance goes: its verdict is forgotten. */
void news_forget(struct news *news, const struct instance_entry *instance);
/* What changed is published. Returns whether a site has failed. */
bool news_published(struct news *news, uint64_t generation);

/* Everything that waits, in order; it is the caller's. */
struct seen *news_take(struct news *news);
/* It could not be recorded: before what came since. Returns whether there was any. */
bool news_put_back(struct news *news, struct seen *seen);
void news_free_seen(const struct news *news, struct seen *seen);
