/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/viewdiff.h"

#include "base/assert.h"
#include "control/state.h"
#include "dns/name.h"
#include "snapshot/policy.h"

struct diff {
    const struct control *control;
    unsigned a, b;
    const uint8_t *below;
    view_difference_fn *each;
    void *ctx;
    uint64_t count;
    uint32_t zone_a, zone_b; /* being compared */
};

static bool differs_in_views(const struct diff *diff, uint64_t views)
{
    return (views >> diff->a & 1) != (views >> diff->b & 1);
}

/* Who wrote that this name differs: an overlay of one of the two views, or an `only` subtree. */
static void declare_name(const struct diff *diff, uint32_t zone, struct view_difference *out)
{
    const struct zone_entry *entry = &diff->control->zones[zone];
    const struct desired_zone *desired = entry->desired;
    for (uint32_t i = 0; i < desired->subtree_count; i++) {
        if (differs_in_views(diff, desired->subtrees[i].only) &&
            name_in_zone(out->owner, desired->subtrees[i].name)) {
            out->declared = true;
            out->reason = "subtree with `only`";
            out->place = desired->subtrees[i].place;
            return;
        }
    }
    uint32_t count, first = zone_edits_find(&entry->served.edits, out->owner, &count);
    for (uint32_t i = first; i < first + count; i++) {
        const struct zone_edit *edit = &entry->served.edits.edits[i];
        const char *reason = desired->overlays[edit->overlay].reason;
        if (!differs_in_views(diff, edit->views) ||
            (out->type && edit->type && edit->type != out->type)) {
            continue;
        }
        /* One edit without a reason is enough to make the difference undeclared. */
        bool first_one = !out->place.file;
        if (first_one || (out->declared && !reason)) {
            out->place = edit->place;
            out->reason = reason;
            out->declared = reason != NULL;
        }
    }
}

static bool is_service(const struct node *node)
{
    return node && node->head.flags & NODE_SERVICE;
}

static void tell(struct diff *diff, struct view_difference *difference)
{
    uint8_t hidden[SITE_LABEL_BYTES];
    site_label(hidden, 0);
    if ((diff->below && !name_in_zone(difference->owner, diff->below)) ||
        memcmp(difference->owner, hidden, SITE_LABEL_BYTES - 1) == 0) {
        return; /* not asked for, or the variant of a registered name, which stands for itself */
    }
    if (is_service(difference->node_a) || is_service(difference->node_b)) {
        difference->declared = true; /* whoever registers says which address is for which view */
        difference->reason = "registered so";
    } else if (difference->kind != DIFFERENCE_ZONE && diff->zone_a == diff->zone_b) {
        declare_name(diff, diff->zone_a, difference);
    }
    diff->count++;
    diff->each(diff->ctx, difference);
}

static bool sets_same(const struct node *a, const struct rrset *set_a, const struct node *b,
                      const struct rrset *set_b)
{
    if (!set_a || !set_b || set_a->ttl != set_b->ttl || set_a->count != set_b->count) {
        return false;
    }
    const uint8_t *at_a = rrset_data(a, set_a), *at_b = rrset_data(b, set_b);
    for (unsigned i = 0; i < set_a->count; i++) {
        uint16_t len_a, len_b;
        const uint8_t *rdata_a = rdata_next(set_a, &at_a, &len_a);
        const uint8_t *rdata_b = rdata_next(set_b, &at_b, &len_b);
        if (len_a != len_b || memcmp(rdata_a, rdata_b, len_a) != 0) {
            return false;
        }
    }
    return true;
}

static void tell_set(struct diff *diff, const uint8_t *owner, const struct node *a,
                     const struct node *b, uint16_t type)
{
    struct view_difference difference = {.kind = DIFFERENCE_SET,
                                         .owner = owner,
                                         .type = type,
                                         .node_a = a,
                                         .node_b = b,
                                         .set_a = node_find(a, type),
                                         .set_b = node_find(b, type)};
    difference.in_a = difference.set_a != NULL;
    difference.in_b = difference.set_b != NULL;
    if (!sets_same(a, difference.set_a, b, difference.set_b)) {
        tell(diff, &difference);
    }
}

