/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/compile.h"

#include "base/error.h"
#include "dns/name.h"
#include "dns/zonetext.h"
#include "snapshot/check.h"

#include <stdlib.h>

enum {
    OVERLAY_TTL = 3600
};

/* --- edits ---------------------------------------------------------------------------------------
 */

struct edits_build {
    struct zone_edits *out;
    const struct alloc *alloc;
    const struct desired_zone *zone;
    uint32_t cap;
};

static struct zone_edit *edit_new(struct edits_build *build, const uint8_t *owner)
{
    struct zone_edits *out = build->out;
    if (out->count == build->cap) {
        uint32_t cap = build->cap ? build->cap * 2 : 64;
        void *edits = mem_resize(build->alloc, out->edits, cap * sizeof(*out->edits));
        if (!edits) {
            return NULL;
        }
        out->edits = edits;
        build->cap = cap;
    }
    struct zone_edit *edit = &out->edits[out->count];
    *edit = (struct zone_edit){.owner = arena_copy(&out->arena, owner, name_len(owner)),
                               .order = out->count};
    if (!edit->owner) {
        return NULL;
    }
    out->count++;
    return edit;
}

/* Copies a run of records of one owner, at most `most`, from `iter` into the edit. */
static int edit_take_records(struct edits_build *build, struct zone_edit *edit,
                             const struct record *records, uint32_t count)
{
    struct arena *arena = &build->out->arena;
    edit->records = arena_new(arena, (count ? count : 1) * sizeof(*edit->records));
    if (!edit->records) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *rdata = arena_copy(arena, records[i].rdata, records[i].rdata_len);
        if (!rdata) {
            return ERR_NOMEM;
        }
        edit->records[i] = (struct draft_record){.rdata = rdata,
                                                 .ttl = records[i].ttl,
                                                 .type = records[i].type,
                                                 .len = records[i].rdata_len};
    }
    edit->record_count = count;
    return ERR_OK;
}

/* Next run of records with one owner; *run is grown as needed. Returns its length, negative on
 * error. */
static int run_next(struct records_iter *iter, struct record *next, bool *more, struct buf *run)
{
    run->len = 0;
    if (!*more) {
        return 0;
    }
    struct record first = *next;
    do {
        if (buf_append(run, next, sizeof(*next)) != ERR_OK) {
            return ERR_NOMEM;
        }
        *more = records_iter_next(iter, next);
    } while (*more && name_equal(next->owner, first.owner));
    return (int)(run->len / sizeof(struct record));
}

static int edits_from_file(struct edits_build *build, const struct desired_overlay *overlay,
                           uint32_t index, const struct records *records)
{
    struct records_iter iter;
    struct record next;
    struct buf run;
    records_iter_init(&iter, records);
    bool more = records_iter_next(&iter, &next);
    int count, err = ERR_OK;
    buf_init(&run, build->alloc);
    while (err == ERR_OK && (count = run_next(&iter, &next, &more, &run)) != 0) {
        const struct record *first = (const struct record *)(const void *)run.data;
        struct zone_edit *edit = count > 0 ? edit_new(build, first->owner) : NULL;
        if (!edit) {
            err = ERR_NOMEM;
            break;
        }
        edit->op = EDIT_REPLACE;
        edit->from_file = true;
        edit->overlay = index;
        edit->views = overlay->views;
        edit->place =
            (struct place){.file = arena_text(&build->out->arena, records->files[first->file]),
                           .line = first->line};
        err = edit_take_records(build, edit, first, (uint32_t)count);
    }
    buf_deinit(&run);
    return err;
}

static int edit_parse(struct edits_build *build, const struct desired_edit *from,
                      struct zone_edit *edit, struct diag_list *diags)
{
    struct zonetext_source source = {.file = from->place.file,
                                     .text = from->text,
                                     .len = strlen(from->text),
                                     .first_line = from->place.line,
                                     .origin = build->zone->origin,
                                     .default_ttl = OVERLAY_TTL};
    struct records list;
    struct records_iter iter;
    struct record next;
    struct buf run;
    records_init(&list, build->alloc);
    buf_init(&run, build->alloc);
    int err = zonetext_parse(&source, &list, diags);
    records_iter_init(&iter, &list);
    while (err == ERR_OK && records_iter_next(&iter, &next)) {
        err = buf_append(&run, &next, sizeof(next));
    }
    if (err == ERR_OK) {
        err = edit_take_records(build, edit, (const struct record *)(const void *)run.data,
                                (uint32_t)(run.len / sizeof(next)));
    }
    buf_deinit(&run);
    records_deinit(&list);
    return err;
}

