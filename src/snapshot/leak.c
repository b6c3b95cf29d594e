/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/leak.h"

#include "base/error.h"
#include "dns/name.h"

struct guard {
    const struct slab *slab;
    const struct desired *desired;
    const struct desired_zone *zone;
    const struct zone_tree *trees;
    uint64_t views;
    struct findings *findings;
    uint64_t implicit_private; /* addresses seen in the implicit view */
    /* The name being looked at: */
    const uint8_t *owner;
    const struct zone_edit *edits; /* those of the name */
    uint32_t edit_count;
    struct place place; /* of the overlay that touched it in the view, or empty */
    unsigned view;
};

static bool exception_covers(const struct desired_exception *exception, const uint8_t *owner,
                             unsigned view, const struct address *address)
{
    if (!(exception->views >> view & 1) || !prefix_has(&exception->prefix, address)) {
        return false;
    }
    const uint8_t *name = exception->name;
    if (name[0] == 1 && name[1] == '*') {
        return name_in_zone(owner, name + 2) && !name_equal(owner, name + 2);
    }
    return name_equal(owner, name);
}

static bool leak_excepted(const struct desired *desired, unsigned view, const uint8_t *owner,
                          const struct address *address)
{
    for (uint32_t i = 0; i < desired->exception_count; i++) {
        if (exception_covers(&desired->exceptions[i], owner, view, address)) {
            return true;
        }
    }
    return false;
}

bool leak_allows(const struct desired *desired, unsigned view, const uint8_t *owner,
                 const struct address *address)
{
    return desired->views[view].internal || address_kind(address) == ADDRESS_PUBLIC ||
           leak_excepted(desired, view, owner, address);
}

static bool leak_address(void *ctx, uint16_t type, const struct address *address)
{
    struct guard *guard = ctx;
    const struct desired_view *view = &guard->desired->views[guard->view];
    enum address_kind kind = address_kind(address);
    if (kind == ADDRESS_PUBLIC) {
        return true;
    }
    if (view->implicit) {
        guard->implicit_private++;
        return true;
    }
    if (leak_excepted(guard->desired, guard->view, guard->owner, address)) {
        return true;
    }
    char text[ADDRESS_TEXT_BYTES], type_text[TYPE_TEXT_MAX];
    findings_add(
        guard->findings, SEVERITY_ERROR, guard->owner, type, guard->place,
        "put the address into an overlay of an internal view, mark the view `internal: true`, "
        "or add a leak-guard exception with its reason",
        "leak guard: view %s would hand out the %s address %s (%s)", view->name,
        address_kind_name(kind), address_to_text(address, text), type_to_text(type, type_text));
    return true;
}

static const struct node *view_node(const struct guard *guard, unsigned view,
                                    const struct qp_name *name)
{
    ref_t ref = qp_get(guard->slab, guard->trees[view].root, name);
    return ref ? node_at(guard->slab, ref) : NULL;
}

struct public_find {
    struct address address;
    uint16_t type;
    bool found;
};

static bool public_address(void *ctx, uint16_t type, const struct address *address)
{
    struct public_find *find = ctx;
    if (address_kind(address) != ADDRESS_PUBLIC) {
        return true;
    }
    *find = (struct public_find){.address = *address, .type = type, .found = true};
    return false;
}

/* The internal view in which the name has a private address, or VIEW_NONE. */
static unsigned private_twin(const struct guard *guard, const struct qp_name *name)
{
    for (unsigned view = 0; view < guard->desired->view_count; view++) {
        const struct node *node = guard->views >> view & 1 && guard->desired->views[view].internal
                                      ? view_node(guard, view, name)
                                      : NULL;
        if (node && node->head.flags & NODE_PRIVATE) {
            return view;
        }
    }
    return VIEW_NONE;
}

static void hairpin(struct guard *guard, const struct qp_name *name, unsigned twin)
{
    const struct desired_view *view = &guard->desired->views[guard->view];
    const struct node *node = view_node(guard, guard->view, name);
    if (!view->internal || view->implicit || !node || !(node->head.flags & NODE_PUBLIC)) {
        return;
    }
    struct public_find find = {.found = false};
    char text[ADDRESS_TEXT_BYTES], type[TYPE_TEXT_MAX];
    node_each_address(node, public_address, &find);
    if (find.found) {
        findings_add(
            guard->findings, SEVERITY_WARNING, guard->owner, find.type, guard->place,
            "replace the public address too, so that traffic stays inside",
            "hairpin: internal view %s hands out the public address %s (%s), though the name "
            "has a private one in view %s",
            view->name, address_to_text(&find.address, text), type_to_text(find.type, type),
            guard->desired->views[twin].name);
    }
}

