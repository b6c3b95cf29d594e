/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/node.h"

#include "base/error.h"
#include "dns/name.h"

#include <stdlib.h>

void node_draft_init(struct node_draft *draft, const struct alloc *alloc)
{
    *draft = (struct node_draft){.alloc = alloc};
}

void node_draft_deinit(struct node_draft *draft)
{
    mem_free(draft->alloc, draft->records);
    draft->records = NULL;
    draft->count = draft->cap = 0;
}

void node_draft_clear(struct node_draft *draft)
{
    draft->count = 0;
}

int node_draft_add(struct node_draft *draft, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                   uint16_t len)
{
    unsigned fixed = type_fixed_bytes(type);
    if (fixed && len != fixed) {
        return ERR_INVALID;
    }
    if (draft->count == draft->cap) {
        size_t cap = draft->cap ? draft->cap * 2 : 16;
        void *records = mem_resize(draft->alloc, draft->records, cap * sizeof(*draft->records));
        if (!records) {
            return ERR_NOMEM;
        }
        draft->records = records;
        draft->cap = cap;
    }
    draft->records[draft->count++] =
        (struct draft_record){.rdata = rdata, .ttl = ttl, .type = type, .len = len};
    return ERR_OK;
}

int node_draft_add_node(struct node_draft *draft, const struct node *node)
{
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; i < node->head.count; i++) {
        const uint8_t *at = rrset_data(node, &sets[i]);
        for (unsigned k = 0; k < sets[i].count; k++) {
            uint16_t len;
            const uint8_t *rdata = rdata_next(&sets[i], &at, &len);
            int err = node_draft_add(draft, sets[i].type, sets[i].ttl, rdata, len);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return ERR_OK;
}

void node_draft_drop_type(struct node_draft *draft, uint16_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->records[i].type != type) {
            draft->records[kept++] = draft->records[i];
        }
    }
    draft->count = kept;
}

void node_draft_drop_addresses(struct node_draft *draft)
{
    size_t kept = 0;
    for (size_t i = 0; i < draft->count; i++) {
        if (!type_is_address_group(draft->records[i].type)) {
            draft->records[kept++] = draft->records[i];
        }
    }
    draft->count = kept;
}

bool node_draft_has(const struct node_draft *draft, uint16_t type)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->records[i].type == type) {
            return true;
        }
    }
    return false;
}

static int draft_record_compare(const void *left, const void *right)
{
    const struct draft_record *a = left, *b = right;
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    int diff = memcmp(a->rdata, b->rdata, a->len < b->len ? a->len : b->len);
    return diff ? diff : (int)a->len - (int)b->len;
}

static void draft_sort(struct node_draft *draft)
{
    size_t i = 1;
    while (i < draft->count &&
           draft_record_compare(&draft->records[i - 1], &draft->records[i]) <= 0) {
        i++;
    }
    if (i < draft->count) {
        qsort(draft->records, draft->count, sizeof(*draft->records), draft_record_compare);
    }
}

static void mixed_note(uint16_t *mixed_ttl, unsigned *count, uint16_t type)
{
    bool known = *count > 0 && mixed_ttl[*count - 1] == type;
    if (mixed_ttl && !known && type != TYPE_RRSIG && *count < NODE_MIXED_TTLS - 1) {
        mixed_ttl[(*count)++] = type;
    }
}

/* Sorts, drops duplicates, gives each set its lowest TTL. Returns the number of sets. */
static unsigned draft_settle(struct node_draft *draft, uint16_t *mixed_ttl)
{
    unsigned sets = 0, mixed = 0;
    size_t kept = 0, set_start = 0;
    draft_sort(draft);
    for (size_t i = 0; i < draft->count; i++) {
        struct draft_record record = draft->records[i];
        bool same_set = kept > 0 && draft->records[kept - 1].type == record.type;
        if (!same_set) {
            set_start = kept;
            sets++;
        } else {
            uint32_t *ttl = &draft->records[set_start].ttl;
            if (*ttl != record.ttl) {
                mixed_note(mixed_ttl, &mixed, record.type);
                *ttl = *ttl < record.ttl ? *ttl : record.ttl;
            }
            if (draft_record_compare(&draft->records[kept - 1], &record) == 0) {
                continue;
            }
        }
        draft->records[kept++] = record;
    }
    if (mixed_ttl) {
        mixed_ttl[mixed] = 0;
    }
    draft->count = kept;
    return sets;
}