static int edits_from_overlay(struct edits_build *build, const struct desired_overlay *overlay,
                              uint32_t index, struct diag_list *diags)
{
    int result = ERR_OK;
    for (uint32_t i = 0; i < overlay->edit_count; i++) {
        const struct desired_edit *from = &overlay->edits[i];
        struct zone_edit *edit = edit_new(build, from->owner);
        if (!edit) {
            return ERR_NOMEM;
        }
        edit->op = from->op;
        edit->type = from->type;
        edit->overlay = index;
        edit->views = overlay->views;
        edit->place = from->place;
        int err = from->text ? edit_parse(build, from, edit, diags) : ERR_OK;
        if (err == ERR_NOMEM) {
            return err;
        }
        result = err != ERR_OK ? err : result;
    }
    return result;
}

static int edit_compare(const void *left, const void *right)
{
    const struct zone_edit *a = left, *b = right;
    int diff = name_compare(a->owner, b->owner);
    return diff ? diff : (a->order < b->order ? -1 : a->order > b->order);
}

/* Puts the records of `count` edits into the first. */
static int edits_merge(struct zone_edits *edits, struct zone_edit *first, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += first[i].record_count;
    }
    struct draft_record *records = arena_new(&edits->arena, total * sizeof(*records));
    if (!records) {
        return ERR_NOMEM;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(records + at, first[i].records, first[i].record_count * sizeof(*records));
        at += first[i].record_count;
    }
    first->records = records;
    first->record_count = total;
    return ERR_OK;
}

/* How many edits from `at` on are one: an owner may come back later in an overlay's file. */
static uint32_t edits_alike(const struct zone_edits *edits, uint32_t at)
{
    const struct zone_edit *first = &edits->edits[at];
    uint32_t end = at + 1;
    while (end < edits->count && first->from_file && edits->edits[end].from_file &&
           edits->edits[end].overlay == first->overlay &&
           name_equal(edits->edits[end].owner, first->owner)) {
        end++;
    }
    return end - at;
}

/* Sorts the edits by owner; what a file says of one owner is one replacement. */
static int edits_settle(struct zone_edits *edits)
{
    uint32_t kept = 0;
    if (edits->count) {
        qsort(edits->edits, edits->count, sizeof(*edits->edits), edit_compare);
    }
    for (uint32_t at = 0; at < edits->count;) {
        uint32_t alike = edits_alike(edits, at);
        int err = alike > 1 ? edits_merge(edits, &edits->edits[at], alike) : ERR_OK;
        if (err != ERR_OK) {
            return err;
        }
        edits->names += !kept || !name_equal(edits->edits[kept - 1].owner, edits->edits[at].owner);
        edits->edits[kept++] = edits->edits[at];
        at += alike;
    }
    edits->count = kept;
    return ERR_OK;
}

int zone_edits_build(const struct alloc *alloc, const struct desired_zone *zone,
                     const struct records *file_records, uint32_t file_count,
                     struct diag_list *diags, struct zone_edits *out)
{
    struct edits_build build = {.out = out, .alloc = alloc, .zone = zone};
    int result = ERR_OK;
    *out = (struct zone_edits){0};
    arena_init(&out->arena, alloc);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        int err = i < file_count && file_records[i].count
                      ? edits_from_file(&build, &zone->overlays[i], i, &file_records[i])
                      : ERR_OK;
        if (err == ERR_OK) {
            err = edits_from_overlay(&build, &zone->overlays[i], i, diags);
        }
        result = err != ERR_OK ? err : result;
        if (err == ERR_NOMEM) {
            break;
        }
    }
    return result == ERR_OK ? edits_settle(out) : result;
}

void zone_edits_deinit(struct zone_edits *edits)
{
    mem_free(edits->arena.alloc ? edits->arena.alloc : &ALLOC_MALLOC, edits->edits);
    arena_deinit(&edits->arena);
    edits->edits = NULL;
    edits->count = 0;
}

uint32_t zone_edits_find(const struct zone_edits *edits, const uint8_t *owner, uint32_t *count)
{
    uint32_t low = 0, high = edits->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(edits->edits[middle].owner, owner) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t end = low;
    while (end < edits->count && name_equal(edits->edits[end].owner, owner)) {
        end++;
    }
    *count = end - low;
    return low;
}

/* --- one name in one view ------------------------------------------------------------------------
 */

