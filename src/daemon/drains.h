/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The drains of this daemon: control's machine (control/drain.h) given a clock, the ledger, the
 * registry and the store.
 *
 *   asked for ─► judged ─► advanced four times a second ─► done, or aborted
 *                              └ each step is recorded: a restart goes on where it was
 *
 * What ended stays in the list until its place is needed. Everything in the loop's thread.
 */
#pragma once

#include "control/drain.h"
#include "daemon/state.h"

#include <jansson.h>

struct drains;

/* After discovery_configure(): goes on with what was under way. */
int drains_new(struct state *state, struct drains **ret);
void drains_free(struct drains *drains);

/* Begins one; number, times and step are set here. ERR_REFUSED, ERR_NOT_FOUND, ERR_EXISTS (it is
 * being drained already), ERR_LIMIT, all with *refusal; ERR_NOMEM. `dry_run`: only judges it, and
 * fills in what it found. */
int drains_begin(struct drains *drains, struct drain *wanted, bool dry_run,
                 struct refusal *refusal);
/* Ends what was drained: one that runs is aborted, answers and TTLs are as before. `told` hears
 * when the answers are. ERR_NOT_FOUND with *refusal: nothing is drained there. */
typedef void drains_told(void *ctx, int err, const struct refusal *refusal);
int drains_end(struct drains *drains, const struct drain *which, drains_told *told, void *ctx,
               struct refusal *refusal);

/* The i-th, newest first; NULL: there are no more. */
const struct drain *drains_at(const struct drains *drains, unsigned i);
json_t *drain_to_json(const struct drain *drain, struct wall now);
