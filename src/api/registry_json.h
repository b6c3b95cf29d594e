/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Services, instances and overrides as JSON, for the API, the store and the command line. Fields
 * are rows of tables in registry_json.c; a field that is none is refused, with the one it may have
 * meant.
 *
 *   {"service": "web.prod.internal", "id": "web-1", "addresses": ["10.0.1.10",
 *    "203.0.113.5@external"], "port": 8080, "weight": 10, "tags": ["v2"], "meta": {"rack": "r7"},
 *    "site": "dc1", "lease": "30s", "checks": [{"kind": "http", "path": "/healthz"}]}
 *
 * Durations are texts ("500ms", "5s", "2m", "1h") or numbers of seconds. Times are RFC 3339.
 */
#pragma once

#include "registry/registry.h"

#include <jansson.h>

/* Each fills *out with defaults and what the JSON says; texts lie in the arena or the JSON. The
 * name is read from "service" into the arena. Unknown keys in `skip` (ended by NULL; may be NULL)
 * are passed over. ERR_INVALID with *refusal, ERR_NOMEM. */
int service_from_json(const json_t *json, struct arena *arena, const char *const *skip,
                      struct service *out, struct refusal *refusal);
int instance_from_json(const json_t *json, struct arena *arena, const char *const *skip,
                       struct instance *out, struct refusal *refusal);
/* {"name": glob, "instance": glob, "site": name, "action": "up"|"down"|"drain", "reason", "for":
 * duration}; what is `kept` has "set_at" and "expires_at" in ns instead, which nobody may ask for.
 * Texts lie in the JSON. */
int override_from_json(const json_t *json, struct wall now, bool kept, struct override *out,
                       struct refusal *refusal);

/* The definition alone, without what is its default; what ..._from_json() reads again. */
json_t *service_to_json(const struct service *service);
json_t *instance_to_json(const struct instance *instance);
json_t *override_to_json(const struct override *override);

/* "web.prod.internal" (the final dot may be there) to a wire name in the arena. */
int service_name_from_json(const json_t *json, const char *key, struct arena *arena,
                           const uint8_t **ret_name, struct refusal *refusal);

/* "500ms", "5s", "2m", "1h", or a number of seconds; false: neither. */
bool duration_from_json(const json_t *json, uint32_t *ret_ms);
