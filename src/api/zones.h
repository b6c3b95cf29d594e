/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zones as JSON: what is served, since when, and what is wrong with it. The daemon's status and the
 * offline check share this.
 *
 *   {"name", "file", "state", "serial", "held_serial", "names", "records", "overlay_names",
 *    "views": [names], "loaded_at": "2026-01-31T12:00:00Z" | null, "problem" | null}
 */
#pragma once

#include "control/control.h"

#include <jansson.h>

/* "unloaded", "loaded", "stale", "held". */
const char *zone_state_name(enum zone_state state);
json_t *zone_to_json(const struct zone_status *status, const struct desired *desired);
/* All zones, in the order of the configuration. */
json_t *zones_to_json(const struct control *control, const struct desired *desired);
/* {"total", "loaded", "unloaded", "stale", "held"} */
json_t *zones_count_json(const struct control *control);
/* Findings: [{"severity", "file", "line", "column", "text", "mend"}]. */
json_t *diags_to_json(const struct diag_list *diags);
/* An instant in UTC, RFC 3339; null for 0. */
json_t *wall_to_json(struct wall at);
/* The same to the millisecond. */
json_t *wall_ms_to_json(struct wall at);
