/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/service_state.h"

#include "control/superseded.h"

#include "base/assert.h"
#include "base/error.h"
#include "dns/name.h"
#include "snapshot/leak.h"

#include <stdio.h>
#include <stdlib.h>

int control_new(const struct alloc *alloc, const struct slab_backing *backing, struct control **out)
{
    struct control *control = mem_new_zero(alloc, 1, sizeof(*control));
    if (!control) {
        return ERR_NOMEM;
    }
    control->alloc = alloc;
    slab_init(&control->slab, backing);
    *out = control;
    return ERR_OK;
}

static void entry_drop(struct control *control, struct zone_entry *entry, struct retired *retired)
{
    version_drop(control, &entry->served, retired);
    version_drop(control, &entry->held, retired);
    mem_free(control->alloc, entry->problem);
    mem_free(control->alloc, entry->origin_text);
}

void control_free(struct control *control)
{
    if (!control) {
        return;
    }
    struct retired garbage = {0};
    for (uint32_t i = 0; i < control->zone_count; i++) {
        entry_drop(control, &control->zones[i], &garbage);
    }
    mem_free(control->alloc, control->zones);
    mem_free(control->alloc, control->taken);
    mem_free(control->alloc, control->spare);
    mem_free(control->alloc, control);
}

void zone_problem_set(struct control *control, struct zone_entry *entry, const char *problem)
{
    mem_free(control->alloc, entry->problem);
    entry->problem = problem ? mem_copy_text(control->alloc, problem) : NULL;
}

/* --- snapshots -----------------------------------------------------------------------------------
 */

/* Before a change: memory for the snapshot that will show it to `view_count` views. */
static int snapshot_reserve(struct control *control, uint32_t view_count)
{
    if (control->spare && control->spare->snapshot.view_count >= view_count) {
        return ERR_OK;
    }
    struct taken *spare =
        mem_new_zero(control->alloc, 1, sizeof(*spare) + view_count * sizeof(struct twig));
    if (!spare) {
        return ERR_NOMEM;
    }
    spare->snapshot.view_count = view_count;
    mem_free(control->alloc, control->spare);
    control->spare = spare;
    return ERR_OK;
}

static void changed(struct control *control)
{
    control->revision++;
    control->changed = true;
}

struct snapshot *control_take_snapshot(struct control *control)
{
    if (!control->changed) {
        return NULL;
    }
    uint32_t count = control->desired->view_count;
    struct taken *taken = control->spare;
    ASSERT(taken && taken->snapshot.view_count >= count);
    control->spare = NULL;
    taken->snapshot.generation = ++control->generation;
    taken->snapshot.revision = control->revision;
    taken->snapshot.slab = &control->slab;
    taken->snapshot.scope = control->scope;
    taken->snapshot.tree_bytes = control->slab.live_bytes;
    taken->snapshot.view_count = count;
    memcpy(taken->snapshot.views, control->views, count * sizeof(struct twig));
    if (control->taken) {
        control->taken->retired = control->retired;
        control->taken->next = taken;
        control->retired = (struct retired){0};
    } else {
        slab_reclaim(&control->slab, &control->retired); /* nobody has seen anything yet */
    }
    control->taken = taken;
    control->changed = false;
    return &taken->snapshot;
}

void control_ledger_set(struct control *control, struct ledger *ledger)
{
    control->ledger = ledger;
}

void control_retire(struct control *control, const struct snapshot *snapshot)
{
    struct taken *taken = (struct taken *)((uintptr_t)snapshot - offsetof(struct taken, snapshot));
    if (control->ledger) {
        superseded_note(control->ledger, snapshot, taken->next ? &taken->next->snapshot : NULL);
        superseded_forget(control->ledger, &control->slab, &taken->retired);
    }
    slab_reclaim(&control->slab, &taken->retired);
    if (taken == control->taken) {
        control->taken = NULL;
    }
    mem_free(control->alloc, taken);
}

/* --- changes of the trees of zones, all or nothing
 * ------------------------------------------------- */

