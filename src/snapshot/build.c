/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/build.h"

#include "base/error.h"
#include "dns/message.h"
#include "dns/name.h"

struct build {
    struct txn *txn;
    const uint8_t *origin;
    size_t origin_len;
    uint8_t *seen; /* a bit for each unit of the slab: an old node that the records name, too */
    uint64_t old_names; /* of the version before ... */
    uint64_t old_met;   /* ... and of those, named by the records */
    struct findings *findings;
    struct zone_base *base;
    struct node_draft draft;
    uint8_t owner[NAME_MAX];
    size_t owner_len;
    uint32_t soas;
};

uint32_t node_soa_serial(const struct node *apex)
{
    const struct rrset *soa = apex ? node_find(apex, TYPE_SOA) : NULL;
    if (!soa) {
        return 0;
    }
    const uint8_t *at = rrset_data(apex, soa);
    uint16_t len;
    const uint8_t *rdata = rdata_next(soa, &at, &len);
    return len >= 20 ? wire_read32(rdata + len - 20) : 0;
}

bool qp_name_has_wildcard(const struct qp_name *name)
{
    for (unsigned i = 0; i < name->labels; i++) {
        const uint8_t *label = name->wire + name->start[i];
        if (label[0] == 1 && label[1] == '*') {
            return true;
        }
    }
    return false;
}

/* Bits for the blocks that were there before the build. */
static int seen_init(struct build *build)
{
    size_t bytes = build->txn->slab->top / SLAB_UNIT / 8 + 1;
    build->seen = build->old_names ? mem_new_zero(build->txn->alloc, bytes, 1) : NULL;
    return build->old_names && !build->seen ? ERR_NOMEM : ERR_OK;
}

static bool is_seen(const struct build *build, ref_t ref)
{
    return txn_owns(build->txn, ref) || (build->seen && build->seen[ref / 8] >> ref % 8 & 1);
}

static void report_mixed(struct build *build, const uint16_t *types)
{
    for (; *types; types++) {
        char type[TYPE_TEXT_MAX];
        findings_add(build->findings, SEVERITY_WARNING, build->owner, *types, (struct place){0},
                     "give all records of a set the same TTL (RFC 2181 5.2)",
                     "unequal TTLs, the lowest is used, for %s", type_to_text(*types, type));
    }
}

/* Puts the node in place of `before` (0: none). Where the version before says the same, its node
 * stays. Takes over `fresh`. */
static int node_put(struct build *build, const struct qp_name *name, ref_t before, ref_t fresh)
{
    const struct slab *slab = build->txn->slab;
    if (before && node_same(node_at(slab, before), node_at(slab, fresh))) {
        txn_drop(build->txn, fresh); /* private: goes at once, takes no note */
        if (build->seen && !txn_owns(build->txn, before)) {
            build->seen[before / 8] |= (uint8_t)(1u << before % 8);
        }
        return ERR_OK;
    }
    int err =
        qp_set(build->txn, &build->base->root, name, fresh, node_leaf_flags(node_at(slab, fresh)));
    if (err != ERR_OK) {
        txn_drop(build->txn, fresh);
    }
    return err;
}

/* Freezes the run of records of one owner into the tree; an owner seen before is merged. */
static int build_flush(struct build *build)
{
    if (build->draft.count == 0) {
        return ERR_OK;
    }
    struct qp_space space;
    struct qp_name name;
    qp_name_init(&name, &space, build->owner, build->owner_len - build->origin_len);
    ref_t before = qp_get(build->txn->slab, build->base->root, &name), ref;
    bool again = before && is_seen(build, before);
    int err =
        again ? node_draft_add_node(&build->draft, node_at(build->txn->slab, before)) : ERR_OK;
    uint16_t mixed[NODE_MIXED_TTLS];
    if (err == ERR_OK) {
        err = node_encode(build->txn, name.wire, name.len, &build->draft, &ref, mixed);
    }
    if (err == ERR_LIMIT) {
        findings_add(build->findings, SEVERITY_ERROR, build->owner, 0, (struct place){0},
                     "spread the records over several names", "too much data");
        node_draft_clear(&build->draft);
        return ERR_OK; /* the zone is refused, but its other mistakes are found too */
    }
    if (err != ERR_OK) {
        return err;
    }
    report_mixed(build, mixed);
    err = node_put(build, &name, before, ref);
    if (err != ERR_OK) {
        return err;
    }
    build->base->names += again ? 0 : 1;
    build->old_met += before && !again;
    build->base->wildcard = build->base->wildcard || qp_name_has_wildcard(&name);
    node_draft_clear(&build->draft);
    return ERR_OK;
}

