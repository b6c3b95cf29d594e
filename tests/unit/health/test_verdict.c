/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Verdicts in virtual time: rise and fall, proof, flap penalty with its half-life, and that a
 * constant input never oscillates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "health/verdict.h"

static struct mono at_ms(int64_t ms)
{
    return (struct mono){ms * 1000000};
}

static void test_rise_and_fall(void **state)
{
    struct health_policy policy = health_policy_default();
    struct health health;
    (void)state;
    health_init(&health, VERDICT_PASSING, at_ms(0));
    assert_false(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(1000)));
    assert_false(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(2000)));
    assert_false(health_outcome(&policy, &health, OUTCOME_PASS, at_ms(3000))); /* begins anew */
    assert_false(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(4000)));
    assert_false(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(5000)));
    assert_true(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(6000)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_CRITICAL);
    assert_false(health_outcome(&policy, &health, OUTCOME_PASS, at_ms(7000)));
    assert_true(health_outcome(&policy, &health, OUTCOME_PASS, at_ms(8000)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_PASSING);
    assert_true(health_outcome(&policy, &health, OUTCOME_WARN, at_ms(9000)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_WARNING);
}

static void test_proof_and_first_look(void **state)
{
    struct health_policy policy = health_policy_default();
    struct health health;
    (void)state;
    health_init(&health, VERDICT_UNKNOWN, at_ms(0));
    assert_true(health_outcome(&policy, &health, OUTCOME_PASS, at_ms(1)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_PASSING);
    assert_true(health_outcome(&policy, &health, OUTCOME_DEAD, at_ms(2)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_CRITICAL);
    assert_true(health_outcome(&policy, &health, OUTCOME_ALIVE, at_ms(3)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_PASSING);
    health_init(&health, VERDICT_UNKNOWN, at_ms(0));
    assert_true(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(1)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_CRITICAL);
}

/* What could not be made counts neither for nor against: here the third failure in a row decides.
 */
static void test_a_check_that_could_not_be_made(void **unused)
{
    struct health_policy policy = health_policy_default();
    struct health health;
    (void)unused;
    health_init(&health, VERDICT_UNKNOWN, at_ms(0));
    assert_false(health_outcome(&policy, &health, OUTCOME_NONE, at_ms(1)));
    assert_int_equal(health.seen, VERDICT_UNKNOWN);
    health_init(&health, VERDICT_PASSING, at_ms(0));
    health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(1000));
    health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(2000));
    for (int i = 0; i < 10; i++) {
        assert_false(health_outcome(&policy, &health, OUTCOME_NONE, at_ms(3000 + i)));
    }
    assert_int_equal(health_verdict(&policy, &health), VERDICT_PASSING);
    assert_true(health_outcome(&policy, &health, OUTCOME_FAIL, at_ms(4000)));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_CRITICAL);
}

/* Three flaps hold it; the printed time of reuse is when it comes back, not a step earlier. */
static void flaps_hold(enum flap_hold hold, enum verdict held_as)
{
    struct health_policy policy = health_policy_default();
    struct health health;
    policy.hold = hold;
    health_init(&health, VERDICT_PASSING, at_ms(0));
    for (int i = 0; i < 3; i++) {
        health_outcome(&policy, &health, OUTCOME_DEAD, at_ms(i * 100));
        assert_int_equal(health.held, i == 2);
        health_outcome(&policy, &health, OUTCOME_ALIVE, at_ms(i * 100 + 50));
    }
    assert_int_equal(health.seen, VERDICT_PASSING);
    assert_int_equal(health_verdict(&policy, &health),
                     hold == FLAP_HOLD_UP ? VERDICT_PASSING : held_as);
    struct mono reuse = health_reuse_at(&policy, &health);
    /* From 3000 to 750 are two half-lives of a minute. */
    assert_in_range(reuse.ns / 1000000, 119000, 125000);
    assert_false(health_step(&policy, &health, (struct mono){reuse.ns - 1000000000}));
    assert_true(health_step(&policy, &health, reuse));
    assert_int_equal(health_verdict(&policy, &health), VERDICT_PASSING);
    if (hold == FLAP_HOLD_UP) {
        for (int i = 0; i < 3; i++) {
            health_outcome(&policy, &health, OUTCOME_DEAD, (struct mono){reuse.ns + 1});
            health_outcome(&policy, &health, OUTCOME_ALIVE, (struct mono){reuse.ns + 2});
        }
        health_outcome(&policy, &health, OUTCOME_DEAD, (struct mono){reuse.ns + 3});
        assert_int_equal(health_verdict(&policy, &health), held_as);
    }
}

static void test_flaps_are_held_down(void **state)
{
    (void)state;
    flaps_hold(FLAP_HOLD_DOWN, VERDICT_CRITICAL);
}

static void test_flaps_are_held_up(void **state)
{
    (void)state;
    flaps_hold(FLAP_HOLD_UP, VERDICT_WARNING);
}

/* Whatever came before: outcomes that stay the same end in a verdict that stays the same, and every
 * hold ends. */
static void test_constant_input_never_oscillates(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (int run = 0; run < 2000; run++) {
        struct health_policy policy = health_policy_default();
        struct health health;
        int64_t ms = 0;
        policy.rise = (uint16_t)(1 + random_below(&random, 4));
        policy.fall = (uint16_t)(1 + random_below(&random, 4));
        policy.hold = random_below(&random, 2) ? FLAP_HOLD_UP : FLAP_HOLD_DOWN;
        health_init(&health, (enum verdict)random_below(&random, 4), at_ms(0));
        for (int i = 0; i < 100; i++) {
            ms += (int64_t)random_below(&random, 5000);
            health_outcome(&policy, &health, (enum outcome_kind)random_below(&random, 5),
                           at_ms(ms));
        }
        bool pass = random_below(&random, 2);
        unsigned turns = 0;
        for (int i = 0; i < 400; i++) {
            ms += 5000;
            turns +=
                health_outcome(&policy, &health, pass ? OUTCOME_PASS : OUTCOME_FAIL, at_ms(ms));
        }
        assert_in_range(turns, 0, 2); /* its own turn, and the end of a hold */
        assert_int_equal(health_verdict(&policy, &health),
                         pass ? VERDICT_PASSING : VERDICT_CRITICAL);
        assert_false(health.held);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        assert_int_equal(verdict_from_name(verdict_name((enum verdict)i)), i);
    }
    assert_int_equal(verdict_from_name("dead"), VERDICT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_check_that_could_not_be_made),
        cmocka_unit_test(test_rise_and_fall),
        cmocka_unit_test(test_proof_and_first_look),
        cmocka_unit_test(test_flaps_are_held_down),
        cmocka_unit_test(test_flaps_are_held_up),
        cmocka_unit_test(test_constant_input_never_oscillates),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
