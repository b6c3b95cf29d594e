/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may still hold what a name is answered with now: for each view, and each set of records, when
 * it was sent last and until when a cache that honours TTLs may keep it; the same for the denial of
 * what is not there. Were the answer changed now, that instant is when the change would be over.
 * And what it was answered with before, as long as that may be held: there the instant is fixed.
 *
 *   {"name", "now", "transit_s",
 *    "views": [{"view", "zone" | null, "exists", "bound": reason | null,
 *               "records": [{"type", "ttl", "count", "data": [...], SENT}], "denied": SENT,
 *               "replaced": [{"type", "ttl", "data", "still_answered", SENT}]}],
 *    "forgotten": SENT}           (replaced records that there was no room to keep, of any name)
 *
 *   SENT: "last_sent": time | null, "until": time | null, "left": seconds, "pessimistic": time |
 * null
 *
 * Of a site or an instance (control/reach.h):
 *
 *   {"site" | "service" and "instance", "instances", "now", "transit_s",
 *    "views": [{"view", "names", "answered", "ttl", "bound", SENT}], SENT of all views together,
 *    "names", "answered", "own_until"}
 *
 * Times are the end of the second that they lie in, with the time a reply may take (transit_s).
 */
#pragma once

#include "api/explain.h"
#include "ledger/ledger.h"

enum {
    UNTIL_TRANSIT_S = 1 /* from our socket into the cache */
};

struct until_world {
    struct explain_world world; /* its snapshot, and the configuration's names of views */
    const struct ledger *ledger;
    struct mono now;
    struct wall wall;
    uint32_t minimum_ttl_s; /* what some caches do beyond the TTL: hold everything as long, */
    uint32_t beyond_s;      /* and go on for so long when it is over */
};

/* A second of the ledger as wall-clock time, with what a reply takes on its way; {0} of 0. */
struct wall until_wall(const struct until_world *world, uint32_t second);

/* ERR_INVALID with *refusal filled; ERR_NOMEM. */
int until_to_json(const struct until_world *world, const char *name, json_t **ret_json,
                  struct explain_refusal *refusal);
/* What one generation replaced: {"generation", "settled": nobody can be told it any more, SENT}.
 * `settled` as the caller knows it. */
int until_generation_to_json(const struct until_world *world, const char *generation, bool settled,
                             uint64_t current, json_t **ret_json, struct explain_refusal *refusal);
/* Of all instances in a site; or (site NULL) of one of a service. */
int until_reach_to_json(const struct until_world *world, const char *site, const char *service,
                        const char *instance, json_t **ret_json, struct explain_refusal *refusal);
