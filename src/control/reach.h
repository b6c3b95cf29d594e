/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who may still be led to an instance, or to a site: everything that was told of its addresses, and
 * until when caches may hold that. Over the registry (which names lead there), the snapshot (what
 * is told now) and the ledger (what was told when).
 *
 *   address in A, AAAA, or as a hint of HTTPS and SVCB   until that answer is forgotten
 *   target of SRV                                        and as long again as the target's own
 *                                                        address lives: who has the SRV may ask for
 *                                                        it at the last moment, and is answered
 *
 * The instance's own name is answered whatever its health, for who has the SRV; who asks for it
 * without that means this instance, and is counted apart.
 */
#pragma once

#include "control/services.h"
#include "ledger/ledger.h"

struct reach_target {
    const char *site;       /* all instances there; or NULL: */
    const uint8_t *service; /* absolute, lower case */
    const char *instance;   /* NULL: all of the service */
    uint32_t minimum_ttl_s; /* some caches hold everything as long: for `longest` */
};

struct reach {
    uint32_t instances; /* that are meant */
    uint32_t names;     /* that lead there, or did */
    uint32_t answered;  /* of them, now */
    uint32_t until;   /* ledger second at which the last cache has forgotten; 0: nothing was told */
    uint32_t longest; /* the same when no cache holds anything shorter than minimum_ttl_s */
    uint32_t last_sent; /* ledger second */
    uint32_t ttl_s;     /* the longest TTL that counts */
    uint32_t own_until; /* of the instances' own names */
    bool bound;         /* clients were told different parts: an upper bound */
};

/* In one view of the snapshot, or in all (VIEW_NONE). */
void reach_of(const struct services *services, const struct snapshot *snapshot,
              const struct ledger *ledger, unsigned view, const struct reach_target *target,
              struct reach *out);
