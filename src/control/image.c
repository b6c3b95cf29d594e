/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/image.h"

#include "base/error.h"
#include "base/pack.h"
#include "control/service_state.h"
#include "dns/name.h"
#include "snapshot/relocate.h"

#include <stdlib.h>
#include <string.h>

/* --- the rules of a zone, to compare ------------------------------------------------------------
 */

static void rules_pack_name(struct pack *pack, const uint8_t *name)
{
    pack_bytes(pack, name, name_len(name));
}

static void rules_pack_views(struct pack *pack, const struct desired *desired)
{
    pack_u32(pack, desired->view_count);
    for (uint32_t i = 0; i < desired->view_count; i++) {
        pack_text(pack, desired->views[i].name);
        pack_u8(pack, desired->views[i].internal);
        pack_u8(pack, desired->views[i].implicit);
    }
    pack_u32(pack, desired->exception_count);
    for (uint32_t i = 0; i < desired->exception_count; i++) {
        const struct desired_exception *exception = &desired->exceptions[i];
        rules_pack_name(pack, exception->name);
        pack_u64(pack, exception->views);
        pack_raw(pack, exception->prefix.base.bytes, sizeof(exception->prefix.base.bytes));
        pack_u32(pack, exception->prefix.bits);
    }
}

static void rules_pack_overlay(struct pack *pack, const struct desired_overlay *overlay)
{
    pack_u64(pack, overlay->views);
    pack_text(pack, overlay->file);
    pack_u32(pack, overlay->edit_count);
    for (uint32_t i = 0; i < overlay->edit_count; i++) {
        const struct desired_edit *edit = &overlay->edits[i];
        pack_u8(pack, (uint8_t)edit->op);
        rules_pack_name(pack, edit->owner);
        pack_u16(pack, edit->type);
        pack_text(pack, edit->text);
    }
}

/* May the trees hold registered names? Also those that were only carried along. */
static bool trees_have_services(const struct control *control)
{
    return services_have_names(control->services) || (control->services && control->services->lost);
}

/* Everything besides the records that decides what the views see of a zone. */
static void rules_pack(struct pack *pack, const struct control *control,
                       const struct desired_zone *zone, bool with_services)
{
    pack_text(pack, HORIZON_VERSION);
    rules_pack_views(pack, control->desired);
    pack_u8(pack, with_services);
    pack_u64(pack, zone->only);
    pack_u8(pack, zone->registry);
    pack_u8(pack, zone->registry_below_count > 0);
    pack_u32(pack, zone->subtree_count);
    for (uint32_t i = 0; i < zone->subtree_count; i++) {
        rules_pack_name(pack, zone->subtrees[i].name);
        pack_u64(pack, zone->subtrees[i].only);
    }
    pack_u32(pack, zone->overlay_count);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        rules_pack_overlay(pack, &zone->overlays[i]);
    }
}

/* --- the list of zones --------------------------------------------------------------------------
 *
 *   version, zones │ origin, file, rules, counts, base twig, views × (wildcard, twig), overlay
 *                  │ files × (path, files, records)
 */

enum {
    LIST_VERSION = 1
};

/* Where twigs stand in the packed list: they are led to the copies when those are made. */
struct image_plan {
    const struct alloc *alloc;
    const struct slab *slab;
    size_t units;        /* of the slab, when the plan was made */
    uint64_t live_bytes; /* then */
    struct pack list;
    size_t *twigs; /* offsets in the list */
    size_t twig_count, twig_cap;
};

static void plan_pack_twig(struct image_plan *plan, struct twig twig)
{
    if (plan->twig_count == plan->twig_cap) {
        size_t cap = plan->twig_cap * 2 + 64;
        size_t *grown = mem_resize(plan->alloc, plan->twigs, cap * sizeof(*grown));
        if (!grown) {
            plan->list.err = ERR_NOMEM;
            return;
        }
        plan->twigs = grown;
        plan->twig_cap = cap;
    }
    plan->twigs[plan->twig_count] = plan->list.buf.len;
    pack_raw(&plan->list, &twig, sizeof(twig));
    plan->twig_count += plan->list.err == ERR_OK;
}