struct edit {
    struct txn txn;
    struct twig views[LIMIT_VIEWS + 1]; /* the new trees; one place for a zone's base */
    struct twig old[LIMIT_VIEWS + 1];
    uint32_t view_count;
};

static void edit_begin(struct control *control, struct edit *edit, uint32_t view_count)
{
    txn_begin(&edit->txn, &control->slab, control->alloc);
    memcpy(edit->old, control->views, sizeof(control->views));
    memcpy(edit->views, control->views, sizeof(control->views));
    edit->view_count = view_count;
}

static void edit_commit(struct control *control, struct edit *edit)
{
    txn_commit(&edit->txn, &control->retired);
    memcpy(control->views, edit->views, sizeof(control->views));
    control->changed = true;
}

static void edit_abort(struct control *control, struct edit *edit)
{
    struct retired garbage = {0};
    txn_abort(&edit->txn, edit->old, edit->view_count);
    for (uint32_t i = 0; i < edit->view_count; i++) {
        if (!twig_empty(edit->views[i])) {
            slab_release(&control->slab, edit->views[i].ref, &garbage);
        }
    }
    slab_reclaim(&control->slab, &garbage);
}

/* Makes `trees` what the views see of zone i. Takes over their roots, also on failure. */
static int trees_serve(struct control *control, uint32_t index, struct edit *edit,
                       const struct zone_tree *trees)
{
    int err = zone_put(&edit->txn, control->zones[index].desired, index, edit->view_count, trees,
                       edit->views);
    if (err == ERR_OK && control->services) {
        const struct names_target target = {&edit->txn, control->desired, control->zones,
                                            edit->views, index};
        err = services_put_all(control->services, &target);
    }
    if (err != ERR_OK) {
        edit_abort(control, edit);
        return err;
    }
    edit_commit(control, edit);
    changed(control);
    return ERR_OK;
}

int control_trees_change(struct control *control, trees_change *change, struct services *services)
{
    struct edit edit;
    int err = snapshot_reserve(control, control->desired->view_count);
    if (err != ERR_OK) {
        return err;
    }
    edit_begin(control, &edit, control->desired->view_count);
    const struct names_target target = {&edit.txn, control->desired, control->zones, edit.views,
                                        UINT32_MAX};
    err = change(services, &target);
    if (err == ERR_OK) {
        edit_commit(control, &edit);
    } else {
        edit_abort(control, &edit);
    }
    return err;
}

int version_serve(struct control *control, uint32_t index, struct version *version,
                  const struct zone_tree *ready, const struct records *records, struct wall now,
                  struct diag_list *diags)
{
    struct zone_entry *entry = &control->zones[index];
    struct zone_tree trees[LIMIT_VIEWS];
    struct edit edit;
    uint32_t view_count = control->desired->view_count;
    int err = snapshot_reserve(control, view_count);
    if (err != ERR_OK) {
        trees_drop(&control->slab, ready, ready ? view_count : 0);
        return err;
    }
    edit_begin(control, &edit, view_count);
    if (!ready) {
        err = version_compile(control, &edit.txn, control->desired, entry->desired, &version->base,
                              &version->edits, records, trees, diags);
        if (err != ERR_OK) {
            edit_abort(control, &edit);
            return err;
        }
    }
    err = trees_serve(control, index, &edit, ready ? ready : trees);
    if (err != ERR_OK) {
        return err;
    }
    version_drop(control, &entry->served, &control->retired);
    entry->served = *version;
    entry->loaded_at = now;
    entry->state = ZONE_LOADED;
    entry->newest_failed = false;
    zone_problem_set(control, entry, NULL);
    *version = (struct version){0};
    return ERR_OK;
}

/* --- one zone ------------------------------------------------------------------------------------
 */

static void version_discard(struct control *control, struct version *version)
{
    struct retired garbage = {0};
    version_drop(control, version, &garbage);
    slab_reclaim(&control->slab, &garbage);
}

