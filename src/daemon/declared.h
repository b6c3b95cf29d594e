/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The services that the configuration declares, as one wish of one owner, "config": what it has and
 * the configuration does not name any more goes. An object that is refused (another owner has it)
 * is told with its place, and stops no other.
 *
 *   start, reload ─► declared_ask() ─► discovery_ask() ─► staged, committed, published like any
 *
 * Lives in the discovery; the control loop's thread.
 */
#pragma once

#include "daemon/discovery.h"

struct declared {
    struct asked asked;
    struct state *state;
    bool waiting;
    uint32_t sweep; /* marks what the configuration names, each time anew */
};

/* Brings in what the current configuration declares. ERR_LIMIT. */
int declared_ask(struct declared *declared, struct state *state);
