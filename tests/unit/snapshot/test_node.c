/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nodes: what a draft becomes when it is frozen, and what is read from it again.
 */
#include "unit/snapshot/zone_world.h"

static const uint8_t APEX_NAME[] = "", WWW[] = "\3www";

struct frozen {
    struct backing backing;
    struct slab slab;
    struct txn txn;
    struct node_draft draft;
    uint16_t mixed[NODE_MIXED_TTLS];
    const struct node *node;
};

static void frozen_init(struct frozen *frozen)
{
    struct slab_backing backing = backing_init(&frozen->backing, 32 << 20);
    slab_init(&frozen->slab, &backing);
    txn_begin(&frozen->txn, &frozen->slab, &ALLOC_MALLOC);
    node_draft_init(&frozen->draft, &ALLOC_MALLOC);
}

static void frozen_deinit(struct frozen *frozen)
{
    struct retired retired = {0};
    txn_commit(&frozen->txn, &retired);
    node_draft_deinit(&frozen->draft);
    backing_deinit(&frozen->backing);
}

static void add(struct frozen *frozen, uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
    assert_int_equal(node_draft_add(&frozen->draft, type, ttl, rdata, (uint16_t)len), ERR_OK);
}

static int freeze(struct frozen *frozen, const uint8_t *name, size_t len)
{
    ref_t ref = 0;
    int err = node_encode(&frozen->txn, name, len, &frozen->draft, &ref, frozen->mixed);
    frozen->node = err == ERR_OK ? node_at(&frozen->slab, ref) : NULL;
    return err;
}

static void sets_are_sorted_and_unique(void **state)
{
    (void)state;
    struct frozen frozen;
    frozen_init(&frozen);
    add(&frozen, TYPE_TXT, 7, "\2bb", 3);
    add(&frozen, TYPE_A, 300, "\300\0\2\11", 4);
    add(&frozen, TYPE_TXT, 9, "\1a", 2);
    add(&frozen, TYPE_A, 60, "\300\0\2\1", 4);
    add(&frozen, TYPE_A, 400, "\300\0\2\11", 4);
    add(&frozen, TYPE_TXT, 9, "\2", 1); /* shorter sorts first when the start is the same */
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    const struct node *node = frozen.node;
    assert_int_equal(node->head.count, 2);
    assert_int_equal(node_name_len(node), 4);
    assert_memory_equal(node->name, WWW, 4);
    const struct rrset *a = node_find(node, TYPE_A), *txt = node_find(node, TYPE_TXT);
    assert_null(node_find(node, TYPE_AAAA));
    assert_int_equal(a->count, 2);
    assert_int_equal(a->ttl, 60);
    assert_memory_equal(rrset_data(node, a), "\300\0\2\1\300\0\2\11", 8);
    assert_int_equal(txt->count, 3);
    assert_int_equal(txt->ttl, 7);
    static const char *const wanted[] = {"\1a", "\2", "\2bb"};
    const uint8_t *at = rrset_data(node, txt);
    for (unsigned i = 0; i < 3; i++) {
        uint16_t len;
        const uint8_t *rdata = rdata_next(txt, &at, &len);
        assert_int_equal(len, strlen(wanted[i]));
        assert_memory_equal(rdata, wanted[i], len);
    }
    assert_ptr_equal(at, (const uint8_t *)node + node_bytes(node));
    assert_int_equal(frozen.mixed[0], TYPE_A);
    assert_int_equal(frozen.mixed[1], TYPE_TXT);
    assert_int_equal(frozen.mixed[2], 0);
    frozen_deinit(&frozen);
}

static void flags_tell_what_a_node_is(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *rdata;
        size_t len;
        unsigned apex, below;
    } cases[] = {
        {TYPE_SOA, "\0\0aaaabbbbccccddddeeee", 22, NODE_APEX, 0},
        {TYPE_NS, "\1n\0", 3, 0, NODE_CUT},
        {TYPE_DNAME, "\1n\0", 3, NODE_DNAME, NODE_DNAME},
        {TYPE_CNAME, "\1n\0", 3, NODE_CNAME, NODE_CNAME},
        {TYPE_A, "\300\250\0\1", 4, NODE_PRIVATE, NODE_PRIVATE},
        {TYPE_A, "\10\10\10\10", 4, NODE_PUBLIC, NODE_PUBLIC},
        {TYPE_AAAA, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, NODE_PRIVATE, NODE_PRIVATE},
        {TYPE_HTTPS, "\0\1\0\0\4\0\10\10\10\10\10\12\0\0\1", 15, NODE_PRIVATE | NODE_PUBLIC,
         NODE_PRIVATE | NODE_PUBLIC},
        {TYPE_TXT, "\1x", 2, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct frozen frozen;
        frozen_init(&frozen);
        add(&frozen, cases[i].type, 1, cases[i].rdata, cases[i].len);
        assert_int_equal(freeze(&frozen, APEX_NAME, 0), ERR_OK);
        assert_int_equal(frozen.node->head.flags, cases[i].apex);
        assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
        assert_int_equal(frozen.node->head.flags, cases[i].below);
        frozen_deinit(&frozen);
    }
}

struct seen {
    char text[256];
    unsigned left;
};

static bool see(void *ctx, uint16_t type, const struct address *address)
{
    struct seen *seen = ctx;
    char text[ADDRESS_TEXT_BYTES], type_text[TYPE_TEXT_MAX];
    strcat(strcat(seen->text, type_to_text(type, type_text)), " ");
    strcat(strcat(seen->text, address_to_text(address, text)), "; ");
    return --seen->left > 0;
}

