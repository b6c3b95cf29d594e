/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The names of services in the trees of the views. Views that see a service alike share its nodes,
 * and whole trees where those were one before.
 */
#include "control/service_build.h"

#include "base/error.h"

/* --- the views -----------------------------------------------------------------------------------
 */

/* The zone that has the name in a view; false: none, or not loaded, or the name is its apex. */
bool slot_find(const struct names_target *target, const uint8_t *name, unsigned view,
               struct slot *out)
{
    struct qp_space space;
    struct qp_name absolute;
    qp_name_init(&absolute, &space, name, name_len(name) - 1);
    ref_t ref = qp_find_longest(target->txn->slab, target->views[view], &absolute, false);
    const struct zone_view *zone = ref ? zone_view_at(target->txn->slab, ref) : NULL;
    if (!zone || !(zone->head.flags & ZONE_VIEW_LOADED) || zone->origin_labels == absolute.labels ||
        (target->zone != UINT32_MAX && zone->zone != target->zone)) {
        return false;
    }
    *out = (struct slot){
        .wanted = true, .zone = zone->zone, .origin_len = zone->origin_len, .root = zone->root};
    return true;
}

static struct zone_view *slot_touch(const struct names_target *target, const struct slot *slot,
                                    unsigned view, int *ret_err)
{
    struct qp_space space;
    struct qp_name origin;
    struct twig *leaf;
    const uint8_t *name = target->desired->zones[slot->zone].origin;
    qp_name_init(&origin, &space, name, name_len(name) - 1);
    *ret_err = qp_touch(target->txn, &target->views[view], &origin, &leaf);
    return *ret_err == ERR_OK ? slab_at(target->txn->slab, leaf->ref) : NULL;
}

static bool root_same(struct twig a, struct twig b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Do two views see every instance alike? */
static bool views_alike(const struct desired *desired, const struct service_entry *entry,
                        unsigned a, unsigned b)
{
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        for (unsigned k = 0; instance && k < instance->address_count; k++) {
            if (address_shown(desired, instance, k, a) != address_shown(desired, instance, k, b)) {
                return false;
            }
        }
    }
    return true;
}

/* Gives up one reference to a node that no reader has seen; needs no memory. */
static void node_release(struct txn *txn, ref_t ref)
{
    struct retired garbage = {0};
    slab_release(txn->slab, ref, &garbage);
    slab_reclaim(txn->slab, &garbage);
}

/* Does the tree have all of it already? */
static bool jobs_stand(const struct build *build, struct twig root)
{
    const struct slab *slab = build->target->txn->slab;
    for (uint32_t i = 0; i < build->job_count; i++) {
        struct qp_space space;
        struct qp_name name;
        const struct job *job = &build->jobs[i];
        qp_name_init(&name, &space, job->name, name_len(job->name) - build->origin_len);
        ref_t ref = qp_get(slab, root, &name);
        if (!ref || !node_same(node_at(slab, ref), node_at(slab, job->ref))) {
            return false;
        }
    }
    return true;
}

static int jobs_put(const struct build *build, struct zone_view *block)
{
    struct txn *txn = build->target->txn;
    for (uint32_t i = 0; i < build->job_count; i++) {
        struct qp_space space;
        struct qp_name name;
        const struct job *job = &build->jobs[i];
        qp_name_init(&name, &space, job->name, name_len(job->name) - build->origin_len);
        txn_retain(txn, job->ref);
        int err = qp_set(txn, &block->root, &name, job->ref, 0);
        if (err != ERR_OK) {
            node_release(txn, job->ref);
            return err;
        }
    }
    return ERR_OK;
}

/* The jobs into one view's tree, or the tree of another view of the group that was the same before.
 */
static int group_put(const struct build *build, struct slot *slots, unsigned first, unsigned view)
{
    struct txn *txn = build->target->txn;
    struct slot *slot = &slots[view];
    int err;
    struct zone_view *block = slot_touch(build->target, slot, view, &err);
    if (!block) {
        return err;
    }
    for (unsigned other = first; other < view; other++) {
        if (slots[other].done && slots[other].zone == slot->zone &&
            root_same(slots[other].root, slot->root) && !twig_empty(slots[other].made)) {
            err = txn_reserve(txn);
            if (err == ERR_OK) {
                txn_retain(txn, slots[other].made.ref);
                if (!twig_empty(block->root)) {
                    txn_drop(txn, block->root.ref);
                }
                block->root = slots[other].made;
            }
            return err;
        }
    }
    err = jobs_put(build, block);
    slot->made = block->root;
    return err;
}