/* The first error after the first `skip` ones, as the sentence about a refused version. */
static const char *refusal_text(const struct diag_list *diags, uint32_t skip, int err)
{
    for (const struct diag *at = diags->first; at && diags->errors > skip; at = at->next) {
        if (at->severity == SEVERITY_ERROR && skip-- == 0) {
            return at->text;
        }
    }
    return error_text(err);
}

/* The old version, if any, goes on. */
static void zone_refused(struct control *control, struct zone_entry *entry, const char *problem)
{
    entry->state = entry->served.present ? ZONE_STALE : ZONE_UNLOADED;
    entry->newest_failed = true; /* a version held before still waits for a person */
    zone_problem_set(control, entry, problem);
}

/* Does the reload guard want a person to look first? Then the version is kept aside. */
static bool version_held(struct control *control, struct zone_entry *entry, struct version *version,
                         struct diag_list *diags)
{
    char reason[256];
    if (!entry->served.present ||
        !version_guard(control, &entry->served.base, &version->base, reason, sizeof(reason))) {
        return false;
    }
    char mend[NAME_TEXT_MAX + 64];
    snprintf(mend, sizeof(mend), "if that is meant: horizon reload --accept %s@%u",
             entry->origin_text, version->base.serial);
    diag_add(diags, SEVERITY_WARNING, (struct place){.file = entry->desired->file}, mend,
             "held: serial %u %s", version->base.serial, reason);
    version_drop(control, &entry->held, &control->retired);
    entry->held = *version;
    *version = (struct version){0};
    entry->state = ZONE_HELD;
    entry->newest_failed = false;
    zone_problem_set(control, entry, reason);
    return true;
}

int control_zone_loaded(struct control *control, uint32_t zone, const struct zone_content *content,
                        struct wall now, struct diag_list *diags)
{
    ASSERT(zone < control->zone_count);
    struct zone_entry *entry = &control->zones[zone];
    struct version version;
    uint32_t before = diags->errors;
    int err = version_make(control, entry->desired, content, &entry->served.base, &version, diags);
    if (err == ERR_AGAIN) {
        return err;
    }
    if (err == ERR_OK && version_held(control, entry, &version, diags)) {
        return ERR_HELD;
    }
    if (err == ERR_OK) {
        err = version_serve(control, zone, &version, NULL, &content->base, now, diags);
        if (err != ERR_OK) {
            version_discard(control, &version);
        } else {
            /* Readers may still see nodes that it shares with a version served before. */
            version_drop(control, &entry->held, &control->retired);
        }
    }
    if (err != ERR_OK) {
        zone_refused(control, entry, refusal_text(diags, before, err));
    }
    return err;
}

void control_zone_failed(struct control *control, uint32_t zone, const char *problem)
{
    ASSERT(zone < control->zone_count);
    zone_refused(control, &control->zones[zone], problem);
}

int control_accept(struct control *control, uint32_t zone, uint32_t serial, struct wall now,
                   struct diag_list *diags)
{
    struct zone_entry *entry = zone < control->zone_count ? &control->zones[zone] : NULL;
    if (!entry || !entry->held.present || entry->held.base.serial != serial) {
        return ERR_NOT_FOUND;
    }
    struct version version = entry->held;
    bool newest_failed = entry->newest_failed;
    char *problem = newest_failed ? entry->problem : NULL;
    entry->problem = newest_failed ? NULL : entry->problem;
    entry->held = (struct version){0};
    int err = version_serve(control, zone, &version, NULL, NULL, now, diags);
    if (err != ERR_OK) {
        entry->held = version;
    }
    if (newest_failed) {
        /* What was accepted is older than the file, which is still broken. */
        entry->state = entry->served.present ? ZONE_STALE : ZONE_UNLOADED;
        entry->newest_failed = true;
        entry->problem = problem;
    }
    return err;
}

/* --- the incremental path
 * -------------------------------------------------------------------------- */

