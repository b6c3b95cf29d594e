/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What differs between two views, as JSON. The daemon and the offline command share this.
 *
 *   {"a", "b", "count", "undeclared", "differences": [{"kind": "zone"|"name"|"set", "name", "type",
 *     "a": [{"ttl", "type", "data"}], "b": [...], "declared", "reason", "place"}]}
 *
 * At most LIMIT_DIFFERENCES are listed; all are counted.
 */
#pragma once

#include "api/explain.h"

/* As a person writes it; NULL for what was not given: the first view, the second, every name. */
struct viewdiff_question {
    const char *a, *b, *name;
};

/* ERR_INVALID with *refusal filled; ERR_NOMEM. */
int viewdiff_to_json(const struct explain_world *world, const struct viewdiff_question *question,
                     json_t **ret_json, struct explain_refusal *refusal);
