/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/ahead.h"

#include "base/assert.h"
#include "dns/message.h"
#include "snapshot/node.h"

void ahead_init(struct ahead *ahead, const struct snapshot *snapshot)
{
    ahead->snapshot = snapshot;
    ahead->count = 0;
}

void ahead_add(struct ahead *ahead, const struct client *client, const uint8_t *query, size_t len)
{
    const struct snapshot *snapshot = ahead->snapshot;
    ASSERT(ahead->count < AHEAD_QUERIES);
    struct ahead_query *next = &ahead->query[ahead->count];
    size_t name_len = len > HEADER_BYTES ? name_check(query + HEADER_BYTES, len - HEADER_BYTES) : 0;
    unsigned view = view_match_find(snapshot->scope->match, client->listener, &client->address);
    if (name_len == 0 || view == VIEW_NONE) {
        return;
    }
    memcpy(next->lowered, query + HEADER_BYTES, name_len);
    name_lower(next->lowered, name_len);
    struct qp_name absolute;
    qp_name_init(&absolute, &next->space, next->lowered, name_len - 1);
    ref_t ref = qp_find_longest(snapshot->slab, snapshot->views[view], &absolute, false);
    if (ref) {
        const struct zone_view *zone = zone_view_at(snapshot->slab, ref);
        qp_name_front(&next->name, &absolute, zone->origin_labels);
        qp_ahead_init(&next->search, snapshot->slab, &zone->root, &next->name);
        ahead->count++;
    }
}

void ahead_run(struct ahead *ahead)
{
    for (bool moving = true; moving;) {
        moving = false;
        for (unsigned i = 0; i < ahead->count; i++) {
            moving |= qp_ahead_step(&ahead->query[i].search);
        }
    }
}
