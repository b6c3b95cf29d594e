/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From records to the base tree: order, merging, sharing with the version before, running out of
 * memory.
 */
#include "unit/snapshot/zone_world.h"

#include "base/random.h"

#include <stdio.h>
#include <string.h>

static void records_become_a_tree_in_canonical_order(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, "z A 192.0.2.9\n*.a TXT w\n@ SOA ns h 42 1 1 1 1\n"
                                        "ns A 192.0.2.53\n@ NS ns\nb.a A 192.0.2.2\nZ A 192.0.2.8\n"
                                        "a TXT x\nb.a A 192.0.2.1\n"),
                     ERR_OK);
    assert_string_equal(world_findings(&world), "");
    assert_string_equal(world_dump(&world, world.base.root),
                        "@ 3600 NS ns.example.com.\n"
                        "@ 3600 SOA ns.example.com. h.example.com. 42 1 1 1 1\n"
                        "a 3600 TXT \"x\"\n*.a 3600 TXT \"w\"\nb.a 3600 A 192.0.2.1\n"
                        "b.a 3600 A 192.0.2.2\nns 3600 A 192.0.2.53\n"
                        "z 3600 A 192.0.2.8\nz 3600 A 192.0.2.9\n");
    assert_int_equal(world.base.names, 6);
    assert_int_equal(world.base.records, 9);
    assert_int_equal(world.base.serial, 42);
    assert_true(world.base.wildcard);
    assert_int_equal(world_base(&world, APEX "x.*.y A 192.0.2.1\n"), ERR_OK);
    assert_true(world.base.wildcard);
    assert_int_equal(world_base(&world, APEX "x.**.y A 192.0.2.1\n"), ERR_OK);
    assert_false(world.base.wildcard);
    world_deinit(&world);
}

static char *hosts(unsigned count, unsigned differ)
{
    char *text = malloc(64 * (count + 8)), *at = text;
    assert_non_null(text);
    at += sprintf(at, "%s", APEX);
    for (unsigned i = 0; i < count; i++) {
        at += sprintf(at, "h%u A 192.0.2.%u\n", i, i < differ ? 200 : i % 100);
    }
    return text;
}

static void a_reload_costs_memory_for_its_differences(void **state)
{
    (void)state;
    struct zone_world world;
    char *one = hosts(2000, 0), *two = hosts(2000, 10);
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, one), ERR_OK);
    uint64_t alone = world.slab.live_bytes;
    struct twig old = world.base.root;
    world.trees[0].root = old; /* as a view that is still served */
    ((struct block *)slab_at(&world.slab, old.ref))->refs++;
    assert_int_equal(world_base(&world, two), ERR_OK);
    world_audit(&world);
    /* Ten nodes, and the branches above them, are new; all else is shared. */
    assert_in_range(world.slab.live_bytes, alone + 10 * 40, alone + alone / 10);
    uint64_t changed = world.slab.live_bytes;
    struct twig before = world.base.root;
    assert_int_equal(world_base(&world, two), ERR_OK);
    world_audit(&world);
    assert_int_equal(world.base.root.ref, before.ref); /* nothing differs: the same tree */
    assert_int_equal(world.slab.live_bytes, changed);
    slab_reclaim(&world.slab, &world.retired);
    assert_non_null(strstr(world_dump(&world, old), "h3 3600 A 192.0.2.3\n"));
    assert_non_null(strstr(world_dump(&world, world.base.root), "h3 3600 A 192.0.2.200\n"));
    world_deinit(&world);
    free(one);
    free(two);
}

/* Names come and go, change, stand apart in several runs, are wildcards and delegations. */
static void version_draw(struct random *random, char *out)
{
    static const char *const names[] = {"a",   "b",   "*.a", "c.a", "d",     "e.d",   "f.e.d", "*",
                                        "g-1", "g-2", "g-3", "g-4", "h.g-4", "i.h.j", "k",     "l"};
    enum {
        NAMES = sizeof(names) / sizeof(names[0])
    };
    char *at = out + sprintf(out, "%s", APEX);
    unsigned lines = (unsigned)(random_next(random) % 40);
    for (unsigned i = 0; i < lines; i++) {
        uint64_t draw = random_next(random);
        at += sprintf(at, "%s %u A 192.0.2.%u\n", names[draw % NAMES],
                      (unsigned)(draw >> 16 & 1) + 60, (unsigned)(draw >> 24 & 3));
    }
}

static void a_version_over_another_is_as_from_nothing(void **state)
{
    (void)state;
    struct random random;
    struct zone_world over;
    random_seed(&random, 1);
    world_init(&over, "example.com.");
    for (unsigned i = 0; i < 500; i++) {
        char text[8192];
        struct zone_world alone;
        version_draw(&random, text);
        world_init(&alone, "example.com.");
        assert_int_equal(world_base(&alone, text), ERR_OK);
        assert_int_equal(world_base(&over, text), ERR_OK);
        world_audit(&over);
        char *want = strdup(world_dump(&alone, alone.base.root));
        assert_string_equal(world_dump(&over, over.base.root), want);
        assert_int_equal(over.base.names, alone.base.names);
        assert_int_equal(over.base.records, alone.base.records);
        assert_int_equal(over.base.wildcard, alone.base.wildcard);
        assert_int_equal(over.slab.live_bytes, alone.slab.live_bytes);
        free(want);
        world_deinit(&alone);
    }
    world_deinit(&over);
}