static void pack_records(struct pack *pack, const struct records *records)
{
    struct records_iter iter;
    struct record record;
    pack_u32(pack, records->file_count);
    for (uint16_t i = 0; i < records->file_count; i++) {
        pack_text(pack, records->files[i]);
    }
    pack_u64(pack, records->count);
    records_iter_init(&iter, records);
    while (records_iter_next(&iter, &record)) {
        pack_bytes(pack, record.owner, name_len(record.owner));
        pack_u16(pack, record.type);
        pack_u32(pack, record.ttl);
        pack_u32(pack, record.line);
        pack_u16(pack, record.file);
        pack_bytes(pack, record.rdata, record.rdata_len);
    }
}

/* What a view has of a zone, as it is served. */
static struct zone_tree view_tree(const struct control *control, const struct desired_zone *zone,
                                  unsigned view)
{
    struct qp_space space;
    struct qp_name name;
    qp_name_init(&name, &space, zone->origin, name_len(zone->origin) - 1);
    ref_t ref = qp_get(&control->slab, control->views[view], &name);
    if (!ref || !(zone->only >> view & 1)) {
        return (struct zone_tree){0};
    }
    const struct zone_view *block = zone_view_at(&control->slab, ref);
    return (struct zone_tree){.root = block->root,
                              .wildcard = block->head.flags & ZONE_VIEW_WILDCARD};
}

static void plan_pack_zone(struct image_plan *plan, const struct control *control,
                           const struct zone_entry *entry)
{
    struct pack *list = &plan->list, rules;
    const struct zone_base *base = &entry->served.base;
    pack_init(&rules, plan->alloc);
    rules_pack(&rules, control, entry->desired, trees_have_services(control));
    rules_pack_name(list, entry->desired->origin);
    pack_text(list, entry->desired->file);
    pack_bytes(list, rules.buf.data, rules.buf.len);
    list->err = list->err == ERR_OK ? rules.err : list->err;
    pack_deinit(&rules);
    pack_u64(list, base->names);
    pack_u64(list, base->records);
    pack_u32(list, base->serial);
    pack_u8(list, base->wildcard);
    pack_u64(list, (uint64_t)entry->loaded_at.ns);
    plan_pack_twig(plan, base->root);
    pack_u32(list, control->desired->view_count);
    for (uint32_t view = 0; view < control->desired->view_count; view++) {
        struct zone_tree tree = view_tree(control, entry->desired, view);
        pack_u8(list, tree.wildcard);
        plan_pack_twig(plan, tree.root);
    }
    pack_u32(list, entry->served.overlay_file_count);
    for (uint32_t i = 0; i < entry->served.overlay_file_count; i++) {
        pack_text(list, entry->served.overlay_files[i].path);
        pack_records(list, &entry->served.overlay_files[i].records);
    }
}

static struct twig plan_twig(const struct image_plan *plan, size_t index)
{
    struct twig twig;
    memcpy(&twig, plan->list.buf.data + plan->twigs[index], sizeof(twig));
    return twig;
}

int control_image_begin(struct control *control, struct image_plan **ret_plan)
{
    struct image_plan *plan = mem_new_zero(control->alloc, 1, sizeof(*plan));
    if (!plan) {
        return ERR_NOMEM;
    }
    plan->alloc = control->alloc;
    plan->slab = &control->slab;
    plan->units = control->slab.top / SLAB_UNIT;
    plan->live_bytes = control->slab.live_bytes;
    pack_init(&plan->list, plan->alloc);
    uint32_t zones = 0;
    for (uint32_t i = 0; i < control->zone_count; i++) {
        zones += control->zones[i].served.present;
    }
    pack_u32(&plan->list, LIST_VERSION);
    pack_u32(&plan->list, zones);
    for (uint32_t i = 0; i < control->zone_count && plan->list.err == ERR_OK; i++) {
        if (control->zones[i].served.present) {
            plan_pack_zone(plan, control, &control->zones[i]);
        }
    }
    int err = plan->list.err;
    if (err != ERR_OK) {
        plan->twig_count = 0; /* not held yet */
        control_image_end(control, plan);
        return err;
    }
    for (size_t i = 0; i < plan->twig_count; i++) {
        struct twig twig = plan_twig(plan, i);
        if (!twig_empty(twig)) {
            slab_retain(&control->slab, twig.ref);
        }
    }
    *ret_plan = plan;
    return ERR_OK;
}