static int edit_apply(const struct zone_edit *edit, struct node_draft *draft)
{
    if (edit->type) {
        if (edit->op != EDIT_ADD) {
            node_draft_drop_type(draft, edit->type);
        }
    } else if (edit->op == EDIT_REMOVE) {
        node_draft_clear(draft);
    } else if (edit->op == EDIT_REPLACE) {
        node_draft_drop_addresses(draft);
        for (uint32_t i = 0; i < edit->record_count; i++) {
            node_draft_drop_type(draft, edit->records[i].type);
        }
    }
    for (uint32_t i = 0; i < edit->record_count; i++) {
        const struct draft_record *record = &edit->records[i];
        int err = node_draft_add(draft, record->type, record->ttl, record->rdata, record->len);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* Applies the view's edits among `count` edits of one owner to `draft`. Returns whether there were
 * any. */
static int edits_apply(const struct zone_edit *edits, uint32_t count, unsigned view,
                       struct node_draft *draft, bool *any)
{
    *any = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!(edits[i].views >> view & 1)) {
            continue;
        }
        *any = true;
        int err = edit_apply(&edits[i], draft);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* Puts the draft into the tree in place of what the name had. */
static int tree_put(struct txn *txn, struct zone_tree *tree, const struct qp_name *name,
                    struct node_draft *draft)
{
    struct zone_base as_base = {.root = tree->root, .wildcard = tree->wildcard};
    int err = zone_base_change(txn, &as_base, name, draft);
    tree->root = as_base.root;
    tree->wildcard = as_base.wildcard;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool subtree_hidden(const struct desired_zone *zone, const uint8_t *owner, unsigned view)
{
    for (uint32_t i = 0; i < zone->subtree_count; i++) {
        if (!(zone->subtrees[i].only >> view & 1) && name_in_zone(owner, zone->subtrees[i].name)) {
            return true;
        }
    }
    return false;
}

/* --- a whole view --------------------------------------------------------------------------------
 */

struct view_build {
    struct txn *txn;
    const struct desired_zone *zone;
    size_t origin_len;
    unsigned view;
    struct findings *findings;
    struct zone_tree *tree;
    struct node_draft draft;
};

/* `only`: takes one hidden subtree out of the view's tree. */
static int hide_subtree(struct view_build *build, struct twig base_root, const uint8_t *top)
{
    struct qp_space space;
    struct qp_name name;
    struct qp_iter iter;
    bool inside = name_in_zone(top, build->zone->origin);
    if (!inside && !name_in_zone(build->zone->origin, top)) {
        return ERR_OK;
    }
    qp_name_init(&name, &space, top, inside ? name_len(top) - build->origin_len : 0);
    qp_iter_init_below(&iter, build->txn->slab, base_root, &name);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(build->txn->slab, ref);
        qp_name_init(&name, &space, node->name, node_name_len(node));
        int err = qp_remove(build->txn, &build->tree->root, &name);
        if (err != ERR_OK && err != ERR_NOT_FOUND) { /* one subtree may lie in another */
            return err;
        }
    }
    return ERR_OK;
}

static int hide_subtrees(struct view_build *build, struct twig base_root)
{
    int err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < build->zone->subtree_count; i++) {
        const struct desired_subtree *subtree = &build->zone->subtrees[i];
        if (!(subtree->only >> build->view & 1)) {
            err = hide_subtree(build, base_root, subtree->name);
        }
    }
    return err;
}

static int view_apply(struct view_build *build, const struct zone_edit *edits, uint32_t count)
{
    struct qp_space space;
    struct qp_name name;
    const uint8_t *owner = edits[0].owner;
    if (subtree_hidden(build->zone, owner, build->view)) {
        return ERR_OK;
    }
    qp_name_init(&name, &space, owner, name_len(owner) - build->origin_len);
    ref_t ref = qp_get(build->txn->slab, build->tree->root, &name);
    bool any;
    node_draft_clear(&build->draft);
    int err = ref ? node_draft_add_node(&build->draft, node_at(build->txn->slab, ref)) : ERR_OK;
    err = err == ERR_OK ? edits_apply(edits, count, build->view, &build->draft, &any) : err;
    return err == ERR_OK && any ? tree_put(build->txn, build->tree, &name, &build->draft) : err;
}

static void view_check(struct view_build *build, const struct zone_edit *edits, uint32_t count)
{
    struct qp_space space;
    struct qp_name name;
    for (uint32_t i = 0; i < count; i++) {
        if (edits[i].views >> build->view & 1) {
            qp_name_init(&name, &space, edits[i].owner,
                         name_len(edits[i].owner) - build->origin_len);
            zone_check_name(build->txn->slab, build->tree->root, build->zone->origin, &name,
                            edits[i].place, build->findings);
            return;
        }
    }
}

/* Calls `each` for every group of edits of one owner. */
static uint32_t edits_group(const struct zone_edits *edits, uint32_t from)
{
    uint32_t end = from + 1;
    while (end < edits->count && name_equal(edits->edits[end].owner, edits->edits[from].owner)) {
        end++;
    }
    return end;
}

int zone_compile_view(struct txn *txn, const struct desired_zone *zone,
                      const struct zone_base *base, const struct zone_edits *edits, unsigned view,
                      struct findings *findings, struct zone_tree *out)
{
    struct view_build build = {.txn = txn,
                               .zone = zone,
                               .origin_len = name_len(zone->origin),
                               .view = view,
                               .findings = findings,
                               .tree = out};
    *out = (struct zone_tree){.root = base->root, .wildcard = base->wildcard};
    if (!twig_empty(base->root)) {
        txn_retain(txn, base->root.ref);
    }
    node_draft_init(&build.draft, txn->alloc);
    int err = hide_subtrees(&build, base->root);
    for (uint32_t at = 0; err == ERR_OK && at < edits->count;) {
        uint32_t end = edits_group(edits, at);
        err = view_apply(&build, edits->edits + at, end - at);
        at = end;
    }
    for (uint32_t at = 0; err == ERR_OK && at < edits->count;) {
        uint32_t end = edits_group(edits, at);
        view_check(&build, edits->edits + at, end - at);
        at = end;
    }
    node_draft_deinit(&build.draft);
    return err == ERR_OK && findings->errors ? ERR_INVALID : err;
}

/* Puts the base's node (0: none) into the tree in place of what the name had. */
static int tree_share(struct txn *txn, struct zone_tree *tree, const struct qp_name *name,
                      ref_t node)
{
    if (!node) {
        int err = qp_remove(txn, &tree->root, name);
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    txn_retain(txn, node);
    int err = qp_set(txn, &tree->root, name, node, node_leaf_flags(node_at(txn->slab, node)));
    if (err != ERR_OK) {
        struct retired none = {0};
        slab_release(txn->slab, node, &none); /* the base holds it: nothing is retired */
    }
    return err;
}

/* The base's new node of the name, with the view's edits, when it has any. */
static int change_with_edits(struct txn *txn, const struct zone_edit *edits, uint32_t count,
                             ref_t base_node, unsigned view, const struct qp_name *name,
                             struct zone_tree *tree, bool *done)
{
    struct node_draft draft;
    node_draft_init(&draft, txn->alloc);
    int err = base_node ? node_draft_add_node(&draft, node_at(txn->slab, base_node)) : ERR_OK;
    err = err == ERR_OK ? edits_apply(edits, count, view, &draft, done) : err;
    if (err == ERR_OK && *done) {
        err = tree_put(txn, tree, name, &draft);
    }
    node_draft_deinit(&draft);
    return err;
}

int zone_compile_change(struct txn *txn, const struct desired_zone *zone, struct twig base_old,
                        struct twig base_new, const struct zone_edits *edits, unsigned view,
                        const struct qp_name *name, struct zone_tree *tree)
{
    uint8_t owner[NAME_MAX];
    memcpy(owner, name->wire, name->len);
    memcpy(owner + name->len, zone->origin, name_len(zone->origin));
    if (subtree_hidden(zone, owner, view)) {
        return ERR_OK;
    }
    uint32_t count;
    uint32_t first = zone_edits_find(edits, owner, &count);
    ref_t node = qp_get(txn->slab, base_new, name);
    bool done = false;
    int err = change_with_edits(txn, edits->edits + first, count, node, view, name, tree, &done);
    if (err != ERR_OK || done) {
        return err;
    }
    tree->wildcard = tree->wildcard || qp_name_has_wildcard(name);
    err = qp_follow(txn, &tree->root, base_old, base_new, name);
    return err == ERR_NOT_FOUND ? tree_share(txn, tree, name, node) : err;
}

int zone_compile_name(struct txn *txn, const struct desired_zone *zone,
                      const struct zone_base *base, const struct zone_edits *edits, unsigned view,
                      const struct qp_name *name, struct zone_tree *tree)
{
    uint8_t owner[NAME_MAX];
    memcpy(owner, name->wire, name->len);
    memcpy(owner + name->len, zone->origin, name_len(zone->origin));
    if (subtree_hidden(zone, owner, view)) {
        return tree_share(txn, tree, name, 0);
    }
    uint32_t count;
    uint32_t first = zone_edits_find(edits, owner, &count);
    ref_t node = qp_get(txn->slab, base->root, name);
    bool done = false;
    int err = change_with_edits(txn, edits->edits + first, count, node, view, name, tree, &done);
    return err != ERR_OK || done ? err : tree_share(txn, tree, name, node);
}
