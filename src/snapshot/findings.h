/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Findings about a zone's records, collected by owner and type while the tree is walked, and given
 * their file and line at the end by one pass over the records. (Nodes keep no lines: a million
 * names would pay for what only a broken zone needs.)
 */
#pragma once

#include "base/diag.h"
#include "dns/records.h"
#include "snapshot/node.h"

struct finding;

struct findings {
    struct arena arena;
    const uint8_t *origin;
    struct finding *first, **last;
    uint32_t kept, errors, warnings;
};

void findings_init(struct findings *findings, const struct alloc *alloc, const uint8_t *origin);
void findings_deinit(struct findings *findings);

/* One finding about the records of `owner` (absolute) of `type` (0: any). %-texts see no owner; it
 * is put behind: "TEXT at OWNER". `place` when it is known already (an overlay), else {0}. */
__attribute__((format(printf, 7, 8))) void findings_add(struct findings *findings,
                                                        enum severity severity,
                                                        const uint8_t *owner, uint16_t type,
                                                        struct place place, const char *mend,
                                                        const char *format, ...);

/* Gives places from `records` (may be NULL) and moves everything to `diags`. */
void findings_settle(struct findings *findings, const struct records *records, const char *file,
                     struct diag_list *diags);

/* Absolute name of a node in a zone. out[NAME_MAX]. */
void node_owner(const struct node *node, const uint8_t *origin, uint8_t *out);
