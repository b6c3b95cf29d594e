/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A snapshot: everything a worker needs to answer, frozen. One pointer to it is published; workers
 * load it once a batch and only read. Nodes live in the slab (slab.h) and are shared between views
 * and between successive snapshots; the snapshot itself is a small struct.
 *
 *   snapshot ─┬─ scope     who asks: view ranges, names of views, server options (shared,
 * immutable) ├─ slab      base of all 32-bit references └─ views[]   root of a tree of zones ─►
 * zone_view ─► root of the zone's name tree ─► node
 *
 * Written by control (the one writer), retired after the grace period.
 */
#pragma once

#include "base/limits.h"
#include "snapshot/match.h"
#include "snapshot/qp.h"
#include "snapshot/slab.h"

/* What the reply path needs of the configuration; made at load, shared by many snapshots. */
struct scope {
    const struct desired *desired; /* NULL: zones have nothing that answers ask for */
    const struct view_match *match;
    const struct view_match *sites; /* client to site, in the same way; NULL: no sites */
    const char *const *view_names;
    uint32_t view_count;
    uint16_t udp_payload; /* what we advertise and accept as the upper bound on UDP */
    uint8_t nsid_len;     /* 0: no NSID */
    uint8_t nsid[LIMIT_NSID_BYTES];
    const char *version_bind; /* NULL: refused */
    const char *id_server;    /* NULL: refused */
};

/* The number of the site that the client is in; VIEW_NONE: of none. */
static inline unsigned scope_site(const struct scope *scope, const struct address *client)
{
    enum {
        ANY_LISTENER = UINT16_MAX /* sites go by address only */
    };
    return scope->sites ? view_match_find(scope->sites, ANY_LISTENER, client) : (unsigned)VIEW_NONE;
}

struct snapshot {
    uint64_t generation;
    uint64_t revision;
    const struct slab *slab;
    const struct scope *scope;
    size_t tree_bytes; /* of all trees together, when it was taken */
    uint32_t view_count;
    struct twig views[]; /* root of each view's tree of zones, keyed by origin */
};