static int change_views(struct control *control, struct edit *edit, uint32_t zone,
                        struct twig base_old, struct twig base_new, const struct qp_name *name,
                        struct zone_tree *trees)
{
    const struct zone_entry *entry = &control->zones[zone];
    struct qp_space space;
    struct qp_name origin;
    qp_name_init(&origin, &space, entry->desired->origin, name_len(entry->desired->origin) - 1);
    for (uint32_t view = 0; view < edit->view_count; view++) {
        trees[view] = (struct zone_tree){0};
        if (!(entry->desired->only >> view & 1)) {
            continue;
        }
        struct twig *leaf;
        int err = qp_touch(&edit->txn, &edit->views[view], &origin, &leaf);
        if (err != ERR_OK) {
            return err;
        }
        struct zone_view *block = slab_at(edit->txn.slab, leaf->ref);
        struct zone_tree tree = {.root = block->root,
                                 .wildcard = block->head.flags & ZONE_VIEW_WILDCARD};
        err = zone_compile_change(&edit->txn, entry->desired, base_old, base_new,
                                  &entry->served.edits, view, name, &tree);
        block->root = tree.root;
        block->head.flags = (uint8_t)((block->head.flags & ~ZONE_VIEW_WILDCARD) |
                                      (tree.wildcard ? (unsigned)ZONE_VIEW_WILDCARD : 0u));
        if (err != ERR_OK) {
            return err;
        }
        trees[view] = tree;
    }
    return ERR_OK;
}

static int change_guard(struct control *control, const struct zone_entry *entry,
                        const uint8_t *owner, const struct zone_tree *trees,
                        struct diag_list *diags)
{
    struct findings findings;
    findings_init(&findings, control->alloc, entry->desired->origin);
    int err =
        zone_guard_name(&control->slab, control->desired, entry->desired, owner, trees, &findings);
    findings_settle(&findings, NULL, NULL, diags);
    findings_deinit(&findings);
    return err;
}

int control_change_name(struct control *control, uint32_t zone, const uint8_t *owner,
                        const struct draft_record *records, uint32_t count, struct diag_list *diags)
{
    struct zone_entry *entry = zone < control->zone_count ? &control->zones[zone] : NULL;
    if (!entry || !entry->served.present || !name_in_zone(owner, entry->desired->origin)) {
        return ERR_NOT_FOUND;
    }
    struct edit edit;
    struct node_draft draft;
    struct qp_space space;
    struct qp_name name;
    struct zone_base base = entry->served.base;
    struct zone_tree trees[LIMIT_VIEWS];
    int err = snapshot_reserve(control, control->desired->view_count);
    qp_name_init(&name, &space, owner, name_len(owner) - name_len(entry->desired->origin));
    node_draft_init(&draft, control->alloc);
    for (uint32_t i = 0; err == ERR_OK && i < count; i++) {
        err = node_draft_add(&draft, records[i].type, records[i].ttl, records[i].rdata,
                             records[i].len);
    }
    edit_begin(control, &edit, control->desired->view_count);
    if (err == ERR_OK) {
        err = zone_base_change(&edit.txn, &base, &name, &draft);
    }
    if (err == ERR_OK) {
        err = change_views(control, &edit, zone, entry->served.base.root, base.root, &name, trees);
    }
    if (err == ERR_OK) {
        err = change_guard(control, entry, owner, trees, diags);
    }
    node_draft_deinit(&draft);
    if (err == ERR_OK) {
        edit_commit(control, &edit);
        changed(control);
        entry->served.base = base;
        return ERR_OK;
    }
    edit.old[edit.view_count] = entry->served.base.root;
    edit.views[edit.view_count] = base.root;
    edit.view_count++;
    edit_abort(control, &edit);
    return err;
}

/* --- a whole configuration
 * -------------------------------------------------------------------------- */

enum {
    CARRIED_SERVED = 1,
    CARRIED_HELD = 2
};

struct reload {
    struct control *control;
    const struct desired *desired;
    const struct zone_content *const *contents;
    struct zone_entry *zones;   /* the new entries */
    struct zone_entry **from;   /* the old entry each came from, or NULL */
    struct zone_entry **sorted; /* the old entries by origin and file */
    uint8_t *carried;           /* ... and whose base trees it goes on with: CARRIED_* */
    struct txn txn;
    struct twig views[LIMIT_VIEWS];
    struct wall now;
    struct diag_list *diags;
};

