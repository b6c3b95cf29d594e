/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/state.h"

#include "base/error.h"
#include "dns/name.h"
#include "failover/guard.h"
#include "snapshot/check.h"
#include "snapshot/leak.h"

/* --- making --------------------------------------------------------------------------------------
 */

static int records_copy(const struct alloc *alloc, const struct records *from, struct records *to)
{
    struct records_iter iter;
    struct record record;
    records_init(to, alloc);
    for (uint16_t i = 0; i < from->file_count; i++) {
        int index = records_add_file(to, from->files[i]);
        if (index < 0) {
            return index;
        }
    }
    records_iter_init(&iter, from);
    while (records_iter_next(&iter, &record)) {
        int err = records_append(to, &record);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* Places for the overlay files of a desired zone, empty. */
static int overlay_files_new(struct control *control, const struct desired_zone *zone,
                             struct version *out)
{
    uint32_t count = zone->overlay_count;
    out->overlay_files =
        mem_new_zero(control->alloc, count ? count : 1, sizeof(*out->overlay_files));
    if (!out->overlay_files) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        records_init(&out->overlay_files[i].records, control->alloc);
    }
    out->overlay_file_count = count;
    return ERR_OK;
}

static int overlay_file_fill(struct control *control, struct overlay_file *file, const char *path,
                             const struct records *records)
{
    file->path = mem_copy_text(control->alloc, path);
    return file->path ? records_copy(control->alloc, records, &file->records) : ERR_NOMEM;
}

static int overlay_files_copy(struct control *control, const struct desired_zone *zone,
                              const struct zone_content *content, struct version *out)
{
    int err = overlay_files_new(control, zone, out);
    for (uint32_t i = 0; err == ERR_OK && i < zone->overlay_count; i++) {
        if (zone->overlays[i].file && i < content->overlay_count) {
            err = overlay_file_fill(control, &out->overlay_files[i], zone->overlays[i].file,
                                    &content->overlays[i]);
        }
    }
    return err;
}

static const struct records *overlay_file_find(const struct version *version, const char *path)
{
    for (uint32_t i = 0; version && i < version->overlay_file_count; i++) {
        const struct overlay_file *file = &version->overlay_files[i];
        if (file->path && strcmp(file->path, path) == 0) {
            return &file->records;
        }
    }
    return NULL;
}

static int version_edits(struct control *control, const struct desired_zone *zone,
                         struct version *version, struct diag_list *diags)
{
    uint32_t count = version->overlay_file_count;
    struct records *files = mem_new_zero(control->alloc, count ? count : 1, sizeof(*files));
    if (!files) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        files[i] = version->overlay_files[i].records; /* only read */
    }
    int err = zone_edits_build(control->alloc, zone, files, count, diags, &version->edits);
    mem_free(control->alloc, files);
    return err;
}

int version_overlays_again(struct control *control, const struct desired_zone *zone,
                           const struct version *from, const struct version *other,
                           struct version *out, struct diag_list *diags)
{
    int err = overlay_files_new(control, zone, out);
    for (uint32_t i = 0; err == ERR_OK && i < zone->overlay_count; i++) {
        const char *path = zone->overlays[i].file;
        const struct records *records = path ? overlay_file_find(from, path) : NULL;
        records = path && !records ? overlay_file_find(other, path) : records;
        if (path && !records) {
            diag_add(diags, SEVERITY_ERROR, zone->overlays[i].place,
                     "mend the zone's files first, they are loaded together",
                     "the overlay file %s was never loaded", path);
            return ERR_INVALID;
        }
        err = records ? overlay_file_fill(control, &out->overlay_files[i], path, records) : ERR_OK;
    }
    return err == ERR_OK ? version_edits(control, zone, out, diags) : err;
}

