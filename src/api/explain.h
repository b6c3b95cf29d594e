/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Why a client gets the answer it gets, as JSON. The answer is the one a worker would give: the
 * same function walks the same snapshot, and tells each step it takes. The daemon and the offline
 * command share this.
 *
 *   {"query": {"name", "type", "from", "listener", "transport"},
 *    "view": {"name", "why", "place"} | null,
 *    "zone": {"name", "file", "serial", "state", "problem"} | null,
 *    "kind", "steps": [{"step", "rule", "detail"}], "reply": {...},   (reply: api/reply.h)
 *    "ttl": seconds | null, "guards": [{"guard", "detail"}],
 *    "service": {...} | null}                                         (service_explain.h)
 */
#pragma once

#include "control/control.h"

#include <jansson.h>

struct services;

struct explain_world {
    const struct snapshot *snapshot;
    const struct desired *desired;
    const struct control *control;
    const struct services *services; /* NULL: offline, nothing is registered */
};

/* As a person writes it; NULL for what was not given. */
struct explain_question {
    const char *name, *type, *from, *listener, *subnet, *transport;
};

/* What is wrong with a question. */
struct explain_refusal {
    const char *field, *reason, *mend;
};

/* ERR_INVALID with *refusal filled; ERR_NOMEM. */
int explain_to_json(const struct explain_world *world, const struct explain_question *question,
                    json_t **ret_json, struct explain_refusal *refusal);
