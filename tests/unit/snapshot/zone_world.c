/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/snapshot/zone_world.h"

#include "dns/zonetext.h"

#include <stdio.h>

enum {
    WORLD_SLAB_BYTES = 8 << 20
};

void world_init(struct zone_world *world, const char *origin)
{
    memset(world, 0, sizeof(*world));
    struct slab_backing backing = backing_init(&world->backing, WORLD_SLAB_BYTES);
    slab_init(&world->slab, &backing);
    records_init(&world->records, &ALLOC_MALLOC);
    diag_init(&world->diags, &ALLOC_MALLOC);
    assert_int_equal(name_from_text(origin, NULL, world->origin), ERR_OK);
}

static void release(struct zone_world *world, struct twig *root)
{
    if (!twig_empty(*root)) {
        slab_release(&world->slab, root->ref, &world->retired);
    }
    *root = (struct twig){0};
}

void world_views_drop(struct zone_world *world)
{
    for (unsigned i = 0; i < WORLD_VIEWS; i++) {
        release(world, &world->trees[i].root);
    }
    zone_edits_deinit(&world->edits);
    if (world->config) {
        world->config_free(world->config);
    }
    world->config = NULL;
}

void world_audit(const struct zone_world *world)
{
    struct audit audit;
    audit_init(&audit, &world->slab);
    audit_root(&audit, world->base.root);
    for (unsigned i = 0; i < WORLD_VIEWS; i++) {
        audit_root(&audit, world->trees[i].root);
    }
    audit_retired(&audit, &world->retired);
    audit_close(&audit);
}

void world_deinit(struct zone_world *world)
{
    world_audit(world);
    world_views_drop(world);
    release(world, &world->base.root);
    slab_reclaim(&world->slab, &world->retired);
    world_audit(world);
    assert_int_equal(world->slab.live_bytes + world->slab.retired_bytes, 0);
    records_deinit(&world->records);
    diag_deinit(&world->diags);
    backing_deinit(&world->backing);
}

static void text_parse(struct zone_world *world, const char *file, const char *text,
                       struct records *out)
{
    struct zonetext_source source = {.file = file,
                                     .text = text,
                                     .len = strlen(text),
                                     .first_line = 1,
                                     .origin = world->origin,
                                     .default_ttl = 3600};
    if (zonetext_parse(&source, out, &world->diags) != ERR_OK) {
        fail_msg("%s", world_findings(world));
    }
}

static void begin(struct zone_world *world)
{
    diag_deinit(&world->diags);
    diag_init(&world->diags, &ALLOC_MALLOC);
}

static int base_build(struct zone_world *world, const char *text)
{
    struct txn txn;
    struct findings findings;
    struct zone_base fresh;
    records_deinit(&world->records);
    records_init(&world->records, &ALLOC_MALLOC);
    text_parse(world, "z", text, &world->records);
    findings_init(&findings, &ALLOC_MALLOC, world->origin);
    txn_begin(&txn, &world->slab, &ALLOC_MALLOC);
    int err =
        zone_base_build(&txn, world->origin, &world->records, &world->base, &findings, &fresh);
    zone_check_tree(&world->slab, fresh.root, world->origin, &findings);
    err = err == ERR_OK && findings.errors ? ERR_INVALID : err;
    findings_settle(&findings, &world->records, "z", &world->diags);
    findings_deinit(&findings);
    txn_commit(&txn, &world->retired);
    release(world, err == ERR_OK ? &world->base.root : &fresh.root);
    if (err == ERR_OK) {
        world->base = fresh;
    }
    return err;
}

int world_base(struct zone_world *world, const char *text)
{
    begin(world);
    return base_build(world, text);
}

static int edits_make(struct zone_world *world, const struct desired_zone *zone,
                      const char *overlay)
{
    struct records files[8];
    assert_true(zone->overlay_count <= 8);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        records_init(&files[i], &ALLOC_MALLOC);
        if (zone->overlays[i].file) {
            text_parse(world, "o", overlay, &files[i]);
        }
    }
    int err = zone_edits_build(&ALLOC_MALLOC, zone, files, zone->overlay_count, &world->diags,
                               &world->edits);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        records_deinit(&files[i]);
    }
    return err;
}

