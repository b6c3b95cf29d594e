/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading zones: a few at a time in the thread pool, each given to control as it comes. A zone that
 * cannot be read or is refused is reported with file and line and stops nobody.
 *
 *   wanted zones ─► pool: read and parse (LIMIT_LOADING at once) ─► control_zone_loaded()
 *                                                               └─► or control_zone_failed()
 */
#pragma once

#include "daemon/state.h"

struct load;

typedef void load_done(void *ctx);

/* Reads the zones (indices in the current epoch). Findings go to `findings`, which the caller keeps
 * until `done` is called: from the loop, or before this returns when there is nothing to read.
 * A stop of the daemon ends it early. ERR_NOMEM: nothing was begun, `done` is not called. */
int load_start(struct state *state, const uint32_t *zones, uint32_t count,
               struct diag_list *findings, load_done *done, void *ctx);

/* Zones of the current epoch that must be read: all that have no content, and those whose files
 * changed. *ret_zones is an array of the caller's. ERR_NOMEM. */
int load_wanted(const struct state *state, uint32_t **ret_zones, uint32_t *ret_count);