/* One group of views that see the service alike; `first` is its first. */
static int group_build(struct build *build, struct slot *slots, unsigned first, bool all)
{
    const struct desired *desired = build->target->desired;
    build->view = first;
    build->slot = &slots[first];
    build->origin_len = slots[first].origin_len;
    int err = jobs_make(build, all);
    for (unsigned view = first; err == ERR_OK && view < desired->view_count; view++) {
        struct slot *slot = &slots[view];
        /* What the zone has beside the service may differ by view. */
        bool alike = view == first || (!build->service->over_zone &&
                                       views_alike(desired, build->run->entry, first, view));
        bool member =
            slot->wanted && !slot->done && alike && slot->origin_len == slots[first].origin_len;
        if (!member) {
            continue;
        }
        if (!jobs_stand(build, slot->root)) {
            err = group_put(build, slots, first, view);
        }
        slot->done = true;
    }
    for (uint32_t i = 0; i < build->job_count; i++) {
        node_release(build->target->txn, build->jobs[i].ref);
    }
    build->job_count = 0;
    return err;
}

/* A view's place in the masks that are kept: by its name, as a configuration may number its views
 * anew. VIEW_NONE: no memory. */
static unsigned view_place(struct services *services, const struct desired *desired,
                           const char *name)
{
    unsigned free_place = services->view_count;
    for (unsigned i = 0; i < services->view_count; i++) {
        if (strcmp(services->view_names[i], name) == 0) {
            return i;
        }
        if (desired_view_find(desired, services->view_names[i]) == VIEW_NONE) {
            free_place = i;
        }
    }
    char *copy = mem_copy_text(services->alloc, name);
    if (!copy || free_place >= LIMIT_VIEWS) {
        mem_free(services->alloc, copy);
        return VIEW_NONE;
    }
    if (free_place == services->view_count) {
        services->view_count++;
    } else { /* a view that is configured no more: what was in it is forgotten */
        uint64_t others = ~(UINT64_C(1) << free_place);
        mem_free(services->alloc, services->view_names[free_place]);
        lingers_mask(services, others);
        for (struct service_entry *at = registry_first(services->registry); at;
             at = registry_after(services->registry, at)) {
            struct service_run *run = service_run(at);
            if (run) {
                run->views &= others;
            }
        }
    }
    services->view_names[free_place] = copy;
    return free_place;
}

unsigned view_place_find(const struct services *services, const char *name)
{
    unsigned i = 0;
    while (i < services->view_count && strcmp(services->view_names[i], name) != 0) {
        i++;
    }
    return i < services->view_count ? i : (unsigned)VIEW_NONE;
}

/* A mask that is kept as one of the configuration's views, and the other way. */
static uint64_t views_from_kept(struct services *services, const struct desired *desired,
                                uint64_t kept)
{
    uint64_t views = 0;
    for (unsigned view = 0; kept && view < desired->view_count; view++) {
        unsigned place = view_place(services, desired, desired->views[view].name);
        views |= place != VIEW_NONE && kept >> place & 1 ? UINT64_C(1) << view : 0;
    }
    return views;
}

static uint64_t views_to_kept(struct services *services, const struct desired *desired,
                              uint64_t views)
{
    uint64_t kept = 0;
    for (unsigned view = 0; view < desired->view_count; view++) {
        unsigned place = views >> view & 1
                             ? view_place(services, desired, desired->views[view].name)
                             : (unsigned)VIEW_NONE;
        kept |= place != VIEW_NONE ? UINT64_C(1) << place : 0;
    }
    return kept;
}

/* Views in which the service exists now: where an instance has an address; without any instance the
 * internal ones. */
static uint64_t views_shown(const struct names_target *target, const struct service_entry *entry)
{
    uint64_t views = 0, internal = 0;
    uint32_t there = 0;
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        there += instance != NULL;
        for (unsigned view = 0; instance && view < target->desired->view_count; view++) {
            views |= instance_shown(target->desired, instance, view) ? UINT64_C(1) << view : 0;
        }
    }
    for (unsigned view = 0; view < target->desired->view_count; view++) {
        internal |= target->desired->views[view].internal ? UINT64_C(1) << view : 0;
    }
    return there == 0 ? internal : views;
}

/* Those, and where it was within the hour. */
static uint64_t service_views(struct services *services, const struct names_target *target,
                              struct service_run *run)
{
    uint64_t shown = views_shown(target, run->entry);
    uint64_t kept = views_to_kept(services, target->desired, shown);
    uint64_t left = run->views & ~kept;
    if (left & ~run->views_left) {
        timer_set(&services->timers, &run->left,
                  mono_add(services->now, duration_from_ms(LINGER_MS)));
    }
    run->views_left = left;
    run->views |= kept;
    return shown | views_from_kept(services, target->desired, left);
}

void service_room_init(struct services *services)
{
    arena_init(&services->arena, services->alloc);
    buf_init(&services->policy, services->alloc);
    node_draft_init(&services->draft, services->alloc);
}

