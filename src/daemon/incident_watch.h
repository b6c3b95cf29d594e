/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Follows incidents until they are over: from what was told (control/reach.h) comes the instant at
 * which the last cache has forgotten the old answers; when it has come, the log says so.
 *
 *   answers changed ─► a moment later, as no worker has the old ones: until when? ─► half ─► over
 *
 * In the loop's thread.
 */
#pragma once

#include "daemon/state.h"

struct incident_watch;

int incident_watch_new(struct state *state, struct incident_watch **ret);
void incident_watch_free(struct incident_watch *watch);
/* There is a new one. `watch` may be NULL. */
void incident_watch_start(struct incident_watch *watch);