size_t image_plan_bytes(const struct image_plan *plan)
{
    return SLAB_UNIT + plan->live_bytes + plan->list.buf.len;
}

int image_plan_write(struct image_plan *plan, uint8_t *out, size_t size, struct image_parts *ret)
{
    struct relocation relocation;
    size_t list_bytes = plan->list.buf.len;
    if (size < list_bytes) {
        return ERR_SPACE;
    }
    struct pack list; /* the plan's own goes on naming what is held */
    pack_init(&list, plan->alloc);
    pack_raw(&list, plan->list.buf.data, list_bytes);
    int err = list.err == ERR_OK ? relocation_init(&relocation, plan->alloc, plan->slab,
                                                   plan->units, out, size - list_bytes)
                                 : list.err;
    if (err != ERR_OK) {
        pack_deinit(&list);
        return err;
    }
    for (size_t i = 0; err == ERR_OK && i < plan->twig_count; i++) {
        struct twig twig = plan_twig(plan, i);
        err = relocation_tree(&relocation, &twig);
        memcpy(list.buf.data + plan->twigs[i], &twig, sizeof(twig));
    }
    if (err == ERR_OK) {
        *ret = (struct image_parts){.tree_bytes = relocation.top,
                                    .live_bytes = relocation.block_bytes,
                                    .list_bytes = list_bytes};
        memset(out, 0, SLAB_UNIT);
        memcpy(out + relocation.top, list.buf.data, list_bytes);
    }
    relocation_deinit(&relocation);
    pack_deinit(&list);
    return err;
}

void control_image_end(struct control *control, struct image_plan *plan)
{
    for (size_t i = 0; i < plan->twig_count; i++) {
        struct twig twig = plan_twig(plan, i);
        if (!twig_empty(twig)) {
            slab_release(&control->slab, twig.ref, &control->retired);
        }
    }
    mem_free(plan->alloc, plan->twigs);
    pack_deinit(&plan->list);
    mem_free(plan->alloc, plan);
}

/* --- going on with an image ---------------------------------------------------------------------
 */

/* One zone of the list. */
struct restored {
    const uint8_t *origin, *rules;
    const char *file;
    size_t rules_len;
    struct zone_base base;
    struct wall loaded_at;
    uint32_t view_count;
    struct zone_tree trees[LIMIT_VIEWS];
    struct version version; /* overlay files alone */
};

void control_adopt(struct control *control, const struct image_parts *parts, size_t committed)
{
    slab_adopt(&control->slab, parts->tree_bytes, parts->live_bytes, committed);
}

static struct twig unpack_twig(struct unpack *list, const struct slab *slab)
{
    struct twig twig;
    unpack_raw(list, &twig, sizeof(twig));
    list->bad = list->bad ||
                (!twig_empty(twig) && (!twig.ref || (size_t)twig.ref * SLAB_UNIT >= slab->top));
    return twig;
}

static const uint8_t *unpack_name(struct unpack *list)
{
    size_t len;
    const uint8_t *name = unpack_bytes(list, &len);
    list->bad = list->bad || !name || name_check(name, len) != len;
    return name;
}

/* `out` NULL: only looks whether it is whole. */
static int unpack_records(struct unpack *list, struct records *out)
{
    int err = ERR_OK;
    uint32_t files = unpack_u32(list);
    for (uint32_t i = 0; i < files && !list->bad; i++) {
        const char *file = unpack_text(list);
        if (out && err == ERR_OK) {
            int index = records_add_file(out, file ? file : "");
            err = index < 0 ? index : ERR_OK;
        }
    }
    uint64_t count = unpack_u64(list);
    for (uint64_t i = 0; i < count && !list->bad; i++) {
        size_t len;
        struct record record = {.owner = unpack_name(list)};
        record.type = unpack_u16(list);
        record.ttl = unpack_u32(list);
        record.line = unpack_u32(list);
        record.file = unpack_u16(list);
        record.rdata = unpack_bytes(list, &len);
        record.rdata_len = (uint16_t)len;
        list->bad = list->bad || len > UINT16_MAX || record.file >= files;
        if (out && err == ERR_OK && !list->bad) {
            err = records_append(out, &record);
        }
    }
    return err;
}

