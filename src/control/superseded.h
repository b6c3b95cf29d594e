/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a snapshot is retired, nobody can send any more what only it had. What of that was told, and
 * may still be held, is noted under its view and name before its nodes go.
 *
 *   old snapshot ─┐ subtrees that both share are passed over
 *   next snapshot ┴► nodes replaced or gone ─► told? ─► kept until (ledger/kept.h)
 */
#pragma once

#include "ledger/ledger.h"
#include "snapshot/snapshot.h"

/* `next` (NULL: none, the server stops) took the place of `old`; the trees of both are whole, and
 * no worker has the old one. */
void superseded_note(struct ledger *ledger, const struct snapshot *old,
                     const struct snapshot *next);

/* The words of the account that belong to retired nodes are free for those that take their place.
 */
void superseded_forget(struct ledger *ledger, const struct slab *slab,
                       const struct retired *retired);
