/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which records a reply takes: shares of a million draws within 1 % of the weights, and subsets
 * that stay the same for a client and move only with the record that goes.
 *
 * links: control
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "answer/pick.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST = 300
};

/* A node of one set of A records, 10.0.x.y for i = x * 256 + y, without those in `gone`. */
static struct node *node_make(unsigned count, unsigned gone, struct rrset *ret_set)
{
    struct node *node = calloc(1, 64 + 4 * MOST);
    uint8_t *data = (uint8_t *)node + 64;
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i != gone) {
            const uint8_t address[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
            memcpy(data + 4 * kept++, address, 4);
        }
    }
    *ret_set = (struct rrset){.type = TYPE_A, .count = (uint16_t)kept, .ttl = 5, .at = 64};
    return node;
}

static void test_weighted_shares(void **state)
{
    const uint16_t weights[5] = {1, 10, 100, 0, 889};
    struct rrset set;
    struct node *node = node_make(5, 5, &set);
    struct random random;
    unsigned long got[5] = {0};
    (void)state;
    random_seed(&random, 1);
    for (int i = 0; i < 1000000; i++) {
        struct pick pick;
        pick_weighted(&set, (const uint8_t *)weights, random_next(&random), 1, &pick);
        assert_int_equal(pick.count, 1);
        got[(pick.at[0] - 64) / 4]++;
    }
    for (int i = 0; i < 5; i++) {
        /* within 1 % of all answers */
        assert_in_range(got[i] + 10000, (unsigned long)weights[i] * 1000,
                        (unsigned long)weights[i] * 1000 + 20000);
    }
    assert_int_equal(got[3], 0);
    free(node);
}

static void test_weighted_without_replacement(void **state)
{
    const uint16_t weights[4] = {5, 0, 5, 0};
    struct rrset set;
    struct node *node = node_make(4, 4, &set);
    struct random random;
    (void)state;
    random_seed(&random, 2);
    for (int i = 0; i < 1000; i++) {
        struct pick pick;
        unsigned seen = 0;
        pick_weighted(&set, (const uint8_t *)weights, random_next(&random), 4, &pick);
        assert_int_equal(pick.count, 4);
        for (unsigned k = 0; k < 4; k++) {
            seen |= 1u << ((pick.at[k] - 64) / 4);
        }
        assert_int_equal(seen, 15);
        /* Those with weight come first. */
        assert_int_equal((pick.at[0] - 64) / 4 % 2 + (pick.at[1] - 64) / 4 % 2, 0);
    }
    free(node);
}

static uint32_t address_at(const struct node *node, uint32_t place)
{
    uint32_t address;
    memcpy(&address, (const uint8_t *)node + place, 4);
    return address;
}

static void test_stable_subsets(void **state)
{
    struct rrset set, fewer;
    struct node *node = node_make(180, MOST, &set), *without = node_make(180, 77, &fewer);
    unsigned long uses[180] = {0}, moved = 0, had = 0;
    (void)state;
    for (unsigned client = 0; client < 20000; client++) {
        const uint8_t bytes[4] = {192, 168, (uint8_t)(client >> 8), (uint8_t)client};
        struct address address = address_from_v4(bytes);
        struct pick first, again, less;
        pick_stable(node, &set, &address, 8, &first);
        pick_stable(node, &set, &address, 8, &again);
        pick_stable(without, &fewer, &address, 8, &less);
        assert_int_equal(first.count, 8);
        assert_memory_equal(first.at, again.at, 8 * sizeof(first.at[0]));
        bool lost = false;
        unsigned same = 0;
        for (unsigned i = 0; i < 8; i++) {
            unsigned index = (first.at[i] - 64) / 4;
            uses[index]++;
            lost = lost || index == 77;
            for (unsigned k = 0; k < 8; k++) {
                same += address_at(node, first.at[i]) == address_at(without, less.at[k]);
            }
        }
        had += lost;
        moved += same < 8;
        assert_int_equal(same, lost ? 7 : 8);
    }
    assert_int_equal(had, moved);
    for (unsigned i = 0; i < 180; i++) {
        assert_in_range(uses[i], 889 - 150, 889 + 150); /* 20000 * 8 / 180 */
    }
    free(node);
    free(without);
}

static void test_edges(void **state)
{
    struct rrset set;
    struct node *node = node_make(3, 3, &set);
    struct pick pick;
    struct address client = {{1}};
    (void)state;
    pick_stable(node, &set, &client, 10, &pick);
    assert_int_equal(pick.count, 3);
    pick_stable(node, &set, &client, 0, &pick);
    assert_int_equal(pick.count, 0);
    set.count = 0;
    pick_stable(node, &set, &client, 5, &pick);
    assert_int_equal(pick.count, 0);
    pick_weighted(&set, NULL, 5, 5, &pick);
    assert_int_equal(pick.count, 0);
    free(node);
    node = node_make(MOST, MOST, &set);
    pick_stable(node, &set, &client, MOST, &pick);
    assert_int_equal(pick.count, PICK_MOST);
    free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weighted_shares),
        cmocka_unit_test(test_weighted_without_replacement),
        cmocka_unit_test(test_stable_subsets),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