static void addresses_come_from_hints_too(void **state)
{
    (void)state;
    struct frozen frozen;
    struct seen seen = {.left = 100};
    frozen_init(&frozen);
    add(&frozen, TYPE_A, 1, "\1\2\3\4", 4);
    add(&frozen, TYPE_HTTPS, 1,
        "\0\1\3svc\0\0\1\0\3\2h2\0\4\0\10\12\0\0\1\12\0\0\2"
        "\0\6\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1",
        46);
    add(&frozen, TYPE_SVCB, 1, "\0\1\0\0\4\0\4\12\0\0\3\0\4\0\11\1", 16); /* its end is cut off */
    add(&frozen, TYPE_SVCB, 1, "\0\1", 2);
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    node_each_address(frozen.node, see, &seen);
    assert_string_equal(seen.text, "A 1.2.3.4; SVCB 10.0.0.3; HTTPS 10.0.0.1; HTTPS 10.0.0.2; "
                                   "HTTPS 2001:db8::1; ");
    seen = (struct seen){.left = 2};
    node_each_address(frozen.node, see, &seen);
    assert_string_equal(seen.text, "A 1.2.3.4; SVCB 10.0.0.3; ");
    frozen_deinit(&frozen);
}

static void drafts_drop_types_and_the_address_group(void **state)
{
    (void)state;
    static const uint16_t group[] = {TYPE_A,     TYPE_AAAA, TYPE_CNAME,
                                     TYPE_HTTPS, TYPE_SVCB, TYPE_SRV};
    struct frozen frozen;
    frozen_init(&frozen);
    add(&frozen, TYPE_TXT, 1, "\1x", 2);
    for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
        add(&frozen, group[i], 1, "aaaabbbbccccdddd", group[i] == TYPE_A ? 4 : 16);
    }
    add(&frozen, TYPE_MX, 1, "\0\1\0", 3);
    node_draft_drop_type(&frozen.draft, TYPE_AAAA);
    assert_false(node_draft_has(&frozen.draft, TYPE_AAAA));
    assert_true(node_draft_has(&frozen.draft, TYPE_SRV));
    node_draft_drop_addresses(&frozen.draft);
    assert_int_equal(frozen.draft.count, 2);
    assert_true(node_draft_has(&frozen.draft, TYPE_TXT) && node_draft_has(&frozen.draft, TYPE_MX));
    assert_int_equal(node_draft_add(&frozen.draft, TYPE_A, 1, (const uint8_t *)"abc", 3),
                     ERR_INVALID);
    node_draft_clear(&frozen.draft);
    assert_int_equal(frozen.draft.count, 0);
    frozen_deinit(&frozen);
}

static void a_node_reads_back_as_its_draft(void **state)
{
    (void)state;
    struct frozen frozen;
    frozen_init(&frozen);
    add(&frozen, TYPE_A, 5, "\1\2\3\4", 4);
    add(&frozen, TYPE_TXT, 6, "\1x", 2);
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    const struct node *first = frozen.node;
    node_draft_clear(&frozen.draft);
    assert_int_equal(node_draft_add_node(&frozen.draft, first), ERR_OK);
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    assert_true(node_same(first, frozen.node));
    frozen.draft.records[0].ttl++;
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    assert_false(node_same(first, frozen.node));
    frozen.draft.records[0].ttl--;
    assert_int_equal(freeze(&frozen, WWW, 3), ERR_OK);
    assert_false(node_same(first, frozen.node));
    frozen_deinit(&frozen);
}

static void too_much_for_a_set_or_a_name_is_a_limit(void **state)
{
    (void)state;
    static uint8_t big[60000];
    struct frozen frozen;
    frozen_init(&frozen);
    add(&frozen, TYPE_TXT, 1, big, 50000);
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_OK);
    big[0] = 1;
    static const uint8_t other[60000];
    add(&frozen, TYPE_TXT, 1, other, 20000);
    assert_int_equal(freeze(&frozen, WWW, 4), ERR_LIMIT);
    node_draft_clear(&frozen.draft);
    for (unsigned i = 0; i < 17; i++) {
        add(&frozen, (uint16_t)(1000 + i), 1, big, 60000);
        assert_int_equal(freeze(&frozen, WWW, 4),
                         60018 * (i + 1u) < LIMIT_NODE_BYTES ? ERR_OK : ERR_LIMIT);
    }
    frozen_deinit(&frozen);
}

static void a_zone_block_names_its_origin(void **state)
{
    (void)state;
    struct frozen frozen;
    ref_t ref;
    uint8_t origin[NAME_MAX];
    frozen_init(&frozen);
    assert_int_equal(name_from_text("a.example.", NULL, origin), ERR_OK);
    assert_int_equal(zone_view_new(&frozen.txn, origin, 7, ZONE_VIEW_LOADED, &ref), ERR_OK);
    const struct zone_view *zone = zone_view_at(&frozen.slab, ref);
    assert_int_equal(zone->zone, 7);
    assert_int_equal(zone->origin_labels, 2);
    assert_true(name_equal(zone->origin, origin));
    assert_null(zone_view_apex(&frozen.slab, zone));
    struct qp_leaf_name leaf = qp_leaf_name(&frozen.slab, ref);
    assert_int_equal(leaf.len, name_len(origin) - 1);
    frozen_deinit(&frozen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_sorted_and_unique),
        cmocka_unit_test(flags_tell_what_a_node_is),
        cmocka_unit_test(addresses_come_from_hints_too),
        cmocka_unit_test(drafts_drop_types_and_the_address_group),
        cmocka_unit_test(a_node_reads_back_as_its_draft),
        cmocka_unit_test(too_much_for_a_set_or_a_name_is_a_limit),
        cmocka_unit_test(a_zone_block_names_its_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