static int zone_order(const struct desired_zone *a, const struct desired_zone *b)
{
    int diff = name_compare(a->origin, b->origin);
    return diff ? diff : strcmp(a->file, b->file);
}

static int entry_order(const void *left, const void *right)
{
    const struct zone_entry *const *a = left, *const *b = right;
    return zone_order((*a)->desired, (*b)->desired);
}

/* The old entries in an order that can be searched: reloads have as many zones as their author
 * likes.
 */
static int reload_sort(struct reload *reload)
{
    struct control *control = reload->control;
    uint32_t count = control->zone_count;
    reload->sorted = mem_new_zero(control->alloc, count ? count : 1, sizeof(struct zone_entry *));
    if (!reload->sorted) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        control->zones[i].matched = false;
        reload->sorted[i] = &control->zones[i];
    }
    if (count > 0) {
        qsort(reload->sorted, count, sizeof(struct zone_entry *), entry_order);
    }
    return ERR_OK;
}

/* The old entry of the same zone: same origin and file, not taken by another yet. */
static struct zone_entry *entry_match(const struct reload *reload, const struct desired_zone *zone)
{
    uint32_t low = 0, high = reload->control->zone_count, count = high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone_order(reload->sorted[middle]->desired, zone) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count && zone_order(reload->sorted[low]->desired, zone) == 0; low++) {
        if (!reload->sorted[low]->matched) {
            reload->sorted[low]->matched = true;
            return reload->sorted[low];
        }
    }
    return NULL;
}

static int reload_entry(struct reload *reload, uint32_t index)
{
    struct control *control = reload->control;
    struct zone_entry *entry = &reload->zones[index];
    char text[NAME_TEXT_MAX];
    entry->desired = &reload->desired->zones[index];
    entry->origin_text = mem_copy_text(control->alloc, name_to_text(entry->desired->origin, text));
    if (!entry->origin_text) {
        return ERR_NOMEM;
    }
    struct zone_entry *old = entry_match(reload, entry->desired);
    reload->from[index] = old;
    entry->state = old ? old->state : ZONE_UNLOADED;
    entry->newest_failed = old && old->newest_failed;
    entry->loaded_at = old ? old->loaded_at : (struct wall){0};
    zone_problem_set(control, entry, old ? old->problem : "not loaded yet");
    return ERR_OK;
}

/* New content for the zone: judged, and served if it passes. ERR_NOT_FOUND: the old version it is.
 */
static int reload_content(struct reload *reload, uint32_t index)
{
    struct control *control = reload->control;
    struct zone_entry *entry = &reload->zones[index], *old = reload->from[index];
    const struct zone_content *content = reload->contents ? reload->contents[index] : NULL;
    static const struct zone_base none;
    struct zone_tree trees[LIMIT_VIEWS];
    struct version version;
    uint32_t before = reload->diags->errors;
    if (!content) {
        return ERR_NOT_FOUND;
    }
    int err = version_make(control, entry->desired, content, old ? &old->served.base : &none,
                           &version, reload->diags);
    if (err == ERR_OK && old && old->served.present) {
        struct zone_entry probe = *entry;
        probe.served = old->served;
        probe.held = (struct version){0};
        if (version_held(control, &probe, &version, reload->diags)) {
            entry->held = probe.held;
            entry->state = ZONE_HELD;
            entry->newest_failed = false;
            entry->problem = probe.problem;
            return ERR_NOT_FOUND;
        }
    }
    if (err == ERR_OK) {
        err = version_compile(control, &reload->txn, reload->desired, entry->desired, &version.base,
                              &version.edits, &content->base, trees, reload->diags);
        if (err == ERR_OK) {
            err = zone_put(&reload->txn, entry->desired, index, reload->desired->view_count, trees,
                           reload->views);
            entry->served = version;
            entry->state = ZONE_LOADED;
            entry->newest_failed = false;
            entry->loaded_at = reload->now;
            zone_problem_set(control, entry, NULL);
            return err;
        }
        version_discard(control, &version);
    }
    if (err == ERR_INVALID || err == ERR_LIMIT) {
        entry->state = old && old->served.present ? ZONE_STALE : ZONE_UNLOADED;
        zone_problem_set(control, entry, refusal_text(reload->diags, before, err));
        return ERR_NOT_FOUND;
    }
    return err;
}