static void diff_nodes(struct diff *diff, const uint8_t *owner, const struct node *a,
                       const struct node *b)
{
    unsigned count;
    const struct rrset *sets = node_visible_sets(a, &count);
    for (unsigned i = 0; i < count; i++) {
        tell_set(diff, owner, a, b, sets[i].type);
    }
    sets = node_visible_sets(b, &count);
    for (unsigned i = 0; i < count; i++) {
        if (!node_find(a, sets[i].type)) {
            tell_set(diff, owner, a, b, sets[i].type);
        }
    }
}

static void tell_name(struct diff *diff, const uint8_t *owner, const struct node *a,
                      const struct node *b)
{
    struct view_difference difference = {.kind = DIFFERENCE_NAME,
                                         .owner = owner,
                                         .in_a = a != NULL,
                                         .in_b = b != NULL,
                                         .node_a = a,
                                         .node_b = b};
    tell(diff, &difference);
}

/* Two trees in step: equal references are equal names. */
static void diff_trees(struct diff *diff, const struct zone_view *zone_a,
                       const struct zone_view *zone_b)
{
    const struct slab *slab = &diff->control->slab;
    struct qp_iter iter_a, iter_b;
    uint8_t owner_a[NAME_MAX], owner_b[NAME_MAX];
    qp_iter_init(&iter_a, slab, zone_a->root);
    qp_iter_init(&iter_b, slab, zone_b->root);
    ref_t a = qp_iter_next(&iter_a), b = qp_iter_next(&iter_b);
    while (a || b) {
        if (a == b) {
            a = qp_iter_next(&iter_a);
            b = qp_iter_next(&iter_b);
            continue;
        }
        const struct node *node_a = a ? node_at(slab, a) : NULL,
                          *node_b = b ? node_at(slab, b) : NULL;
        if (node_a) {
            node_owner(node_a, zone_a->origin, owner_a);
        }
        if (node_b) {
            node_owner(node_b, zone_b->origin, owner_b);
        }
        int order = !node_a ? 1 : !node_b ? -1 : name_compare(owner_a, owner_b);
        if (order == 0) {
            diff_nodes(diff, owner_a, node_a, node_b);
        } else {
            tell_name(diff, order < 0 ? owner_a : owner_b, order < 0 ? node_a : NULL,
                      order < 0 ? NULL : node_b);
        }
        a = order <= 0 ? qp_iter_next(&iter_a) : a;
        b = order >= 0 ? qp_iter_next(&iter_b) : b;
    }
}

static void tell_zone(struct diff *diff, const struct zone_view *zone, bool in_a)
{
    ASSERT(zone);
    const struct desired_zone *desired = diff->control->zones[zone->zone].desired;
    struct view_difference difference = {.kind = DIFFERENCE_ZONE,
                                         .owner = zone->origin,
                                         .in_a = in_a,
                                         .in_b = !in_a,
                                         .declared = true,
                                         .reason = "zone with `only`",
                                         .place = desired->place};
    tell(diff, &difference);
}

uint64_t control_view_diff(const struct control *control, unsigned a, unsigned b,
                           const uint8_t *owner, view_difference_fn *each, void *ctx)
{
    struct diff diff = {
        .control = control, .a = a, .b = b, .below = owner, .each = each, .ctx = ctx};
    struct qp_iter iter_a, iter_b;
    qp_iter_init(&iter_a, &control->slab, control->views[a]);
    qp_iter_init(&iter_b, &control->slab, control->views[b]);
    ref_t ref_a = qp_iter_next(&iter_a), ref_b = qp_iter_next(&iter_b);
    while (ref_a || ref_b) {
        const struct zone_view *zone_a = ref_a ? zone_view_at(&control->slab, ref_a) : NULL;
        const struct zone_view *zone_b = ref_b ? zone_view_at(&control->slab, ref_b) : NULL;
        int order = !zone_a ? 1 : !zone_b ? -1 : name_compare(zone_a->origin, zone_b->origin);
        if (order == 0) {
            diff.zone_a = zone_a->zone;
            diff.zone_b = zone_b->zone;
            diff_trees(&diff, zone_a, zone_b);
        } else {
            tell_zone(&diff, order < 0 ? zone_a : zone_b, order < 0);
        }
        ref_a = order <= 0 ? qp_iter_next(&iter_a) : ref_a;
        ref_b = order >= 0 ? qp_iter_next(&iter_b) : ref_b;
    }
    return diff.count;
}