static void a_refused_version_leaves_the_old_one(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, APEX "a TXT x\n"), ERR_OK);
    uint64_t before = world.slab.live_bytes;
    assert_int_equal(world_base(&world, APEX "a CNAME b\na TXT x\n"), ERR_INVALID);
    slab_reclaim(&world.slab, &world.retired);
    assert_int_equal(world.slab.live_bytes, before);
    assert_non_null(strstr(world_dump(&world, world.base.root), "a 3600 TXT \"x\"\n"));
    world_deinit(&world);
}

static void append(struct records *list, const char *owner, uint16_t type, const void *rdata,
                   size_t len)
{
    uint8_t name[NAME_MAX];
    assert_int_equal(name_from_text(owner, NULL, name), ERR_OK);
    struct record record = {.owner = name,
                            .type = type,
                            .rdata_len = (uint16_t)len,
                            .ttl = 60,
                            .line = (uint32_t)list->count + 1,
                            .rdata = rdata};
    assert_int_equal(records_append(list, &record), ERR_OK);
}

/* What no zone text gives: addresses of a wrong length, more than a name can hold. */
static void records_of_other_sources_are_judged(void **state)
{
    (void)state;
    static uint8_t big[60000];
    struct zone_world world;
    struct findings findings;
    struct zone_base base;
    struct txn txn;
    struct diag_list diags;
    world_init(&world, "example.com.");
    assert_true(records_add_file(&world.records, "z") >= 0);
    append(&world.records, "example.com.", TYPE_SOA, "\0\0aaaabbbbccccddddeeee", 22);
    append(&world.records, "example.com.", TYPE_NS, "\1n\0", 3);
    append(&world.records, "a.example.com.", TYPE_A, "abc", 3);
    append(&world.records, "b.example.com.", TYPE_TXT, big, sizeof(big));
    big[0] = 1;
    append(&world.records, "b.example.com.", TYPE_TXT, big, sizeof(big));
    append(&world.records, "c.example.com.", TYPE_AAAA, "abcd", 4);
    findings_init(&findings, &ALLOC_MALLOC, world.origin);
    diag_init(&diags, &ALLOC_MALLOC);
    txn_begin(&txn, &world.slab, &ALLOC_MALLOC);
    assert_int_equal(
        zone_base_build(&txn, world.origin, &world.records, &world.base, &findings, &base),
        ERR_INVALID);
    assert_int_equal(findings.errors, 3);
    assert_int_equal(base.names, 1);
    findings_settle(&findings, &world.records, "z", &diags);
    assert_int_equal(diags.first->place.line, 3);
    assert_int_equal(diags.first->next->place.line, 5);
    assert_int_equal(diags.first->next->next->place.line, 6);
    txn_commit(&txn, &world.retired);
    slab_release(&world.slab, base.root.ref, &world.retired);
    findings_deinit(&findings);
    diag_deinit(&diags);
    world_deinit(&world);
}

/* The n-th allocation and all after it fail; the slab is full after n units. */
static void starve(struct zone_world *world, size_t heap, size_t units, bool *felt)
{
    struct failing failing;
    struct findings findings;
    struct zone_base base;
    struct txn txn;
    struct retired garbage = {0};
    size_t reserved = world->slab.backing.reserved;
    failing_init(&failing, SIZE_MAX);
    failing.left = heap;
    findings_init(&findings, &failing.alloc, world->origin);
    txn_begin(&txn, &world->slab, &failing.alloc);
    if (units != SIZE_MAX) {
        world->slab.backing.reserved = world->slab.top + units * SLAB_UNIT;
    }
    int err = zone_base_build(&txn, world->origin, &world->records, &world->base, &findings, &base);
    world->slab.backing.reserved = reserved;
    *felt = err != ERR_OK;
    assert_true(err == ERR_OK || err == ERR_NOMEM);
    txn_abort(&txn, NULL, 0);
    if (!twig_empty(base.root)) {
        slab_release(&world->slab, base.root.ref, &garbage);
    }
    slab_reclaim(&world->slab, &garbage);
    findings_deinit(&findings);
    assert_int_equal(failing.alive, 0);
    world_audit(world);
}

static void a_build_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct zone_world world;
    world_init(&world, "example.com.");
    assert_int_equal(world_base(&world, APEX "a A 192.0.2.1\nb A 192.0.2.1\nc.a TXT x\na TXT x\n"
                                             "c.a TXT y\nd.a TXT z\ne.a TXT u\nb.b.b TXT u\n"),
                     ERR_OK);
    slab_reclaim(&world.slab, &world.retired);
    bool felt = true;
    size_t n = 0;
    for (; felt; n++) {
        starve(&world, n, SIZE_MAX, &felt);
    }
    assert_true(n > 1);
    struct zone_world empty; /* no free blocks to live from */
    world_init(&empty, "example.com.");
    assert_int_equal(world_base(&empty, APEX), ERR_OK);
    struct records swap = empty.records;
    empty.records = world.records;
    world.records = swap;
    felt = true;
    for (n = 0; felt; n++) {
        starve(&empty, SIZE_MAX, n, &felt);
    }
    assert_true(n > 10);
    world_deinit(&empty);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_a_tree_in_canonical_order),
        cmocka_unit_test(a_reload_costs_memory_for_its_differences),
        cmocka_unit_test(a_version_over_another_is_as_from_nothing),
        cmocka_unit_test(a_refused_version_leaves_the_old_one),
        cmocka_unit_test(records_of_other_sources_are_judged),
        cmocka_unit_test(a_build_without_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
