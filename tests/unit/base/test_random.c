/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The seeded generator: the same numbers in every build, and no bias that a test could see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"

/* From the authors' definition of xoshiro256** with the state {1, 2, 3, 4}. */
static void test_known_sequence(void **state)
{
    (void)state;
    struct random random = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240u};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(random_next(&random) == expected[i]);
    }
}

/* splitmix64 of seed 0 begins with this number. */
static void test_seed(void **state)
{
    (void)state;
    struct random random, again, other;
    random_seed(&random, 0);
    assert_true(random.state[0] == 0xe220a8397b1dcdafu);
    random_seed(&again, 0);
    random_seed(&other, 1);
    uint64_t first = random_next(&random);
    assert_true(first == random_next(&again));
    assert_true(first != random_next(&other));
}

static void test_below(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    unsigned hits[6] = {0};
    for (int i = 0; i < 600000; i++) {
        uint64_t value = random_below(&random, 6);
        assert_true(value < 6);
        hits[value]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_in_range(hits[i], 98500, 101500); /* five standard deviations */
    }
    assert_int_equal(random_below(&random, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sequence),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