static int views_compile(struct zone_world *world, const struct desired *desired)
{
    const struct desired_zone *zone = &desired->zones[0];
    struct txn txn;
    struct findings findings;
    uint64_t views = 0;
    int err = ERR_OK;
    findings_init(&findings, &ALLOC_MALLOC, world->origin);
    txn_begin(&txn, &world->slab, &ALLOC_MALLOC);
    for (unsigned view = 0; view < desired->view_count; view++) {
        if (zone->only >> view & 1) {
            views |= UINT64_C(1) << view;
            int found = zone_compile_view(&txn, zone, &world->base, &world->edits, view, &findings,
                                          &world->trees[view]);
            err = found != ERR_OK ? found : err;
        }
    }
    if (err == ERR_OK) {
        err = zone_guard_addresses(&world->slab, desired, zone, &world->base, &world->edits,
                                   world->trees, views, &findings);
    }
    findings_settle(&findings, &world->records, "z", &world->diags);
    findings_deinit(&findings);
    txn_commit(&txn, &world->retired);
    return err;
}

int world_compile_again(struct zone_world *world, const char *text, const char *overlay)
{
    const struct desired *desired = &world->config->desired;
    begin(world);
    assert_true(desired->view_count <= WORLD_VIEWS);
    int err = base_build(world, text);
    err = err == ERR_OK ? edits_make(world, &desired->zones[0], overlay) : err;
    return err == ERR_OK ? views_compile(world, desired) : err;
}

int world_change(struct zone_world *world, const char *owner, const char *text)
{
    const struct desired *desired = &world->config->desired;
    struct records list;
    struct records_iter iter;
    struct record record;
    struct node_draft draft;
    struct qp_space space;
    struct qp_name name;
    struct txn txn;
    uint8_t wire[NAME_MAX];
    struct twig old = world->base.root;
    assert_int_equal(name_from_text(owner, world->origin, wire), ERR_OK);
    qp_name_init(&name, &space, wire, name_len(wire) - name_len(world->origin));
    records_init(&list, &ALLOC_MALLOC);
    node_draft_init(&draft, &ALLOC_MALLOC);
    begin(world);
    text_parse(world, "change", text, &list);
    records_iter_init(&iter, &list);
    while (records_iter_next(&iter, &record)) {
        assert_int_equal(
            node_draft_add(&draft, record.type, record.ttl, record.rdata, record.rdata_len),
            ERR_OK);
    }
    txn_begin(&txn, &world->slab, &ALLOC_MALLOC);
    int err = zone_base_change(&txn, &world->base, &name, &draft);
    for (unsigned view = 0; err == ERR_OK && view < desired->view_count; view++) {
        err = zone_compile_change(&txn, &desired->zones[0], old, world->base.root, &world->edits,
                                  view, &name, &world->trees[view]);
    }
    txn_commit(&txn, &world->retired);
    node_draft_deinit(&draft);
    records_deinit(&list);
    return err;
}

const char *world_findings(struct zone_world *world)
{
    size_t used = 0;
    world->text[0] = '\0';
    for (const struct diag *diag = world->diags.first; diag; diag = diag->next) {
        used += diag_format(diag, world->text + used, WORLD_TEXT - used);
        assert_true(used + 2 < WORLD_TEXT);
        memcpy(world->text + used, "\n", 2);
        used++;
    }
    return world->text;
}

static size_t node_say(const struct node *node, char *out, size_t size)
{
    const struct rrset *sets = node_rrsets(node);
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], rdata[1024];
    static const uint8_t root[1] = {0};
    size_t used = 0;
    name_relative_to_text(node->name, node_name_len(node), root, name);
    name[strlen(name) - 1] = '\0';
    for (unsigned i = 0; i < node->head.count; i++) {
        const uint8_t *at = rrset_data(node, &sets[i]);
        for (unsigned k = 0; k < sets[i].count; k++) {
            uint16_t len;
            const uint8_t *data = rdata_next(&sets[i], &at, &len);
            assert_true(rdata_to_text(sets[i].type, data, len, rdata, sizeof(rdata)) >= 0);
            used += (size_t)snprintf(out + used, size - used, "%s %u %s %s\n", name[0] ? name : "@",
                                     sets[i].ttl, type_to_text(sets[i].type, type), rdata);
            assert_true(used < size);
        }
    }
    return used;
}

const char *world_dump(struct zone_world *world, struct twig root)
{
    struct qp_iter iter;
    size_t used = 0;
    world->text[0] = '\0';
    qp_iter_init(&iter, &world->slab, root);
    for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
        used += node_say(node_at(&world->slab, ref), world->text + used, WORLD_TEXT - used);
    }
    return world->text;
}