static void view_enter(struct guard *guard, unsigned view)
{
    guard->view = view;
    guard->place = (struct place){0};
    for (uint32_t i = guard->edit_count; i-- > 0;) {
        if (guard->edits[i].views >> view & 1) {
            guard->place = guard->edits[i].place;
        }
    }
}

static void guard_name(struct guard *guard, const uint8_t *owner, const struct zone_edit *edits,
                       uint32_t edit_count)
{
    struct qp_space space;
    struct qp_name name;
    qp_name_init(&name, &space, owner, name_len(owner) - name_len(guard->zone->origin));
    guard->owner = owner;
    guard->edits = edits;
    guard->edit_count = edit_count;
    unsigned twin = private_twin(guard, &name);
    for (unsigned view = 0; view < guard->desired->view_count; view++) {
        if (!(guard->views >> view & 1)) {
            continue;
        }
        view_enter(guard, view);
        const struct node *node = view_node(guard, view, &name);
        if (node && node->head.flags & NODE_PRIVATE &&
            (!guard->desired->views[view].internal || guard->desired->views[view].implicit)) {
            node_each_address(node, leak_address, guard);
        }
        if (twin != VIEW_NONE) {
            hairpin(guard, &name, twin);
        }
    }
}

static bool address_count(void *ctx, uint16_t type, const struct address *address)
{
    (void)type;
    (void)address;
    ++*(uint64_t *)ctx;
    return true;
}

static uint64_t node_address_count(const struct node *node)
{
    const struct rrset *sets = node_rrsets(node);
    uint64_t count = 0;
    bool hints = false;
    for (unsigned i = 0; i < node->head.count; i++) {
        count += sets[i].type == TYPE_A || sets[i].type == TYPE_AAAA ? sets[i].count : 0u;
        hints = hints || sets[i].type == TYPE_SVCB || sets[i].type == TYPE_HTTPS;
    }
    if (hints) {
        count = 0;
        node_each_address(node, address_count, &count);
    }
    return count;
}

/* Most names of a base need no look at each view: nobody outside sees the zone, and nothing public
 * hides among the private addresses. Returns whether the name was settled that way. */
static bool guard_fast(struct guard *guard, const struct node *node)
{
    if (node->head.flags & NODE_PUBLIC) {
        return false;
    }
    for (unsigned view = 0; view < guard->desired->view_count; view++) {
        if (guard->views >> view & 1 && !guard->desired->views[view].internal) {
            return false;
        }
    }
    if (guard->desired->views[0].implicit) {
        guard->implicit_private += node_address_count(node); /* none of them is public */
    }
    return true;
}

static void guard_base(struct guard *guard, const struct zone_base *base,
                       const struct zone_edits *edits)
{
    struct qp_iter iter;
    qp_iter_init(&iter, guard->slab, base->root);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(guard->slab, ref);
        uint8_t owner[NAME_MAX];
        uint32_t count = 0;
        if (!(node->head.flags & NODE_PRIVATE) || (edits->count == 0 && guard_fast(guard, node))) {
            continue;
        }
        node_owner(node, guard->zone->origin, owner);
        zone_edits_find(edits, owner, &count);
        if (count == 0) {
            guard_name(guard, owner, NULL, 0);
        }
    }
}

int zone_guard_addresses(const struct slab *slab, const struct desired *desired,
                         const struct desired_zone *zone, const struct zone_base *base,
                         const struct zone_edits *edits, const struct zone_tree *trees,
                         uint64_t views, struct findings *findings)
{
    struct guard guard = {.slab = slab,
                          .desired = desired,
                          .zone = zone,
                          .trees = trees,
                          .views = views,
                          .findings = findings};
    guard_base(&guard, base, edits);
    for (uint32_t at = 0; at < edits->count;) {
        uint32_t count;
        zone_edits_find(edits, edits->edits[at].owner, &count);
        guard_name(&guard, edits->edits[at].owner, edits->edits + at, count);
        at += count;
    }
    if (guard.implicit_private) {
        findings_add(findings, SEVERITY_WARNING, zone->origin, 0, (struct place){0},
                     "write a configuration with an internal and an external view before anyone "
                     "outside may ask",
                     "%llu private address%s would be told to everyone",
                     (unsigned long long)guard.implicit_private,
                     guard.implicit_private == 1 ? "" : "es");
    }
    return findings->errors ? ERR_INVALID : ERR_OK;
}

int zone_guard_name(const struct slab *slab, const struct desired *desired,
                    const struct desired_zone *zone, const uint8_t *owner,
                    const struct zone_tree *trees, struct findings *findings)
{
    struct guard guard = {.slab = slab,
                          .desired = desired,
                          .zone = zone,
                          .trees = trees,
                          .views = zone->only,
                          .findings = findings};
    guard_name(&guard, owner, NULL, 0);
    return findings->errors ? ERR_REFUSED : ERR_OK;
}
