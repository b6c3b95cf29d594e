/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The daemon's state as JSON: process, listeners, zones, views, counters, memory, the last reload.
 * Control thread; the caller owns what it gets.
 */
#pragma once

#include "daemon/state.h"

#include <jansson.h>

json_t *status_to_json(const struct state *state);

/* Tells the service manager that we serve, and how much; first `event`, unless it is NULL. */
void status_notify(const struct state *state, const char *event);