static size_t draft_data_bytes(const struct node_draft *draft, size_t *largest_set)
{
    size_t bytes = 0, set = 0;
    *largest_set = 0;
    for (size_t i = 0; i < draft->count; i++) {
        const struct draft_record *record = &draft->records[i];
        bytes += record->len + (type_fixed_bytes(record->type) ? 0u : 2u);
        set = i > 0 && draft->records[i - 1].type == record->type ? set : 0;
        set += record->len + 12u;
        *largest_set = set > *largest_set ? set : *largest_set;
    }
    return bytes;
}

static bool address_flag(void *ctx, uint16_t type, const struct address *address)
{
    unsigned *flags = ctx;
    (void)type;
    *flags |= address_kind(address) == ADDRESS_PUBLIC ? NODE_PUBLIC : NODE_PRIVATE;
    return true;
}

static unsigned node_flags(const struct node *node)
{
    unsigned flags = 0;
    node_each_address(node, address_flag, &flags);
    bool apex = node_name_len(node) == 0;
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; i < node->head.count; i++) {
        switch (sets[i].type) {
        case 0:
            flags |= NODE_SERVICE;
            break;
        case TYPE_SOA:
            flags |= apex ? NODE_APEX : 0;
            break;
        case TYPE_NS:
            flags |= apex ? 0 : NODE_CUT;
            break;
        case TYPE_DNAME:
            flags |= NODE_DNAME;
            break;
        case TYPE_CNAME:
            flags |= NODE_CNAME;
            break;
        default:
            break;
        }
    }
    return flags;
}

/* Writes sets and rdata of a settled draft behind the name. */
static void node_fill(struct node *node, const struct node_draft *draft, unsigned sets)
{
    struct rrset *set = (struct rrset *)(uintptr_t)node_rrsets(node) - 1;
    uint8_t *at = (uint8_t *)(set + 1 + sets);
    for (size_t i = 0; i < draft->count; i++) {
        const struct draft_record *record = &draft->records[i];
        if (i == 0 || draft->records[i - 1].type != record->type) {
            set++;
            *set = (struct rrset){
                .type = record->type, .ttl = record->ttl, .at = (uint32_t)(at - (uint8_t *)node)};
        }
        set->count++;
        if (!type_fixed_bytes(record->type)) {
            memcpy(at, &record->len, 2);
            at += 2;
        }
        memcpy(at, record->rdata, record->len);
        at += record->len;
    }
}

int node_encode(struct txn *txn, const uint8_t *name, size_t name_len, struct node_draft *draft,
                ref_t *out, uint16_t *mixed_ttl)
{
    unsigned sets = draft_settle(draft, mixed_ttl);
    size_t largest;
    size_t bytes = sizeof(struct node) + ((name_len + 3u) & ~3u) + sets * sizeof(struct rrset) +
                   draft_data_bytes(draft, &largest);
    if (bytes > LIMIT_NODE_BYTES || largest > LIMIT_RRSET_BYTES || draft->count > UINT16_MAX) {
        return ERR_LIMIT;
    }
    ref_t ref;
    int err = txn_alloc(txn, bytes, BLOCK_NODE, &ref);
    if (err != ERR_OK) {
        return err;
    }
    struct node *node = slab_at(txn->slab, ref);
    node->head.count = (uint16_t)sets;
    node->bytes_and_name_len = (uint32_t)(bytes << 8 | name_len);
    memset(node->name, 0, (name_len + 3u) & ~3u);
    memcpy(node->name, name, name_len);
    node_fill(node, draft, sets);
    node->head.flags = (uint8_t)node_flags(node);
    *out = ref;
    return ERR_OK;
}

const struct node *node_of_name(const struct slab *slab, struct twig root, unsigned origin_labels,
                                const uint8_t *name)
{
    uint8_t lowered[NAME_MAX];
    size_t len = name_len(name);
    memcpy(lowered, name, len);
    name_lower(lowered, len);
    struct qp_space space;
    struct qp_name absolute, relative;
    qp_name_init(&absolute, &space, lowered, len - 1);
    qp_name_front(&relative, &absolute, origin_labels);
    ref_t ref = qp_get(slab, root, &relative);
    return ref ? node_at(slab, ref) : NULL;
}