static int base_make(struct control *control, const struct desired_zone *zone,
                     const struct records *records, const struct zone_base *old,
                     struct zone_base *out, struct diag_list *diags)
{
    struct txn txn;
    struct findings findings;
    findings_init(&findings, control->alloc, zone->origin);
    txn_begin(&txn, &control->slab, control->alloc);
    int err = zone_base_build(&txn, zone->origin, records, old, &findings, out);
    if (err == ERR_OK || err == ERR_INVALID) {
        zone_check_tree(&control->slab, out->root, zone->origin, &findings);
        err = findings.errors ? ERR_INVALID : err;
    }
    findings_settle(&findings, records, zone->file, diags);
    findings_deinit(&findings);
    if (err == ERR_OK) {
        txn_commit(&txn, &control->retired);
        return ERR_OK;
    }
    struct retired garbage = {0};
    txn_abort(&txn, NULL, 0);
    if (!twig_empty(out->root)) {
        slab_release(&control->slab, out->root.ref, &garbage);
    }
    slab_reclaim(&control->slab, &garbage); /* no reader ever saw it */
    out->root = (struct twig){0};
    return err;
}

int version_make(struct control *control, const struct desired_zone *zone,
                 const struct zone_content *content, const struct zone_base *old,
                 struct version *out, struct diag_list *diags)
{
    *out = (struct version){.present = true};
    int err = base_make(control, zone, &content->base, old, &out->base, diags);
    if (err == ERR_OK) {
        err = overlay_files_copy(control, zone, content, out);
    }
    if (err == ERR_OK) {
        err = version_edits(control, zone, out, diags);
    }
    if (err != ERR_OK) {
        struct retired garbage = {0};
        version_drop(control, out, &garbage);
        slab_reclaim(&control->slab, &garbage);
    }
    return err;
}

void version_drop(struct control *control, struct version *version, struct retired *retired)
{
    if (!twig_empty(version->base.root)) {
        slab_release(&control->slab, version->base.root.ref, retired);
    }
    for (uint32_t i = 0; i < version->overlay_file_count; i++) {
        mem_free(control->alloc, version->overlay_files[i].path);
        records_deinit(&version->overlay_files[i].records);
    }
    mem_free(control->alloc, version->overlay_files);
    zone_edits_deinit(&version->edits);
    *version = (struct version){0};
}

/* --- compiling for the views ---------------------------------------------------------------------
 */

void trees_drop(struct slab *slab, const struct zone_tree *trees, uint32_t count)
{
    struct retired garbage = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (!twig_empty(trees[i].root)) {
            slab_release(slab, trees[i].root.ref, &garbage);
        }
    }
    slab_reclaim(slab, &garbage);
}

int version_compile(struct control *control, struct txn *txn, const struct desired *desired,
                    const struct desired_zone *zone, const struct zone_base *base,
                    const struct zone_edits *edits, const struct records *records,
                    struct zone_tree *trees, struct diag_list *diags)
{
    struct findings findings;
    int err = ERR_OK;
    uint64_t views = 0;
    findings_init(&findings, control->alloc, zone->origin);
    for (uint32_t view = 0; view < desired->view_count; view++) {
        trees[view] = (struct zone_tree){0};
        if (!(zone->only >> view & 1)) {
            continue;
        }
        views |= UINT64_C(1) << view;
        if (err == ERR_OK || err == ERR_INVALID) {
            int view_err = zone_compile_view(txn, zone, base, edits, view, &findings, &trees[view]);
            err = view_err != ERR_OK ? view_err : err;
        }
    }
    if (err == ERR_OK) {
        err = zone_guard_addresses(&control->slab, desired, zone, base, edits, trees, views,
                                   &findings);
    }
    findings_settle(&findings, records, zone->file, diags);
    findings_deinit(&findings);
    if (err != ERR_OK) {
        trees_drop(&control->slab, trees, desired->view_count);
    }
    return err;
}