/* A version that still waits for a person, unless a newer one does. */
static int reload_carry_held(struct reload *reload, uint32_t index)
{
    struct zone_entry *entry = &reload->zones[index], *old = reload->from[index];
    if (entry->held.present || !old->held.present) {
        return ERR_OK;
    }
    entry->held.base = old->held.base;
    entry->held.present = true;
    reload->carried[index] |= CARRIED_HELD;
    return version_overlays_again(reload->control, entry->desired, &old->held, &old->served,
                                  &entry->held, reload->diags);
}

/* The version served so far, under the new configuration. */
static int reload_carry(struct reload *reload, uint32_t index)
{
    struct control *control = reload->control;
    struct zone_entry *entry = &reload->zones[index], *old = reload->from[index];
    struct zone_tree trees[LIMIT_VIEWS];
    uint32_t views = reload->desired->view_count;
    if (!old || !old->served.present) {
        return zone_put(&reload->txn, entry->desired, index, views, NULL, reload->views);
    }
    entry->served.base = old->served.base;
    entry->served.present = true;
    reload->carried[index] |= CARRIED_SERVED;
    int err = version_overlays_again(control, entry->desired, &old->served, &entry->held,
                                     &entry->served, reload->diags);
    if (err == ERR_OK) {
        err =
            version_compile(control, &reload->txn, reload->desired, entry->desired,
                            &entry->served.base, &entry->served.edits, NULL, trees, reload->diags);
    }
    if (err == ERR_OK) {
        err = zone_put(&reload->txn, entry->desired, index, views, trees, reload->views);
    }
    return err == ERR_OK ? reload_carry_held(reload, index) : err;
}

/* Takes the place of the old entries: what they still hold is moved or dropped. */
static void reload_commit(struct reload *reload)
{
    struct control *control = reload->control;
    for (uint32_t i = 0; i < reload->desired->zone_count; i++) {
        if (reload->carried[i] & CARRIED_SERVED) {
            reload->from[i]->served.base.root = (struct twig){0};
        }
        if (reload->carried[i] & CARRIED_HELD) {
            reload->from[i]->held.base.root = (struct twig){0};
        }
    }
    txn_commit(&reload->txn, &control->retired);
    for (uint32_t view = 0; view < LIMIT_VIEWS; view++) {
        if (!twig_empty(control->views[view])) {
            slab_release(&control->slab, control->views[view].ref, &control->retired);
        }
    }
    memcpy(control->views, reload->views, sizeof(control->views));
    for (uint32_t i = 0; i < control->zone_count; i++) {
        entry_drop(control, &control->zones[i], &control->retired);
    }
    mem_free(control->alloc, control->zones);
    control->zones = reload->zones;
    control->zone_count = reload->desired->zone_count;
    reload->zones = NULL;
}

static void reload_abort(struct reload *reload)
{
    struct control *control = reload->control;
    struct retired garbage = {0};
    txn_abort(&reload->txn, NULL, 0);
    for (uint32_t view = 0; view < LIMIT_VIEWS; view++) {
        if (!twig_empty(reload->views[view])) {
            slab_release(&control->slab, reload->views[view].ref, &garbage);
        }
    }
    for (uint32_t i = 0; reload->zones && i < reload->desired->zone_count; i++) {
        if (reload->carried && reload->carried[i] & CARRIED_SERVED) {
            reload->zones[i].served.base.root = (struct twig){0};
        }
        if (reload->carried && reload->carried[i] & CARRIED_HELD) {
            reload->zones[i].held.base.root = (struct twig){0};
        }
        entry_drop(control, &reload->zones[i], &garbage);
    }
    slab_reclaim(&control->slab, &garbage);
}

