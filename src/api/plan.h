/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What to expect of a failover (failover/plan.h), as JSON:
 *
 *   {"service", "sites", "ttl", "check": sentence | null, "detected": {"mean", "worst"} | null,
 *    "killed": {...} | null, "publication", "compliant", "pessimistic", "expected", "worst",
 *    "longest", "dominant", "because", "budget" | null, "met", "ttl_allowed" | null,
 *    "interval_allowed" | null, "queries": per second}
 *
 * All times in seconds; compliant and pessimistic from the change of the answers on, the others
 * from the failure on; null: never, or none.
 */
#pragma once

#include "failover/plan.h"

#include <jansson.h>

struct plan_world plan_world_of(const struct desired_site *sites, uint32_t site_count,
                                uint32_t minimum_ttl_ms, uint32_t serve_stale_ms,
                                uint32_t client_pin_ms);
/* Takes what somebody asks for ("30s"; "100"; NULL: not told). Returns the field that makes no
 * sense, or NULL. */
const char *plan_world_read(struct plan_world *world, const char *budget, const char *caches);

json_t *plan_to_json(const struct plan_world *world, const struct service *service,
                     const struct instance *const *instances, uint32_t count);
/* "http every 5 s, 3 times, timeout 2 s". Returns out. */
enum {
    PLAN_CHECK_BYTES = 160
};
char *plan_check_words(const struct plan *plan, char out[PLAN_CHECK_BYTES]);
/* "TTL 5s would meet it"; what meets the budget. Returns out. */
char *plan_mend_words(const struct plan *plan, char out[PLAN_CHECK_BYTES]);