static int zone_put_view(struct txn *txn, const struct desired_zone *zone, uint32_t index,
                         const struct zone_tree *tree, struct twig *view)
{
    struct qp_space space;
    struct qp_name name;
    ref_t ref;
    unsigned flags = (zone->registry ? ZONE_VIEW_REGISTRY : 0u) |
                     (zone->registry_below_count ? ZONE_VIEW_REGISTRY_BELOW : 0u);
    flags |= !tree ? 0u : ZONE_VIEW_LOADED | (tree->wildcard ? ZONE_VIEW_WILDCARD : 0u);
    int err = zone_view_new(txn, zone->origin, index, flags, &ref);
    if (err != ERR_OK) {
        return err;
    }
    struct zone_view *block = slab_at(txn->slab, ref);
    qp_name_init(&name, &space, zone->origin, name_len(zone->origin) - 1);
    err = qp_set(txn, view, &name, ref, 0);
    if (err == ERR_OK) {
        block->root = tree ? tree->root : (struct twig){0};
        return ERR_OK;
    }
    struct retired garbage = {0};
    slab_release(txn->slab, ref, &garbage);
    slab_reclaim(txn->slab, &garbage);
    return err;
}

int zone_put(struct txn *txn, const struct desired_zone *zone, uint32_t index, uint32_t view_count,
             const struct zone_tree *trees, struct twig *views)
{
    int err = ERR_OK;
    struct retired garbage = {0};
    for (uint32_t view = 0; view < view_count; view++) {
        if (!(zone->only >> view & 1)) {
            continue;
        }
        if (err == ERR_OK) {
            err = zone_put_view(txn, zone, index, trees ? &trees[view] : NULL, &views[view]);
            if (err == ERR_OK) {
                continue;
            }
        }
        if (trees && !twig_empty(trees[view].root)) {
            slab_release(txn->slab, trees[view].root.ref, &garbage);
        }
    }
    slab_reclaim(txn->slab, &garbage);
    return err;
}

/* --- the reload guard ----------------------------------------------------------------------------
 */

static const struct node *apex_of(const struct control *control, const struct zone_base *base)
{
    static const struct qp_name apex = {.wire = (const uint8_t *)""};
    ref_t ref = qp_get(&control->slab, base->root, &apex);
    return ref ? node_at(&control->slab, ref) : NULL;
}

static bool ns_listed(const struct node *apex, const uint8_t *target)
{
    const struct rrset *ns = apex ? node_find(apex, TYPE_NS) : NULL;
    const uint8_t *at = ns ? rrset_data(apex, ns) : NULL;
    for (unsigned i = 0; ns && i < ns->count; i++) {
        uint16_t len;
        if (name_equal(rdata_next(ns, &at, &len), target)) {
            return true;
        }
    }
    return false;
}

static uint64_t names_gone(const struct control *control, const struct zone_base *old,
                           const struct zone_base *new)
{
    struct qp_iter iter;
    uint64_t gone = 0;
    qp_iter_init(&iter, &control->slab, old->root);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        struct qp_leaf_name leaf = qp_leaf_name(&control->slab, ref);
        struct qp_space space;
        struct qp_name name;
        qp_name_init(&name, &space, leaf.wire, leaf.len);
        gone += qp_get(&control->slab, new->root, &name) == 0;
    }
    return gone;
}

bool version_guard(const struct control *control, const struct zone_base *old,
                   const struct zone_base *new, char *reason, size_t size)
{
    const struct node *before = apex_of(control, old), *after = apex_of(control, new);
    const struct rrset *ns = before ? node_find(before, TYPE_NS) : NULL;
    struct guard_reload reload = {.names_before = old->names,
                                  .names_removed = names_gone(control, old, new),
                                  .ns_before = ns ? ns->count : 0,
                                  .only_apex = new->names == 1 && after && after->head.count <= 2,
                                  .limit_percent = control->limits.hold_removed_percent,
                                  .limit_names = control->limits.hold_removed_names};
    const uint8_t *at = ns ? rrset_data(before, ns) : NULL;
    for (unsigned i = 0; ns && i < ns->count; i++) {
        uint16_t len;
        reload.ns_kept += ns_listed(after, rdata_next(ns, &at, &len));
    }
    return guard_reload_holds(&reload, reason, size);
}
