/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/superseded.h"

#include "dns/name.h"
#include "dns/type.h"
#include "snapshot/policy.h"

#include <string.h>

enum {
    /* now_s is the end of the second that it is; what ends with `until` may be held for as long as
     * a reply takes on its way, beyond that. */
    OVER_S = 2,
    TARGET_S = 600, /* as long as what is over is kept */
};

struct noting {
    struct ledger *ledger;
    const struct slab *slab;
    const char *view;
    const struct zone_view *zone; /* the old one */
    uint32_t *latest;             /* end of all that was noted */
};

/* The absolute name of a node; that of a variant for one site is the name it varies. */
static void node_absolute(const struct noting *noting, const struct node *node,
                          uint8_t out[NAME_MAX + SITE_LABEL_BYTES])
{
    const uint8_t *name = node->name;
    size_t len = node_name_len(node);
    if (len >= SITE_LABEL_BYTES && name[0] == SITE_LABEL_BYTES - 1 && name[1] == 0) {
        name += SITE_LABEL_BYTES;
        len -= SITE_LABEL_BYTES;
    }
    memcpy(out, name, len);
    memcpy(out + len, noting->zone->origin, noting->zone->origin_len);
}

static void word_note(const struct noting *noting, const struct node *node, int number,
                      const uint8_t *name, const struct rrset *set)
{
    struct ledger *ledger = noting->ledger;
    uint32_t ttl_s = set ? set->ttl : 0;
    uint32_t until = ledger_until(ledger, told_word(noting->slab, node, number), ttl_s);
    /* Who had the SRV may have asked for its target at the last moment, and has that for the TTL of
     * then, which may have been a longer one. */
    uint32_t longest_s = ttl_s > TARGET_S ? ttl_s : TARGET_S;
    uint32_t then_s = set && set->type == TYPE_SRV ? longest_s : 0;
    if (until == 0 || until + then_s + OVER_S <= ledger->now_s) {
        return;
    }
    uint32_t over = until + (then_s ? ttl_s : 0);
    *noting->latest = over > *noting->latest ? over : *noting->latest;
    struct kept_record record = {
        .view = noting->view, .name = name, .ttl_s = ttl_s, .until = until};
    if (!set) {
        kept_add(&ledger->kept, &record, ledger->now_s);
        return;
    }
    const uint8_t *at = rrset_data(node, set);
    record.type = set->type;
    for (unsigned i = 0; i < set->count; i++) {
        record.rdata = rdata_next(set, &at, &record.len);
        kept_add(&ledger->kept, &record, ledger->now_s);
    }
}

static void node_gone(void *ctx, ref_t old, ref_t next)
{
    const struct noting *noting = ctx;
    const struct node *node = node_at(noting->slab, old);
    uint8_t name[NAME_MAX + SITE_LABEL_BYTES];
    unsigned count;
    const struct rrset *sets = node_visible_sets(node, &count);
    (void)next;
    node_absolute(noting, node, name);
    word_note(noting, node, -1, name, NULL);
    for (unsigned i = 0; i < count; i++) {
        word_note(noting, node, (int)(&sets[i] - node_rrsets(node)), name, &sets[i]);
    }
}

static void zone_gone(void *ctx, ref_t old, ref_t next)
{
    struct noting *noting = ctx;
    const struct twig none = {0};
    noting->zone = zone_view_at(noting->slab, old);
    qp_diff(noting->slab, noting->zone->root, next ? zone_view_at(noting->slab, next)->root : none,
            node_gone, noting);
}

void superseded_note(struct ledger *ledger, const struct snapshot *old, const struct snapshot *next)
{
    uint32_t latest = 0;
    for (unsigned view = 0; next && view < old->view_count; view++) {
        struct noting noting = {.ledger = ledger,
                                .slab = old->slab,
                                .view = old->scope->view_names[view],
                                .latest = &latest};
        struct twig root = {0};
        for (unsigned i = 0; i < next->view_count; i++) {
            if (strcmp(next->scope->view_names[i], noting.view) == 0) {
                root = next->views[i];
            }
        }
        qp_diff(old->slab, old->views[view], root, zone_gone, &noting);
    }
    if (next) {
        ledger_replaced(ledger, next->generation, latest);
    }
}

void superseded_forget(struct ledger *ledger, const struct slab *slab,
                       const struct retired *retired)
{
    for (ref_t ref = retired->first; ref;) {
        const struct block *block = slab_at(slab, ref);
        if (block->kind == BLOCK_NODE) {
            ledger_forget(ledger, slab, node_at(slab, ref));
        }
        ref = block->born;
    }
}