/* Takes out the names of the version before that the records did not name. */
static int build_prune(struct build *build, struct twig old_root)
{
    struct qp_iter iter;
    int err = ERR_OK;
    qp_iter_init(&iter, build->txn->slab, old_root);
    for (ref_t ref;
         err == ERR_OK && build->old_met < build->old_names && (ref = qp_iter_next(&iter)) != 0;) {
        const struct node *node = node_at(build->txn->slab, ref);
        struct qp_space space;
        struct qp_name name;
        qp_name_init(&name, &space, node->name, node_name_len(node));
        if (!is_seen(build, ref) && qp_get(build->txn->slab, build->base->root, &name) == ref) {
            err = qp_remove(build->txn, &build->base->root, &name);
            build->old_met++;
        }
    }
    return err;
}

static void check_soa(struct build *build, const struct record *record, const struct records *list)
{
    struct place place = {.file = list->files[record->file], .line = record->line};
    if (!name_equal(record->owner, build->origin)) {
        findings_add(build->findings, SEVERITY_ERROR, record->owner, TYPE_SOA, place,
                     "a zone has one SOA, at its apex", "SOA below the apex");
    } else if (++build->soas > 1) {
        findings_add(build->findings, SEVERITY_ERROR, record->owner, TYPE_SOA, place,
                     "keep one of them", "second SOA");
    }
}

static int build_record(struct build *build, const struct record *record,
                        const struct records *list)
{
    size_t len = name_len(record->owner);
    if (len != build->owner_len || memcmp(record->owner, build->owner, len) != 0) {
        int err = build_flush(build);
        if (err != ERR_OK) {
            return err;
        }
        memcpy(build->owner, record->owner, len);
        build->owner_len = len;
    }
    if (record->type == TYPE_SOA) {
        check_soa(build, record, list);
    }
    build->base->records++;
    int err =
        node_draft_add(&build->draft, record->type, record->ttl, record->rdata, record->rdata_len);
    if (err == ERR_INVALID) {
        findings_add(build->findings, SEVERITY_ERROR, record->owner, record->type,
                     (struct place){.file = list->files[record->file], .line = record->line},
                     "an A record has 4 bytes, an AAAA record 16", "address of a wrong length");
        return ERR_OK;
    }
    return err;
}

static int build_records(struct build *build, const struct records *records)
{
    struct records_iter iter;
    struct record record;
    int err = ERR_OK;
    records_iter_init(&iter, records);
    while (err == ERR_OK && records_iter_next(&iter, &record)) {
        err = build_record(build, &record, records);
    }
    err = err == ERR_OK ? iter.err : err;
    return err == ERR_OK ? build_flush(build) : err;
}

int zone_base_build(struct txn *txn, const uint8_t *origin, const struct records *records,
                    const struct zone_base *old, struct findings *findings, struct zone_base *out)
{
    struct build build = {.txn = txn,
                          .origin = origin,
                          .origin_len = name_len(origin),
                          .old_names = old->names,
                          .findings = findings,
                          .base = out};
    *out = (struct zone_base){.root = old->root};
    if (!twig_empty(old->root)) {
        txn_retain(txn, old->root.ref);
    }
    node_draft_init(&build.draft, txn->alloc);
    int err = seen_init(&build);
    if (err == ERR_OK) {
        err = build_records(&build, records);
    }
    if (err == ERR_OK) {
        err = build_prune(&build, old->root);
    }
    node_draft_deinit(&build.draft);
    mem_free(txn->alloc, build.seen);
    if (err == ERR_OK && build.soas == 0) {
        findings_add(findings, SEVERITY_ERROR, origin, 0, (struct place){0},
                     "every zone starts with one SOA record", "no SOA");
    }
    if (err == ERR_OK) {
        static const struct qp_name apex = {.wire = (const uint8_t *)""};
        ref_t ref = qp_get(txn->slab, out->root, &apex);
        out->serial = node_soa_serial(ref ? node_at(txn->slab, ref) : NULL);
        err = findings->errors ? ERR_INVALID : ERR_OK;
    }
    return err;
}

int zone_base_change(struct txn *txn, struct zone_base *base, const struct qp_name *name,
                     struct node_draft *draft)
{
    bool had = qp_get(txn->slab, base->root, name) != 0;
    if (draft->count == 0) {
        int err = qp_remove(txn, &base->root, name);
        base->names -= err == ERR_OK ? 1 : 0;
        return err;
    }
    ref_t ref;
    int err = node_encode(txn, name->wire, name->len, draft, &ref, NULL);
    if (err != ERR_OK) {
        return err;
    }
    err = qp_set(txn, &base->root, name, ref, node_leaf_flags(node_at(txn->slab, ref)));
    if (err != ERR_OK) {
        txn_drop(txn, ref);
        return err;
    }
    base->names += had ? 0 : 1;
    base->wildcard = base->wildcard || qp_name_has_wildcard(name);
    base->serial = name->len == 0 ? node_soa_serial(node_at(txn->slab, ref)) : base->serial;
    return ERR_OK;
}