static int unpack_overlay_files(struct unpack *list, const struct alloc *alloc,
                                struct version *version)
{
    uint32_t count = unpack_u32(list);
    int err = ERR_OK;
    if (count > (size_t)(list->end - list->at)) {
        list->bad = true;
        return ERR_OK;
    }
    struct overlay_file *files =
        alloc ? mem_new_zero(alloc, count ? count : 1, sizeof(*files)) : NULL;
    err = alloc && !files ? ERR_NOMEM : ERR_OK;
    for (uint32_t i = 0; i < count; i++) {
        const char *path = unpack_text(list);
        if (files) {
            records_init(&files[i].records, alloc);
            files[i].path = path && err == ERR_OK ? mem_copy_text(alloc, path) : NULL;
            err = path && !files[i].path ? ERR_NOMEM : err;
        }
        int read = unpack_records(list, files && err == ERR_OK ? &files[i].records : NULL);
        err = err == ERR_OK ? read : err;
    }
    version->overlay_files = files;
    version->overlay_file_count = files ? count : 0;
    return err;
}

/* Reads the next zone; `alloc` NULL: only looks whether it is whole. */
static int unpack_zone(struct unpack *list, const struct slab *slab, const struct alloc *alloc,
                       struct restored *out)
{
    *out = (struct restored){.origin = unpack_name(list)};
    out->file = unpack_text(list);
    out->rules = unpack_bytes(list, &out->rules_len);
    out->base.names = unpack_u64(list);
    out->base.records = unpack_u64(list);
    out->base.serial = unpack_u32(list);
    out->base.wildcard = unpack_u8(list);
    out->loaded_at.ns = (int64_t)unpack_u64(list);
    out->base.root = unpack_twig(list, slab);
    out->view_count = unpack_u32(list);
    list->bad =
        list->bad || !out->file || out->view_count > LIMIT_VIEWS || twig_empty(out->base.root);
    for (uint32_t view = 0; view < out->view_count && !list->bad; view++) {
        out->trees[view].wildcard = unpack_u8(list);
        out->trees[view].root = unpack_twig(list, slab);
    }
    return list->bad ? ERR_INVALID : unpack_overlay_files(list, alloc, &out->version);
}

/* Is the whole list readable? Only then is anything taken. */
static bool list_is_whole(struct unpack list, const struct slab *slab)
{
    struct restored zone;
    bool known = unpack_u32(&list) == LIST_VERSION;
    uint32_t zones = unpack_u32(&list);
    for (uint32_t i = 0; known && i < zones && !list.bad; i++) {
        (void)unpack_zone(&list, slab, NULL, &zone);
    }
    return known && !list.bad && list.at == list.end;
}

static int place_compare(const uint8_t *origin, const char *file, const struct desired_zone *zone)
{
    int order = name_compare(origin, zone->origin);
    return order ? order : strcmp(file, zone->file);
}

struct sorted {
    struct zone_entry *entry;
};

/* Equal ones in the order of the configuration. */
static int entries_order(const void *a, const void *b)
{
    const struct zone_entry *x = ((const struct sorted *)a)->entry;
    const struct zone_entry *y = ((const struct sorted *)b)->entry;
    int order = place_compare(x->desired->origin, x->desired->file, y->desired);
    return order ? order : (x > y) - (x < y);
}

/* The configured zones by origin and file; NULL without memory. */
static struct sorted *entries_sort(struct control *control)
{
    struct sorted *sorted = mem_new(control->alloc, (control->zone_count + 1) * sizeof(*sorted));
    for (uint32_t i = 0; sorted && i < control->zone_count; i++) {
        sorted[i].entry = &control->zones[i];
    }
    if (sorted && control->zone_count > 0) {
        qsort(sorted, control->zone_count, sizeof(*sorted), entries_order);
    }
    return sorted;
}

/* The first of the configured zones of that origin and file that nothing was found for yet. */
static uint32_t zone_entry_find(const struct control *control, const struct sorted *sorted,
                                const struct restored *zone)
{
    uint32_t low = 0, high = control->zone_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (place_compare(zone->origin, zone->file, sorted[middle].entry->desired) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < control->zone_count &&
           place_compare(zone->origin, zone->file, sorted[low].entry->desired) == 0;
         low++) {
        if (!sorted[low].entry->served.present) {
            return (uint32_t)(sorted[low].entry - control->zones);
        }
    }
    return UINT32_MAX;
}

