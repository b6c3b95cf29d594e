/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a registered name is answered in a view, and why each instance is in or out, as JSON.
 *
 *   {"service", "answered": kind, "because": text, "pool": site | null, "policy", "candidates":
 *    [{"id", "verdict", "detail", "override": {...} | null, "pool", "given", "share", "why"}]}
 *
 * Made from the state of control, not from the snapshot: between two publishes they may differ for
 * some microseconds.
 */
#pragma once

#include "control/services.h"

#include <jansson.h>

/* The service that `name` belongs to (itself, or a name below it), as clients of `site` get it
 * (VIEW_NONE: of no site); null when there is none. */
json_t *service_explain_json(const struct services *services, const uint8_t *name, unsigned view,
                             unsigned site);