/* Room for `count` instances. */
static int room_make(struct services *services, uint32_t count)
{
    if (services->room >= count) {
        return ERR_OK;
    }
    uint32_t room = count * 2;
    struct candidate *candidates =
        mem_resize(services->alloc, services->candidates, room * sizeof(*candidates));
    if (!candidates) {
        return ERR_NOMEM;
    }
    services->candidates = candidates;
    const struct instance_entry **entries =
        mem_resize(services->alloc, services->entries, room * sizeof(void *));
    if (!entries) {
        return ERR_NOMEM;
    }
    services->entries = entries;
    services->room = room;
    return ERR_OK;
}

void service_room_free(struct services *services)
{
    mem_free(services->alloc, services->candidates);
    mem_free(services->alloc, services->entries);
    mem_free(services->alloc, services->jobs);
    arena_deinit(&services->arena);
    buf_deinit(&services->policy);
    node_draft_deinit(&services->draft);
}

int service_names_put(struct services *services, const struct names_target *target,
                      struct service_run *run, bool all)
{
    struct slot slots[LIMIT_VIEWS]; /* as many as there are views */
    uint32_t view_count = target->desired->view_count;
    int err = room_make(services, run->entry->instance_count + 1);
    struct build build = {.services = services,
                          .target = target,
                          .run = run,
                          .service = service_now(run->entry),
                          .ttl_s = service_ttl(run),
                          .candidates = services->candidates,
                          .entries = services->entries,
                          .jobs = services->jobs,
                          .job_cap = services->job_room,
                          .arena = services->arena,
                          .policy = services->policy,
                          .draft = services->draft};
    arena_clear(&build.arena);
    node_draft_clear(&build.draft);
    for (uint32_t i = 0; i < run->entry->instance_count; i++) {
        struct instance_run *instance = instance_run(run->entry->instances[i]);
        if (instance) {
            instance->answered = false;
        }
    }
    uint64_t views = service_views(services, target, run);
    if (err == ERR_OK) {
        sites_judge(services, target->desired, run, views, build.candidates, build.entries);
    }
    for (unsigned view = 0; view < view_count; view++) {
        slots[view] = (struct slot){.wanted = false};
        if (views >> view & 1) {
            slot_find(target, build.service->name, view, &slots[view]);
        }
    }
    for (unsigned view = 0; err == ERR_OK && view < view_count; view++) {
        if (slots[view].wanted && !slots[view].done) {
            err = group_build(&build, slots, view, all);
        }
    }
    services->arena = build.arena; /* what it has is used again */
    services->policy = build.policy;
    services->draft = build.draft;
    services->jobs = build.jobs;
    services->job_room = build.job_cap;
    return err;
}

const struct node *slot_node(const struct names_target *target, const struct slot *slot,
                             const uint8_t *name)
{
    struct qp_space space;
    struct qp_name relative;
    qp_name_init(&relative, &space, name, name_len(name) - slot->origin_len);
    ref_t ref = qp_get(target->txn->slab, slot->root, &relative);
    return ref ? node_at(target->txn->slab, ref) : NULL;
}

int slot_give_back(const struct names_target *target, const struct slot *slot, const uint8_t *name,
                   unsigned view)
{
    const struct zone_entry *zone = &target->zones[slot->zone];
    struct qp_space space;
    struct qp_name relative;
    int err;
    struct zone_view *block = slot_touch(target, slot, view, &err);
    if (block) {
        struct zone_tree tree = {.root = block->root,
                                 .wildcard = block->head.flags & ZONE_VIEW_WILDCARD};
        qp_name_init(&relative, &space, name, name_len(name) - slot->origin_len);
        err = zone_compile_name(target->txn, zone->desired, &zone->served.base, &zone->served.edits,
                                view, &relative, &tree);
        block->root = tree.root;
    }
    return err;
}

int slot_set(const struct names_target *target, const struct slot *slot, const uint8_t *name,
             unsigned view, struct node_draft *draft)
{
    struct qp_space space;
    struct qp_name relative;
    ref_t ref = 0;
    qp_name_init(&relative, &space, name, name_len(name) - slot->origin_len);
    int err = node_encode(target->txn, relative.wire, relative.len, draft, &ref, NULL);
    struct zone_view *block = err == ERR_OK ? slot_touch(target, slot, view, &err) : NULL;
    if (block) {
        err = qp_set(target->txn, &block->root, &relative, ref, 0);
    }
    if (err != ERR_OK && ref) {
        node_release(target->txn, ref);
    }
    return err;
}

int name_give_back(struct services *services, const struct names_target *target,
                   const uint8_t *name)
{
    int err = ERR_OK;
    (void)services;
    for (unsigned view = 0; err == ERR_OK && view < target->desired->view_count; view++) {
        struct slot slot;
        const struct node *node =
            slot_find(target, name, view, &slot) ? slot_node(target, &slot, name) : NULL;
        if (node && node->head.flags & NODE_SERVICE) {
            err = slot_give_back(target, &slot, name, view);
        }
    }
    return err;
}