static bool rules_are(const struct control *control, const struct zone_entry *entry,
                      const struct restored *zone, bool with_services)
{
    struct pack rules;
    pack_init(&rules, control->alloc);
    rules_pack(&rules, control, entry->desired, with_services);
    bool same = rules.err == ERR_OK && rules.buf.len == zone->rules_len &&
                memcmp(rules.buf.data, zone->rules, zone->rules_len) == 0;
    pack_deinit(&rules);
    return same;
}

/* Registered names are put in anew, as the store has them; when it cannot be read, those of the
 * image are all there is. */
static bool rules_are_same(const struct control *control, const struct zone_entry *entry,
                           const struct restored *zone)
{
    if (control->services && control->services->lost && rules_are(control, entry, zone, true)) {
        return true;
    }
    return rules_are(control, entry, zone, false) && !services_have_names(control->services);
}

/* The version to serve: the zone's base and overlays, for the overlays of today. Takes the base
 * over on success. */
static int restored_version(struct control *control, const struct zone_entry *entry,
                            struct restored *zone, struct version *out, struct diag_list *diags)
{
    *out = (struct version){.present = true};
    int err = version_overlays_again(control, entry->desired, &zone->version, NULL, out, diags);
    if (err != ERR_OK) {
        struct retired none = {0};
        version_drop(control, out, &none);
        return err;
    }
    out->base = zone->base;
    zone->base.root = (struct twig){0};
    return ERR_OK;
}

/* Serves one zone as it was. Its roots are taken or released in any case. */
static int zone_restore(struct control *control, uint32_t index, struct restored *zone,
                        struct diag_list *diags)
{
    struct zone_entry *entry = &control->zones[index];
    struct version version;
    const struct zone_tree *trees = zone->trees;
    bool same = rules_are_same(control, entry, zone);
    int err = restored_version(control, entry, zone, &version, diags);
    if (err != ERR_OK) {
        trees_drop(&control->slab, zone->trees, zone->view_count);
        return err;
    }
    if (!same) {
        trees_drop(&control->slab, zone->trees, zone->view_count);
        trees = NULL;
    }
    err = version_serve(control, index, &version, trees, NULL, zone->loaded_at, diags);
    if (err != ERR_OK) {
        struct retired garbage = {0};
        version_drop(control, &version, &garbage);
        slab_reclaim(&control->slab, &garbage);
        return err;
    }
    entry->state = ZONE_STALE;
    zone_problem_set(control, entry,
                     "served from the image on disk; its file has not been read since the start");
    return ERR_OK;
}

static int list_restore(struct control *control, struct unpack *list, struct diag_list *diags,
                        uint32_t *ret_zones)
{
    struct sorted *sorted = entries_sort(control);
    int result = sorted ? ERR_OK : ERR_NOMEM;
    (void)unpack_u32(list);
    uint32_t zones = unpack_u32(list);
    for (uint32_t i = 0; i < zones; i++) {
        struct restored zone;
        int err = unpack_zone(list, &control->slab, control->alloc, &zone);
        bool known = err == ERR_OK && sorted;
        uint32_t index = known ? zone_entry_find(control, sorted, &zone) : UINT32_MAX;
        if (index != UINT32_MAX) {
            err = zone_restore(control, index, &zone, diags);
            *ret_zones += err == ERR_OK;
        } else {
            trees_drop(&control->slab, zone.trees, zone.view_count);
        }
        zone.version.base = zone.base; /* what was not taken goes, the overlay files in any case */
        struct retired garbage = {0};
        version_drop(control, &zone.version, &garbage);
        slab_reclaim(&control->slab, &garbage);
        result = err == ERR_NOMEM ? err : result;
    }
    mem_free(control->alloc, sorted);
    return result;
}

int control_restore(struct control *control, const uint8_t *list, size_t bytes,
                    struct diag_list *diags, uint32_t *ret_zones)
{
    struct unpack unpack = unpack_from(list, bytes);
    if (!list_is_whole(unpack, &control->slab)) {
        return ERR_INVALID;
    }
    *ret_zones = 0;
    return list_restore(control, &unpack, diags, ret_zones);
}
