/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From records to the base tree of a zone: what every view sees before its overlays. The tree
 * starts as that of the version before, and only what differs is put into it, so a reload costs
 * memory for its differences; a reload without any costs none.
 *
 *   records ─► runs of one owner ─► node ─► same as before? stays : tree ─► checks (check.h)
 *                            names of the version before that no record has ─► go
 */
#pragma once

#include "snapshot/findings.h"

struct zone_base {
    struct twig root;
    uint64_t names, records;
    uint32_t serial;
    bool wildcard;
};

/* Builds into the running transaction. `old` (all zero: none) stays whole. On failure out->root
 * holds what was built so far (the caller releases it). Findings: SOA trouble; unequal TTLs.
 * ERR_INVALID after errors, ERR_NOMEM, ERR_LIMIT. */
int zone_base_build(struct txn *txn, const uint8_t *origin, const struct records *records,
                    const struct zone_base *old, struct findings *findings, struct zone_base *out);

/* Sets (count > 0) or removes the records of one owner in a base tree. `records` are of that owner.
 * Updates names, wildcard and serial of the base, not its `records`. */
int zone_base_change(struct txn *txn, struct zone_base *base, const struct qp_name *name,
                     struct node_draft *draft);

/* Has the name a label `*`? Below one that is not the first, it is an empty non-terminal, and a
 * source of synthesis all the same (RFC 4592 2.2.2). */
bool qp_name_has_wildcard(const struct qp_name *name);

/* The serial of an apex node, 0 without SOA. */
uint32_t node_soa_serial(const struct node *apex);
