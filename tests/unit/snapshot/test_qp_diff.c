/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What differs between two trees, against looking up every name in both: trees that share most of
 * their nodes, trees that share none, and those with nothing in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "dns/name.h"
#include "snapshot/node.h"
#include "unit/failing.h"
#include "unit/snapshot/audit.h"

#include <stdlib.h>

enum {
    NAMES = 300,
    SLAB_BYTES = 16 << 20,
};

struct world {
    struct random random;
    struct backing backing;
    struct slab slab;
    uint8_t names[NAMES][NAME_MAX]; /* relative */
    size_t lens[NAMES];
    ref_t left[NAMES], told[NAMES]; /* as qp_diff() said, by name: the leaf and the other one */
    unsigned calls;
    struct retired retired;
};

static void key_of(struct world *world, unsigned i, struct qp_space *space, struct qp_name *key)
{
    qp_name_init(key, space, world->names[i], world->lens[i]);
}

static void names_make(struct world *world)
{
    for (unsigned i = 0; i < NAMES; i++) {
        bool known = true;
        while (known) {
            size_t len = 0;
            unsigned labels = 1 + (unsigned)random_below(&world->random, 3);
            for (unsigned k = 0; k < labels; k++) {
                unsigned bytes = 1 + (unsigned)random_below(&world->random, 4);
                world->names[i][len++] = (uint8_t)bytes;
                for (unsigned b = 0; b < bytes; b++) {
                    static const uint8_t usual[] = "abc-0*\001\377";
                    world->names[i][len++] = usual[random_below(&world->random, 8)];
                }
            }
            world->lens[i] = len;
            known = false;
            for (unsigned k = 0; k < i && !known; k++) {
                known = world->lens[k] == len && memcmp(world->names[k], world->names[i], len) == 0;
            }
        }
    }
}

static void tree_change(struct world *world, struct twig *root, unsigned changes)
{
    struct txn txn;
    txn_begin(&txn, &world->slab, &ALLOC_MALLOC);
    for (unsigned n = 0; n < changes; n++) {
        unsigned i = (unsigned)random_below(&world->random, NAMES);
        struct qp_space space;
        struct qp_name key;
        key_of(world, i, &space, &key);
        if (random_below(&world->random, 3) == 0) {
            (void)qp_remove(&txn, root, &key);
            continue;
        }
        struct node_draft draft;
        ref_t ref;
        node_draft_init(&draft, &ALLOC_MALLOC);
        assert_int_equal(node_draft_add(&draft, TYPE_A, 5, (const uint8_t *)"\300\0\2\1", 4),
                         ERR_OK);
        assert_int_equal(node_encode(&txn, world->names[i], world->lens[i], &draft, &ref, NULL),
                         ERR_OK);
        assert_int_equal(qp_set(&txn, root, &key, ref, 0), ERR_OK);
        node_draft_deinit(&draft);
    }
    txn_commit(&txn, &world->retired); /* never reclaimed: old trees stay */
}

static void differs(void *ctx, ref_t a, ref_t b)
{
    struct world *world = ctx;
    struct qp_leaf_name name = qp_leaf_name(&world->slab, a);
    world->calls++;
    for (unsigned i = 0; i < NAMES; i++) {
        if (world->lens[i] == name.len && memcmp(world->names[i], name.wire, name.len) == 0) {
            assert_int_equal(world->left[i], 0);
            world->left[i] = a;
            world->told[i] = b;
            return;
        }
    }
    fail_msg("a name that nobody has");
}

static void compare(struct world *world, struct twig a, struct twig b)
{
    unsigned wanted = 0;
    memset(world->left, 0, sizeof(world->left));
    world->calls = 0;
    qp_diff(&world->slab, a, b, differs, world);
    for (unsigned i = 0; i < NAMES; i++) {
        struct qp_space space;
        struct qp_name key;
        key_of(world, i, &space, &key);
        ref_t in_a = twig_empty(a) ? 0 : qp_get(&world->slab, a, &key);
        ref_t in_b = twig_empty(b) ? 0 : qp_get(&world->slab, b, &key);
        bool differ = in_a && in_a != in_b;
        wanted += differ;
        assert_int_equal(world->left[i], differ ? in_a : 0);
        assert_true(!differ || world->told[i] == in_b);
    }
    assert_int_equal(world->calls, wanted);
}

static void test_differences_are_all_told_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *world = calloc(1, sizeof(*world));
        struct twig trees[6] = {{0}};
        random_seed(&world->random, seed);
        struct slab_backing backing = backing_init(&world->backing, SLAB_BYTES);
        slab_init(&world->slab, &backing);
        names_make(world);
        for (unsigned i = 1; i < 6; i++) {
            bool fresh = random_below(&world->random, 3) == 0;
            if (!fresh && !twig_empty(trees[i - 1])) {
                trees[i] = trees[i - 1];
                slab_retain(&world->slab, trees[i].ref);
            }
            tree_change(world, &trees[i], 1 + (unsigned)random_below(&world->random, 1 << i * 2));
        }
        for (unsigned a = 0; a < 6; a++) {
            for (unsigned b = 0; b < 6; b++) {
                compare(world, trees[a], trees[b]);
            }
        }
        backing_deinit(&world->backing);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences_are_all_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