/* A node of the name and nothing in it. */
static int nothing_put(struct services *services, const struct names_target *target,
                       const struct slot *slot, const uint8_t *name, unsigned view)
{
    const struct policy policy = {.negative_ttl_s = LIMIT_REGISTRY_NEGATIVE_TTL_S};
    struct node_draft draft;
    struct buf rdata;
    buf_init(&rdata, services->alloc);
    node_draft_init(&draft, services->alloc);
    int err = policy_encode(&rdata, &policy, NULL);
    if (err == ERR_OK) {
        err = node_draft_add(&draft, TYPE_POLICY, 1, rdata.data, (uint16_t)rdata.len);
    }
    err = err == ERR_OK ? slot_set(target, slot, name, view, &draft) : err;
    node_draft_deinit(&draft);
    buf_deinit(&rdata);
    return err;
}

int linger_put(struct services *services, const struct names_target *target,
               const struct linger *linger)
{
    int err = ERR_OK;
    uint64_t views = views_from_kept(services, target->desired, linger->views);
    for (unsigned view = 0; err == ERR_OK && view < target->desired->view_count; view++) {
        struct slot slot;
        if (views >> view & 1 && slot_find(target, linger->name, view, &slot)) {
            err = nothing_put(services, target, &slot, linger->name, view);
        }
    }
    return err;
}

/* --- carrying names that nobody knows any more ---------------------------------------------------
 */

/* Registered names of one old zone into the new one of the same origin. What the new view may not
 * hand out stays behind. */
static int zone_carry(const struct names_target *target, const struct zone_view *old, unsigned view)
{
    const struct slab *slab = target->txn->slab;
    struct qp_space space;
    struct qp_name origin;
    struct qp_iter iter;
    int err = ERR_OK;
    qp_name_init(&origin, &space, old->origin, old->origin_len - 1u);
    ref_t ref = qp_get(slab, target->views[view], &origin);
    const struct zone_view *new = ref ? zone_view_at(slab, ref) : NULL;
    if (!new || !(new->head.flags &ZONE_VIEW_LOADED) || twig_empty(old->root) ||
        (target->zone != UINT32_MAX && new->zone != target->zone) ||
        root_same(new->root, old->root)) {
        return ERR_OK;
    }
    const struct slot slot = {.zone = new->zone};
    qp_iter_init(&iter, slab, old->root);
    for (ref_t leaf; err == ERR_OK && (leaf = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(slab, leaf);
        bool leaks = node->head.flags & NODE_PRIVATE && !target->desired->views[view].internal;
        if (!(node->head.flags & NODE_SERVICE) || leaks) {
            continue;
        }
        struct qp_space name_space;
        struct qp_name name;
        qp_name_init(&name, &name_space, node->name, node_name_len(node));
        struct zone_view *block = slot_touch(target, &slot, view, &err);
        if (block) {
            txn_retain(target->txn, leaf);
            err = qp_set(target->txn, &block->root, &name, leaf, 0);
            if (err != ERR_OK) {
                node_release(target->txn, leaf);
            }
        }
    }
    return err;
}

/* From what is served now into the target's trees, view by view of the same name. */
static int names_carry(const struct services *services, const struct names_target *target)
{
    const struct control *control = services->control;
    int err = ERR_OK;
    for (unsigned view = 0; err == ERR_OK && view < target->desired->view_count; view++) {
        unsigned old = control->desired
                           ? desired_view_find(control->desired, target->desired->views[view].name)
                           : VIEW_NONE;
        struct qp_iter iter;
        if (old == VIEW_NONE) {
            continue;
        }
        qp_iter_init(&iter, target->txn->slab, control->views[old]);
        for (ref_t ref; err == ERR_OK && (ref = qp_iter_next(&iter)) != 0;) {
            err = zone_carry(target, zone_view_at(target->txn->slab, ref), view);
        }
    }
    return err;
}

int services_put_all(struct services *services, const struct names_target *target)
{
    int err = services->lost ? names_carry(services, target) : ERR_OK;
    for (const struct linger *at = services->lingers; at && err == ERR_OK; at = at->next) {
        err = linger_put(services, target, at);
    }
    for (struct service_entry *at = registry_first(services->registry); at && err == ERR_OK;
         at = registry_after(services->registry, at)) {
        bool here = target->zone == UINT32_MAX ||
                    name_in_zone(at->name, target->zones[target->zone].desired->origin);
        if (here && service_now(at) && service_run(at)) {
            err = service_names_put(services, target, service_run(at), true);
        }
    }
    return err == ERR_OK ? reverses_put_all(services, target) : err;
}