bool node_same(const struct node *a, const struct node *b)
{
    return a->bytes_and_name_len == b->bytes_and_name_len && a->head.count == b->head.count &&
           memcmp((const uint8_t *)a + sizeof(struct block),
                  (const uint8_t *)b + sizeof(struct block),
                  node_bytes(a) - sizeof(struct block)) == 0;
}

/* Hints of one SVCB rdata: priority, target name, then key, length, value... (RFC 9460 2.2). */
static bool svcb_each_hint(const uint8_t *rdata, uint16_t len, uint16_t type, node_address_fn *each,
                           void *ctx)
{
    enum {
        KEY_IPV4HINT = 4,
        KEY_IPV6HINT = 6
    };
    size_t target = len > 2 ? name_check(rdata + 2, len - 2u) : 0;
    size_t at = 2 + target;
    while (target && at + 4 <= len) {
        unsigned key = (unsigned)rdata[at] << 8 | rdata[at + 1];
        size_t size = (size_t)rdata[at + 2] << 8 | rdata[at + 3];
        at += 4;
        if (size > len - at) {
            break;
        }
        size_t step = key == KEY_IPV4HINT ? 4 : key == KEY_IPV6HINT ? 16 : 0;
        for (size_t i = 0; step && i + step <= size; i += step) {
            const uint8_t *hint = rdata + at + i;
            struct address address = step == 4 ? address_from_v4(hint) : address_from_v6(hint);
            if (!each(ctx, type, &address)) {
                return false;
            }
        }
        at += size;
    }
    return true;
}

static bool rdata_each_address(uint16_t type, const uint8_t *rdata, uint16_t len,
                               node_address_fn *each, void *ctx)
{
    struct address address;
    switch (type) {
    case TYPE_A:
        address = address_from_v4(rdata);
        return each(ctx, type, &address);
    case TYPE_AAAA:
        address = address_from_v6(rdata);
        return each(ctx, type, &address);
    default:
        return svcb_each_hint(rdata, len, type, each, ctx);
    }
}

void node_each_address(const struct node *node, node_address_fn *each, void *ctx)
{
    const struct rrset *sets = node_rrsets(node);
    for (unsigned i = 0; i < node->head.count; i++) {
        uint16_t type = sets[i].type;
        if (type != TYPE_A && type != TYPE_AAAA && type != TYPE_SVCB && type != TYPE_HTTPS) {
            continue;
        }
        const uint8_t *at = rrset_data(node, &sets[i]);
        for (unsigned k = 0; k < sets[i].count; k++) {
            uint16_t len;
            const uint8_t *rdata = rdata_next(&sets[i], &at, &len);
            if (!rdata_each_address(type, rdata, len, each, ctx)) {
                return;
            }
        }
    }
}

int zone_view_new(struct txn *txn, const uint8_t *origin, uint32_t zone, unsigned flags, ref_t *out)
{
    size_t len = name_len(origin);
    ref_t ref;
    int err = txn_alloc(txn, sizeof(struct zone_view) + len, BLOCK_ZONE, &ref);
    if (err != ERR_OK) {
        return err;
    }
    struct zone_view *view = slab_at(txn->slab, ref);
    view->head.flags = (uint8_t)flags;
    view->root = (struct twig){0};
    view->zone = zone;
    view->origin_len = (uint8_t)len;
    view->origin_labels = (uint8_t)name_labels(origin);
    memcpy(view->origin, origin, len);
    *out = ref;
    return ERR_OK;
}

const struct node *zone_view_apex(const struct slab *slab, const struct zone_view *zone)
{
    static const struct qp_name apex = {.wire = (const uint8_t *)""};
    ref_t ref = qp_get(slab, zone->root, &apex);
    return ref ? node_at(slab, ref) : NULL;
}

struct qp_leaf_name qp_leaf_name(const struct slab *slab, ref_t leaf)
{
    const struct block *block = slab_at(slab, leaf);
    if (block->kind == BLOCK_ZONE) {
        const struct zone_view *zone = zone_view_at(slab, leaf);
        return (struct qp_leaf_name){.wire = zone->origin, .len = zone->origin_len - 1u};
    }
    const struct node *node = node_at(slab, leaf);
    return (struct qp_leaf_name){.wire = node->name, .len = node_name_len(node)};
}