static int reload_zones(struct reload *reload)
{
    int err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < reload->desired->zone_count; i++) {
        err = reload_entry(reload, i);
        if (err == ERR_OK) {
            err = reload_content(reload, i);
        }
        if (err == ERR_NOT_FOUND) {
            err = reload_carry(reload, i);
        }
    }
    return err;
}

int control_reload(struct control *control, const struct desired *desired,
                   const struct scope *scope, const struct control_limits *limits,
                   const struct zone_content *const *contents, struct wall now,
                   struct diag_list *diags)
{
    uint32_t count = desired->zone_count ? desired->zone_count : 1;
    struct reload reload = {.control = control,
                            .desired = desired,
                            .contents = contents,
                            .now = now,
                            .diags = diags,
                            .zones = mem_new_zero(control->alloc, count, sizeof(*control->zones)),
                            .from =
                                mem_new_zero(control->alloc, count, sizeof(struct zone_entry *)),
                            .carried = mem_new_zero(control->alloc, count, 1)};
    struct control_limits old_limits = control->limits;
    control->limits = *limits;
    txn_begin(&reload.txn, &control->slab, control->alloc);
    int err = snapshot_reserve(control, desired->view_count);
    err = err == ERR_OK ? reload_sort(&reload) : err;
    if (err == ERR_OK) {
        err = reload.zones && reload.from && reload.carried ? reload_zones(&reload) : ERR_NOMEM;
    }
    if (err == ERR_OK && control->services) {
        const struct names_target target = {&reload.txn, desired, reload.zones, reload.views,
                                            UINT32_MAX};
        err = services_put_all(control->services, &target);
    }
    if (err == ERR_OK) {
        reload_commit(&reload);
        control->desired = desired;
        control->scope = scope;
        changed(control);
    } else {
        reload_abort(&reload);
        control->limits = old_limits;
    }
    mem_free(control->alloc, reload.zones);
    mem_free(control->alloc, reload.from);
    mem_free(control->alloc, reload.carried);
    mem_free(control->alloc, reload.sorted);
    return err;
}

int control_configure(struct control *control, const struct desired *desired,
                      const struct scope *scope, const struct control_limits *limits,
                      struct diag_list *diags)
{
    return control_reload(control, desired, scope, limits, NULL, (struct wall){0}, diags);
}

/* --- asking
 * ---------------------------------------------------------------------------------------- */

int control_zone_status(const struct control *control, uint32_t zone, struct zone_status *out)
{
    if (zone >= control->zone_count) {
        return ERR_NOT_FOUND;
    }
    const struct zone_entry *entry = &control->zones[zone];
    *out = (struct zone_status){
        .origin = entry->origin_text,
        .file = entry->desired->file,
        .state = entry->state,
        .serial = entry->served.base.serial,
        .held = entry->held.present,
        .held_serial = entry->held.base.serial,
        .names = entry->served.base.names,
        .records = entry->served.base.records,
        .only = entry->desired->only,
        .loaded_at = entry->loaded_at,
        .problem = entry->problem,
        .overlay_names = entry->served.edits.names,
    };
    return ERR_OK;
}

uint32_t control_zone_count(const struct control *control)
{
    return control->zone_count;
}

uint32_t control_zone_find(const struct control *control, const uint8_t *origin, unsigned view)
{
    for (uint32_t i = 0; i < control->zone_count; i++) {
        const struct desired_zone *zone = control->zones[i].desired;
        if (name_equal(zone->origin, origin) && (view == VIEW_NONE || zone->only >> view & 1)) {
            return i;
        }
    }
    return UINT32_MAX;
}

void control_memory(const struct control *control, struct control_memory *out)
{
    *out = (struct control_memory){.live_bytes = control->slab.live_bytes,
                                   .free_bytes = control->slab.free_bytes,
                                   .retired_bytes = control->slab.retired_bytes};
}
