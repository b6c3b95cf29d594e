/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry of this daemon: control's services wired to the store, the prober and the clock.
 *
 *   ask ─► waiting ─► staged and judged ─► store (its own thread) ─► committed ─► published ─► told
 *               └ all that came meanwhile go together: one fsync for many
 *   outcome of a probe, a timer ─► verdict ─► published at once ─► recorded afterwards
 *
 * Without a data folder nothing is durable, and says so. Everything in the loop's thread.
 */
#pragma once

#include "control/services.h"
#include "daemon/state.h"

struct discovery;

/* Opens the store, reads what is registered, starts the probes. Before zones are loaded or an image
 * is restored; after state_configure(). */
int discovery_new(struct state *state, struct diag_list *diags, struct discovery **ret);
/* Answers who waits with an error; waits for a write under way. */
void discovery_free(struct discovery *discovery);
/* Zones are loaded, workers may answer: from now on changes are published. */
void discovery_ready(struct discovery *discovery);
bool discovery_is_under_way(const struct discovery *discovery);

struct services *discovery_services(const struct discovery *discovery);
/* Records the state of drains (JSON; from mem_new(), taken over) with the next batch. */
void discovery_drains_record(struct discovery *discovery, char *text);
struct incidents;
struct incidents *discovery_incidents(struct discovery *discovery);
struct registry_store *discovery_store(const struct discovery *discovery);

/* A change that somebody asks for. `stage` puts or drops objects of the registry (ERR_* with
 * *refusal); `told` hears once how it ended: ERR_OK when it is durable and published, with its
 * revision; else an error, and *refusal where that says more. */
struct asked {
    struct asked *next; /* the discovery's */
    int (*stage)(struct asked *asked, struct registry *registry, struct refusal *refusal);
    void (*told)(struct asked *asked, int err, const struct refusal *refusal, uint64_t revision);
    const char *owner;
    const char *why; /* for the history; NULL */
    bool dry_run;    /* judged, and undone */
    size_t mark;     /* the discovery's */
    uint64_t revision;
    size_t staged; /* objects of it; 0: it was so already */
    size_t kept;   /* the discovery's: objects of it in the batch */
    /* Judged against what others in the batch had staged: it stands or falls with them. */
    int judged;
    struct refusal refusal;
};
/* ERR_LIMIT: too many wait. */
int discovery_ask(struct discovery *discovery, struct asked *asked);

/* After a heartbeat or anything else that may have changed verdicts: publishes. `since`: when the
 * news came. */
void discovery_publish(struct discovery *discovery, struct mono since);
/* The configuration is another one: what it declares is brought in. */
int discovery_configure(struct discovery *discovery);

/* How many probes a second one address may get. */
void discovery_check_rate(struct discovery *discovery, uint32_t rate);

/* {"services", "instances", ..., "store"} for status. */
struct discovery_status {
    struct services_count count;
    uint64_t revision;
    uint32_t waiting;
    bool durable, broken;
    int last_err;      /* of the store */
    uint64_t not_made; /* checks that could not be made here, ever */
    uint64_t delayed;  /* probes that waited, as their address had had its share */
    /* From durable (or a probe's outcome) to published, of the last ones. */
    uint64_t publish_median_us, publish_p99_us;
    uint32_t publish_samples;
};
void discovery_status(const struct discovery *discovery, struct discovery_status *out);
