/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The storm brake at its edges: what is a storm, what is a site, and that it always ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "failover/brake.h"

static struct mono at_s(int64_t s)
{
    return (struct mono){s * 1000000000};
}

static void test_what_is_a_storm(void **state)
{
    static const struct {
        struct brake_figures figures;
        bool on;
    } rows[] = {
        {{.targets = 100, .failing = 30, .recent = 30, .domains = 2}, true},
        {{.targets = 100, .failing = 29, .recent = 29, .domains = 2}, false},
        {{.targets = 100, .failing = 60, .recent = 60, .domains = 1}, false}, /* a site */
        {{.targets = 100, .failing = 60, .recent = 10, .domains = 2}, false}, /* for long */
        {{.targets = 9, .failing = 8, .recent = 8, .domains = 2}, false},
        {{.targets = 9, .failing = 9, .recent = 9, .domains = 2}, false},
        {{.targets = 10, .failing = 10, .recent = 1, .domains = 1}, true}, /* blind */
        {{.targets = 3, .failing = 1, .references = 2, .references_failing = 2}, true},
        {{.targets = 3, .failing = 1, .references = 2, .references_failing = 1}, false},
        {{.targets = 0}, false},
    };
    struct brake_policy policy = brake_policy_default();
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct brake brake = {.state = BRAKE_OFF};
        assert_int_equal(brake_step(&policy, &brake, &rows[i].figures, at_s(1)), rows[i].on);
        assert_int_equal(brake.state == BRAKE_ON, rows[i].on);
        assert_int_equal(brake.why != NULL, rows[i].on);
    }
}

static void test_it_ends_and_does_not_begin_again(void **state)
{
    struct brake_policy policy = brake_policy_default();
    struct brake_figures storm = {.targets = 20, .failing = 20, .recent = 20, .domains = 3};
    struct brake_figures calm = {.targets = 20};
    struct brake brake = {.state = BRAKE_OFF};
    (void)state;
    assert_true(brake_step(&policy, &brake, &storm, at_s(0)));
    assert_false(brake_step(&policy, &brake, &storm, at_s(299)));
    assert_true(brake_step(&policy, &brake, &storm, at_s(300)));
    assert_int_equal(brake.state, BRAKE_SPENT);
    for (int s = 301; s < 5000; s++) {
        assert_false(brake_step(&policy, &brake, &storm, at_s(s)));
    }
    assert_false(brake_step(&policy, &brake, &calm, at_s(5000)));
    assert_int_equal(brake.state, BRAKE_OFF);
    assert_true(brake_step(&policy, &brake, &storm, at_s(5001)));
    assert_true(brake_step(&policy, &brake, &calm, at_s(5002))); /* or earlier, when it is over */
    assert_int_equal(brake.state, BRAKE_OFF);
}

/* Whatever the figures: it is never on for longer than it may. */
static void test_never_longer_than_its_hold(void **state)
{
    struct brake_policy policy = brake_policy_default();
    struct brake brake = {.state = BRAKE_OFF};
    struct random random;
    int64_t on_since = -1;
    (void)state;
    random_seed(&random, 4);
    for (int64_t s = 0; s < 200000; s++) {
        struct brake_figures figures = {.targets = (uint32_t)random_below(&random, 30)};
        figures.failing = (uint32_t)random_below(&random, figures.targets + 1);
        figures.recent = (uint32_t)random_below(&random, figures.failing + 1);
        figures.domains = (uint32_t)random_below(&random, 4);
        if (s % 3000 > 1000) { /* long stretches of nothing but failure */
            figures =
                (struct brake_figures){.targets = 20, .failing = 20, .recent = 20, .domains = 2};
        }
        brake_step(&policy, &brake, &figures, at_s(s));
        on_since = brake.state != BRAKE_ON ? -1 : on_since < 0 ? s : on_since;
        assert_true(on_since < 0 || s - on_since < 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_storm),
        cmocka_unit_test(test_it_ends_and_does_not_begin_again),
        cmocka_unit_test(test_never_longer_than_its_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
